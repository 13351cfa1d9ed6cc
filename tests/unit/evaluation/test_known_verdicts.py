"""What conditions came to before is not judged again, as long as everything that it rests on is the same."""

import dataclasses
from datetime import UTC, datetime

import msgspec
import pytest

from ftops.domain.desired import Dataset, DeclaredEval
from ftops.domain.judgement import ConditionResult, Judgement, Verdict
from ftops.domain.manifest import BackendName, Baseline, Condition, EvalSpec, ModelId, Price, Test
from ftops.domain.preferences import KnownPreferences, Pair, PairItem
from ftops.domain.scores import EvaluationRecord, ItemScore
from ftops.evaluation import judging
from ftops.evaluation.judging import BaselineScores, MeasuredEval, judge_evaluations
from ftops.evaluation.known_verdicts import Judged

BACKEND = BackendName("gpu")
BASE = Baseline(base=True)
GATE = (
    Condition(min=0.7, confidence=0.95),
    Condition(baseline=BASE, test=Test.NON_INFERIORITY, margin=0.3, confidence=0.95),
    Condition(metric="pass_rate", max=0.9, shadow=True),
    Condition(metric="usd_per_1k", max=5.0, confidence=0.95),
)
SCORES = tuple(0.5 + 0.01 * n for n in range(40))


def recorded(scores: tuple[float, ...]) -> EvaluationRecord:
    items = tuple(
        ItemScore(row=f"{n:016x}", score=score, output="0" * 16, input_tokens=n, output_tokens=5)
        for n, score in enumerate(scores)
    )
    return EvaluationRecord(
        name="tone",
        digest="ab" * 32,
        sent="0" * 64,
        grader="0" * 64,
        model="ft:m",
        backend="gpu",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        items=items,
    )


def measured(*gate: Condition, scores: tuple[float, ...] = SCORES, digest: str = "ab" * 32) -> MeasuredEval:
    grader = {"type": "text_similarity", "pass_threshold": 0.6}
    known = BaselineScores(
        model=ModelId("base"),
        backend=BACKEND,
        record=recorded(tuple(score / 2 for score in scores)),
        price=Price(input=1.0, output=1.0),
    )
    return MeasuredEval(
        declared=DeclaredEval(
            spec=EvalSpec(name="tone", dataset="t.jsonl", grader=grader, gate=gate),
            dataset=Dataset(path="t.jsonl", sha256="0" * 64, size=1, rows=len(scores)),
            digest=digest,
        ),
        candidate=recorded(scores),
        baselines=tuple(known if condition.baseline else None for condition in gate),
        price=Price(input=0.4, output=1.6),
    )


def judged(one: MeasuredEval, known: dict[str, Judged]) -> Judgement:
    return judge_evaluations([one], model=ModelId("ft:m"), revision=None, backend=BACKEND, known=known)


def judges_nothing(*_: object, **__: object) -> ConditionResult:
    raise AssertionError


def test_what_is_known_is_told_without_judging(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, Judged] = {}
    first = judged(measured(*GATE), known)
    assert len(known) == len(GATE)
    monkeypatch.setattr(judging, "judge", judges_nothing)
    assert judged(measured(*GATE), known) == first


def test_what_is_known_of_choices_is_told_without_judging(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Condition(metric="win_rate", baseline=BASE, test=Test.SUPERIORITY, confidence=0.95)
    one, pairs = measured(gate), dict[Pair, PairItem]()
    for item in recorded(SCORES).items:
        pair = Pair(row=item.row, repeat=0, candidate="0" * 16, baseline="1" * 16)
        pairs[pair] = PairItem(row=item.row, repeat=0, candidate="0" * 16, baseline="1" * 16, win=1.0, votes=1)
    (baseline,) = one.baselines
    assert baseline is not None
    said = dataclasses.replace(baseline, preferences=KnownPreferences(items=pairs))
    one = dataclasses.replace(one, baselines=(said,))
    known: dict[str, Judged] = {}
    first = judged(one, known)
    assert first.evals[0].conditions[0].verdict is Verdict.PASS
    monkeypatch.setattr(judging, "judge_choices", judges_nothing)
    assert judged(one, known) == first


def changed_items(one: MeasuredEval, **changes: object) -> MeasuredEval:
    assert one.candidate is not None
    items = (msgspec.structs.replace(one.candidate.items[0], **changes), *one.candidate.items[1:])
    return dataclasses.replace(one, candidate=msgspec.structs.replace(one.candidate, items=items))


CHANGES = {
    "threshold": measured(Condition(min=0.71, confidence=0.95)),
    "confidence": measured(Condition(min=0.7, confidence=0.9)),
    "metric": measured(Condition(metric="pass_rate", min=0.7, confidence=0.95)),
    "seed": measured(GATE[0], digest="cd" * 32),
    "score": measured(GATE[0], scores=(*SCORES[:-1], 0.0)),
    "fewer": measured(GATE[0], scores=SCORES[:-1]),
    "cluster": changed_items(measured(GATE[0]), cluster="c" * 16),
    "price": dataclasses.replace(measured(GATE[0]), price=Price(input=0.5, output=1.6)),
    "compared": dataclasses.replace(measured(GATE[0]), compared=3),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_is_judged_again(what: str) -> None:
    known: dict[str, Judged] = {}
    judged(measured(GATE[0]), known)
    judged(CHANGES[what], known)
    assert len(known) == 2
