"""Win rates: what preferences a gate weighs, and what it says where there are none."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ftops.domain.desired import Dataset, DeclaredEval, Measures
from ftops.domain.judgement import EvalJudgement, Judgement, Missing, MissingReason, Verdict
from ftops.domain.manifest import BackendName, Baseline, Condition, EvalSpec, ModelId, Revision, Test
from ftops.domain.preferences import PairItem, PreferenceRecord
from ftops.domain.scores import EvaluationRecord, ItemScore
from ftops.evaluation.identity import grader_digest
from ftops.evaluation.judging import BaselineScores, MeasuredEval, judge_evaluations
from ftops.evaluation.win_rates import said_of, with_comparisons, with_wins

AT, SHA, LAB = datetime(2026, 11, 21, tzinfo=UTC), "a" * 64, BackendName("lab")
OURS, THEIRS, CHANGED = "c" * 16, "d" * 16, "e" * 16
BASE = Baseline(base=True)
AGAINST = Condition(metric="win_rate", baseline=BASE, test=Test.SUPERIORITY, confidence=0.95)
AT_LEAST = Condition(metric="win_rate", min=0.5, confidence=0.95)
SCORED = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "x"}
PAIRWISE = {
    "type": "label_model",
    "model": "judge-2026-01-01",
    "input": [{"role": "user", "content": "{{first.output_text}} or {{second.output_text}}?"}],
    "labels": ["first", "second", "tie"],
    "passing_labels": ["first"],
}


def spec(*gate: Condition, is_pairwise: bool) -> EvalSpec:
    return EvalSpec(name="tone", dataset="d.jsonl", grader=PAIRWISE if is_pairwise else SCORED, gate=gate)


def scored(model: str, output: str, n: int, **changes: Any) -> EvaluationRecord:
    items = tuple(ItemScore(f"{i:016x}", None, output) for i in range(n))
    values: dict[str, Any] = {"name": "tone", "digest": SHA, "sent": SHA, "grader": SHA, "backend": "lab", "at": AT}
    return EvaluationRecord(**{**values, "model": model, "items": items, **changes})


def said(wins: list[float | None], *, is_pairwise: bool, **changes: Any) -> PreferenceRecord:
    items = tuple(PairItem(f"{i:016x}", 0, OURS, THEIRS, w, votes=0 if is_pairwise else 1) for i, w in enumerate(wins))
    about = {"candidate": "ft:1", "backend": "lab", "sent": SHA}
    other = {"baseline": "base", "baseline_backend": "lab", "baseline_sent": SHA}
    grader = grader_digest(PAIRWISE) if is_pairwise else None
    record = PreferenceRecord(name="tone", digest=SHA, grader=grader, **about, **other, at=AT, items=items)
    return msgspec.structs.replace(record, **changes)


def judged(
    one: EvalSpec, *records: PreferenceRecord, n: int = 60, baseline_changes: dict[str, Any] | None = None
) -> tuple[Judgement, EvalJudgement]:
    ours, theirs = scored("ft:1", OURS, n), scored("base", THEIRS, n, **(baseline_changes or {}))
    baselines = tuple(
        BaselineScores(
            model=ModelId("base"), backend=LAB, record=theirs, preferences=said_of(one, records, ours, theirs)
        )
        for _ in one.gate
    )
    dataset = Dataset(path="d.jsonl", sha256=SHA, size=1, rows=n, measure=lambda: Measures(tokens=1))
    measured = MeasuredEval(
        declared=DeclaredEval(spec=one, digest=SHA, dataset=dataset), candidate=ours, baselines=baselines
    )
    judgement = judge_evaluations([measured], model=ModelId("ft:1"), revision=Revision("b" * 12), backend=LAB)
    return judgement, judgement.evals[0]


class TestJudges:
    def test_many_wins_pass_against_the_baseline_and_the_threshold(self) -> None:
        wins: list[float | None] = [1.0] * 45 + [0.0] * 10 + [0.5] * 5
        judgement, found = judged(spec(AGAINST, AT_LEAST, is_pairwise=True), said(wins, is_pairwise=True))
        assert judgement.verdict is Verdict.PASS
        against, at_least = found.conditions
        assert against.observed == pytest.approx(35 / 60), "d = 2w − 1"
        assert at_least.observed == pytest.approx(47.5 / 60)
        assert at_least.baseline_model == "base", "a win rate without a baseline is against the base model"

    def test_more_losses_than_wins_fail(self) -> None:
        wins: list[float | None] = [1.0] * 10 + [0.0] * 50
        judgement, _ = judged(spec(AGAINST, is_pairwise=True), said(wins, is_pairwise=True))
        assert judgement.verdict is Verdict.FAIL

    def test_ties_alone_show_nothing(self) -> None:
        judgement, _ = judged(spec(AGAINST, is_pairwise=True), said([0.5] * 60, is_pairwise=True))
        assert judgement.verdict is Verdict.INSUFFICIENT_EVIDENCE

    def test_pairs_that_depended_on_the_order_are_counted(self) -> None:
        record = said([0.5] * 60, is_pairwise=True)
        dependent = tuple(PairItem(i.row, 0, OURS, THEIRS, 0.5, is_order_dependent=True) for i in record.items[:7])
        _, found = judged(
            spec(AT_LEAST, is_pairwise=True), msgspec.structs.replace(record, items=dependent + record.items[7:])
        )
        assert found.conditions[0].sentence.endswith("; 7 of 60 pairs depended on the order and count half")

    def test_pairs_never_judged_are_missing(self) -> None:
        one = spec(AGAINST, AT_LEAST, is_pairwise=True)
        judgement, found = judged(one, said([1.0] * 59, is_pairwise=True))
        assert (judgement.verdict, found.conditions) == (None, ())
        assert judgement.missing == (Missing(eval="tone", reason=MissingReason.NOT_EVALUATED, baseline=BASE),)

    def test_pairs_whose_judge_failed_are_an_error_and_are_judged_again(self) -> None:
        record = said([1.0] * 59 + [None], is_pairwise=True, error="1 of 60 pairs without a judgement: it refused")
        judgement, found = judged(spec(AT_LEAST, is_pairwise=True), record)
        assert judgement.verdict is Verdict.ERROR
        assert "it refused" in found.conditions[0].sentence
        assert [lack.reason for lack in judgement.missing] == [MissingReason.EVALUATION_ERROR]

    def test_a_judge_that_could_not_be_asked_at_all_is_an_error(self) -> None:
        judgement, found = judged(
            spec(AT_LEAST, is_pairwise=True), said([], is_pairwise=True, error="Invalid 'grader.labels'")
        )
        assert judgement.verdict is Verdict.ERROR
        assert "grader.labels" in found.conditions[0].sentence
        assert [lack.reason for lack in judgement.missing] == [MissingReason.EVALUATION_ERROR]

    def test_pairs_without_a_preference_are_an_error_whatever_the_record_says(self) -> None:
        judgement, found = judged(spec(AT_LEAST, is_pairwise=True), said([1.0] * 59 + [None], is_pairwise=True))
        assert judgement.verdict is Verdict.ERROR
        assert "1 pair without a judgement" in found.conditions[0].sentence

    def test_another_judges_preferences_do_not_count(self) -> None:
        other = said([1.0] * 60, is_pairwise=True, grader="f" * 64)
        judgement, _ = judged(spec(AT_LEAST, is_pairwise=True), other, said([1.0] * 60, is_pairwise=False))
        assert judgement.verdict is None

    def test_a_baseline_in_error_is_an_error(self) -> None:
        one = spec(AT_LEAST, is_pairwise=True)
        judgement, _ = judged(one, said([1.0] * 60, is_pairwise=True), baseline_changes={"error": "down"})
        assert judgement.verdict is Verdict.ERROR


class TestPeople:
    def test_nobody_asked_is_no_evidence_and_says_what_to_do(self) -> None:
        judgement, found = judged(spec(AGAINST, is_pairwise=False))
        assert (judgement.verdict, judgement.missing) == (Verdict.INSUFFICIENT_EVIDENCE, ())
        assert "--export-pairs FILE" in found.conditions[0].sentence
        assert "--import-labels FILE" in found.conditions[0].sentence

    def test_what_they_chose_counts_as_far_as_they_got(self) -> None:
        wins: list[float | None] = [1.0] * 40
        judgement, found = judged(spec(AT_LEAST, is_pairwise=False), said(wins, is_pairwise=False))
        assert judgement.verdict is Verdict.PASS
        assert found.conditions[0].n == 40
        assert found.conditions[0].sentence.endswith("; chosen by people, 40 choices; 20 items without one")

    def test_choices_about_other_answers_do_not_count_and_that_is_said(self) -> None:
        record = said([1.0] * 40, is_pairwise=False)
        changed = tuple(PairItem(i.row, 0, CHANGED, THEIRS, 1.0, votes=1) for i in record.items)
        judgement, found = judged(spec(AT_LEAST, is_pairwise=False), msgspec.structs.replace(record, items=changed))
        assert judgement.verdict is Verdict.INSUFFICIENT_EVIDENCE
        assert found.conditions[0].sentence.endswith(
            "; 40 choices don't count: their answers are no longer the recorded ones"
        )

    def test_a_judges_preferences_are_not_peoples(self) -> None:
        judgement, found = judged(spec(AT_LEAST, is_pairwise=False), said([1.0] * 60, is_pairwise=True))
        assert judgement.verdict is Verdict.INSUFFICIENT_EVIDENCE
        assert found.conditions[0].n == 0


class TestOpponents:
    def test_a_win_rate_is_against_the_only_baseline_that_is_named_else_the_base_model(self) -> None:
        named = Baseline(alias=None, model=ModelId("gpt-4.1-2025-04-14"))
        other = Condition(metric="mean", baseline=named, test=Test.SUPERIORITY)
        assert spec(AT_LEAST, is_pairwise=False).opponents == (BASE,)
        assert spec(AT_LEAST, other, is_pairwise=False).opponents == (named,)
        two = dataclasses.replace(other, baseline=dataclasses.replace(named, backend=LAB))
        assert spec(other, two, AT_LEAST, is_pairwise=False).opponent(AT_LEAST) == BASE
        assert spec(Condition(min=0.5), is_pairwise=False).opponents == ()


class TestItems:
    def test_what_items_won_stands_for_their_scores(self) -> None:
        one = spec(AGAINST, is_pairwise=True)
        ours, theirs = scored("ft:1", OURS, 4), scored("base", THEIRS, 4)
        found, (other,) = with_wins(one, (said([1.0, 0.5, 0.0], is_pairwise=True),), ours, [theirs])
        assert [item.score for item in found.items] == [1.0, 0.5, 0.0, None]
        assert [item.score for item in other.items] == [0.0, 0.5, 1.0, None]
        assert with_wins(one, (), ours, []) == (ours, ())

    def test_what_a_judge_took_is_counted_once_for_each_baseline(self) -> None:
        one = spec(AGAINST, AT_LEAST, is_pairwise=True)
        took = {"judge_calls": 4, "judge_input_tokens": 40, "judge_output_tokens": 8}
        ours, base, second = scored("ft:1", OURS, 2), scored("base", THEIRS, 2), scored("gpt", THEIRS, 2)
        records = (said([1.0], is_pairwise=True, **took), said([1.0], is_pairwise=True, baseline="gpt", **took))
        known = [said_of(one, records, ours, other) for other in (base, base, second)]
        found = with_comparisons(ours, [*known, None])
        assert (found.judge_calls, found.judge_input_tokens, found.judge_output_tokens) == (8, 80, 16)
        people = said_of(spec(AGAINST, is_pairwise=False), (said([1.0], is_pairwise=False),), ours, base)
        assert with_comparisons(ours, [people]) == ours

    def test_each_baseline_keeps_its_own_difference(self) -> None:
        one = spec(AGAINST, is_pairwise=True)
        ours, base, second = scored("ft:1", OURS, 2), scored("base", THEIRS, 2), scored("gpt", THEIRS, 2)
        records = (said([1.0, 1.0], is_pairwise=True), said([0.0, 0.5], is_pairwise=True, baseline="gpt"))
        found, others = with_wins(one, records, ours, [base, second])
        assert [item.score for item in found.items] == [1.0, 1.0]
        assert [[item.score for item in other.items] for other in others] == [[0.0, 0.0], [2.0, 1.0]]
