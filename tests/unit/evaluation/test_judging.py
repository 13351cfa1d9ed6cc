"""What missing and failed measurements mean for a model."""

from datetime import UTC, datetime

from ftops.domain.desired import Dataset, DeclaredEval
from ftops.domain.judgement import Judgement, Missing, MissingReason, Verdict
from ftops.domain.manifest import BackendName, Baseline, Condition, EvalSpec, ModelId, Revision, Test
from ftops.domain.scores import EvaluationRecord, ItemScore, Outcome
from ftops.evaluation.judging import BaselineScores, MeasuredEval, judge_evaluations

DIGEST = "ab" * 32
BACKEND = BackendName("gpu")
BASE = Baseline(base=True)
MIN = Condition(min=0.5)
AGAINST = Condition(baseline=BASE, test=Test.NON_INFERIORITY)


def declared(*gate: Condition, name: str = "intent") -> DeclaredEval:
    spec = EvalSpec(name=name, dataset="t.jsonl", grader={"type": "string_check"}, gate=gate)
    return DeclaredEval(spec=spec, dataset=Dataset(path="t.jsonl", sha256="0" * 64, size=1, rows=2), digest=DIGEST)


def recorded(*scores: float | None, error: str | None = None, outcome: Outcome = Outcome.OK) -> EvaluationRecord:
    items = tuple(ItemScore(row=f"{n:016x}", score=s, output=None, outcome=outcome) for n, s in enumerate(scores))
    return EvaluationRecord(
        name="intent",
        digest=DIGEST,
        sent=DIGEST,
        grader=DIGEST,
        model="ft:m",
        backend="gpu",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        items=items,
        error=error,
        left_out=1,
    )


def scores_of(record: EvaluationRecord | None) -> BaselineScores:
    return BaselineScores(model=ModelId("base"), backend=BACKEND, record=record, note="a note")


def judged(*measured: MeasuredEval) -> Judgement:
    return judge_evaluations(measured, model=ModelId("ft:m"), revision=Revision("0" * 12), backend=BACKEND)


def test_a_model_without_gates_passes_and_still_lacks_its_scores() -> None:
    judgement = judged(MeasuredEval(declared=declared(), candidate=None))
    assert (judgement.verdict, judgement.has_gate) == (Verdict.PASS, False)
    assert judgement.missing == (Missing(eval="intent", reason=MissingReason.NOT_EVALUATED),)
    assert not judgement.evals[0].is_measured


def test_the_worst_enforced_verdict_counts() -> None:
    gate = (MIN, Condition(min=0.9, shadow=True))
    judgement = judged(MeasuredEval(declared=declared(*gate), candidate=recorded(1.0, 0.0, outcome=Outcome.LENGTH)))
    assert (judgement.verdict, judgement.has_gate, judgement.missing) == (Verdict.PASS, True, ())
    (evaluation,) = judgement.evals
    assert [r.verdict for r in evaluation.conditions] == [Verdict.PASS, Verdict.FAIL]
    assert (evaluation.n, evaluation.left_out, evaluation.mean) == (2, 1, 0.5)
    assert evaluation.outcomes == {Outcome.LENGTH: 2}


def test_there_is_no_verdict_before_everything_enforced_is_measured() -> None:
    measured = (
        MeasuredEval(declared=declared(MIN), candidate=recorded(0.0)),
        MeasuredEval(declared=declared(MIN, name="tone"), candidate=None, missing_reason=MissingReason.EVAL_CHANGED),
    )
    judgement = judged(*measured)
    assert judgement.verdict is None
    assert judgement.missing == (Missing(eval="tone", reason=MissingReason.EVAL_CHANGED),)


def test_a_baseline_is_named_in_the_result() -> None:
    one = MeasuredEval(declared=declared(AGAINST), candidate=recorded(1.0), baselines=(scores_of(recorded(1.0)),))
    judgement = judged(one)
    (result,) = judgement.evals[0].conditions
    assert (judgement.verdict, result.baseline_model, result.baseline_backend, result.note) == (
        Verdict.PASS,
        "base",
        BACKEND,
        "a note",
    )


def test_a_baseline_without_scores_is_missing_once() -> None:
    for scores in (None, scores_of(None)):
        one = MeasuredEval(declared=declared(AGAINST, AGAINST), candidate=recorded(1.0), baselines=(scores, scores))
        judgement = judged(one)
        assert judgement.verdict is None
        assert judgement.missing == (Missing(eval="intent", reason=MissingReason.NOT_EVALUATED, baseline=BASE),)


def test_an_error_of_candidate_or_baseline_is_a_verdict_and_still_to_be_measured() -> None:
    failed = recorded(None, error="1 of 1 items without a score: dropped")
    of_candidate = judged(MeasuredEval(declared=declared(MIN), candidate=failed))
    assert of_candidate.verdict is Verdict.ERROR
    assert of_candidate.evals[0].mean is None
    assert of_candidate.missing == (Missing(eval="intent", reason=MissingReason.EVALUATION_ERROR),)
    one = MeasuredEval(declared=declared(AGAINST), candidate=recorded(1.0), baselines=(scores_of(failed),))
    of_baseline = judged(one)
    assert of_baseline.verdict is Verdict.ERROR
    assert "dropped" in of_baseline.evals[0].conditions[0].sentence
    assert of_baseline.missing == (Missing(eval="intent", reason=MissingReason.EVALUATION_ERROR, baseline=BASE),)


def test_what_is_missing_with_the_candidate_is_missing_for_the_baseline_too() -> None:
    one = MeasuredEval(declared=declared(AGAINST), candidate=None, baselines=(None,))
    assert [lack.baseline for lack in judged(one).missing] == [None, BASE]
