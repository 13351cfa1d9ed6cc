"""Figures beside the verdict."""

import pytest

from ftops.domain.manifest import Price
from ftops.domain.scores import ItemScore, Outcome
from ftops.evaluation.metrics import MetricRefused, Reading, metric_values
from ftops.evaluation.reports import (
    Usage,
    break_even,
    classes_in,
    marks_in,
    outcomes_in,
    percentile,
    spread_of,
    usage_of,
)


def read(expected: str | None, mark: str | None, row: int = 0) -> ItemScore:
    return ItemScore(row=f"{row:016x}", score=float(expected == mark), output="0" * 16, mark=mark, expected=expected)


def test_classes_are_told_apart() -> None:
    answers = [read("a", "a"), read("a", "a"), read("a", "b"), read("b", "b"), read("b", "(none)"), read("c", "a")]
    found = classes_in(answers)
    assert found is not None
    assert (found.due, found.given) == (("a", "b", "c"), ("a", "b", "c", "(none)"))
    assert found.counts == {("a", "a"): 2, ("a", "b"): 1, ("b", "b"): 1, ("b", "(none)"): 1, ("c", "a"): 1}
    a, b, c = found.figures
    assert (a.precision, a.recall, a.f1, a.support) == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert (b.precision, b.recall, b.f1, b.support) == (0.5, 0.5, 0.5, 2)
    assert (c.precision, c.recall, c.f1, c.support) == (None, 0.0, 0.0, 1)
    never = classes_in([read("a", "b")])
    assert never is not None
    assert (never.figures[0].precision, never.figures[0].recall) == (None, 0.0)
    assert classes_in([read(None, "correct")]) is None


def test_endings_are_counted_apart() -> None:
    answers = [
        read(None, "correct"),
        read(None, "abstained"),
        read(None, "abstained"),
        ItemScore(row="0" * 16, score=0.0, output=None, outcome=Outcome.REFUSAL),
    ]
    assert outcomes_in(answers) == {Outcome.OK: 3, Outcome.REFUSAL: 1}
    assert list(marks_in(answers).items()) == [("abstained", 2), ("correct", 1)]


def timed(row: int, milliseconds: int, *, score: float | None = 1.0, output: str | None = "0" * 16) -> ItemScore:
    return ItemScore(
        row=f"{row:016x}", score=score, output=output, milliseconds=milliseconds, input_tokens=200, output_tokens=50
    )


def test_usage_is_of_the_answers_that_came() -> None:
    answers = [*(timed(i, 10 * (i + 1)) for i in range(20)), timed(99, 9_000, score=None, output=None)]
    found = usage_of(answers, Price(input=2.0, output=8.0))
    assert (found.requests, found.p50_ms, found.p95_ms) == (20, 100, 190)
    assert (found.input_tokens, found.output_tokens) == (200, 50)
    assert found.usd_per_1k == pytest.approx(0.8)
    assert usage_of(answers, None).usd_per_1k is None
    assert usage_of([timed(1, 5, score=None)], Price(input=2.0, output=8.0)).usd_per_1k is None
    nothing = usage_of(answers[-1:], Price(input=2.0, output=8.0))
    assert (nothing.requests, nothing.p95_ms, nothing.input_tokens, nothing.usd_per_1k) == (0, None, None, None)
    assert percentile([], 0.5) is None


def test_answers_whose_tokens_nobody_reported_are_not_free() -> None:
    silent = [timed(1, 5), ItemScore(row="0" * 16, score=1.0, output="0" * 16)]
    with pytest.raises(MetricRefused, match="reported none of some"):
        metric_values("usd_per_1k", silent, Reading(price=Price(input=2.0, output=8.0)))
    assert metric_values("usd_per_1k", silent, Reading(price=Price(input=0.0, output=0.0))) == (0.0, 0.0)


def used(usd: float | None) -> Usage:
    return Usage(requests=1, p50_ms=1, p95_ms=1, input_tokens=1, output_tokens=1, usd_per_1k=usd)


@pytest.mark.parametrize(
    ("candidate", "baseline", "training", "even"),
    [
        (0.25, 0.75, 10.0, 20_000),
        (0.7, 0.2, 10.0, None),
        (0.2, 0.7, None, None),
        (None, 0.7, 10.0, None),
        (0.2, None, 10.0, None),
        (0.5, 0.5, 10.0, None),
    ],
)
def test_training_is_repaid_by_cheaper_requests_only(
    candidate: float | None, baseline: float | None, training: float | None, even: int | None
) -> None:
    assert break_even(used(candidate), used(baseline), training) == even


def test_the_spread_of_repeats() -> None:
    answers = [
        ItemScore(row=f"{row:016x}", score=score, output=None, repeat=repeat)
        for row, scores in enumerate(([0.5, 0.7], [1.0, 1.0], [0.8, 0.9]))
        for repeat, score in enumerate(scores)
    ]
    found = spread_of(answers)
    assert found is not None
    assert (found.repeats, found.varying) == (2, pytest.approx(2 / 3))
    assert found.deviation == pytest.approx((0.1 + 0.0 + 0.05) / 3)
    assert spread_of(answers[::2]) is None
    assert spread_of([]) is None
