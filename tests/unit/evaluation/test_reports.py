"""Figures that a report shows beside the verdicts."""

from typing import Any

import pytest

from ftops.domain.manifest import Price
from ftops.domain.scores import ItemScore, Outcome
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

PRICE = Price(input=2.0, output=8.0)


def item(row: int, score: float | None = 1.0, **fields: Any) -> ItemScore:
    return ItemScore(row=f"{row:016x}", score=score, output=f"{row:016x}", **fields)


def usage(usd: float | None) -> Usage:
    return Usage(requests=1, input_tokens=1, output_tokens=1, p50_ms=1, p95_ms=1, usd_per_1k=usd)


def test_usage_is_that_of_what_was_answered() -> None:
    items = [item(n, milliseconds=n * 10, input_tokens=100, output_tokens=10 * n) for n in range(1, 21)]
    unanswered = ItemScore(row="f" * 16, score=None, output=None, outcome=Outcome.ERROR)
    found = usage_of([*items, unanswered], PRICE)
    assert (found.requests, found.input_tokens, found.output_tokens) == (20, 100, 105)
    assert (found.p50_ms, found.p95_ms) == (100, 190)
    assert found.usd_per_1k == pytest.approx(1000 * (100 * 2 + 105 * 8) / 1_000_000)


@pytest.mark.parametrize("price", [None, Price(training=1.0), Price(input=1.0)])
def test_an_unknown_price_is_no_zero(price: Price | None) -> None:
    assert usage_of([item(1, input_tokens=5, output_tokens=1)], price).usd_per_1k is None


def test_what_older_records_lack_is_unknown() -> None:
    found = usage_of([item(1), item(2)], PRICE)
    assert found == Usage(requests=2, input_tokens=None, output_tokens=None, p50_ms=None, p95_ms=None, usd_per_1k=None)
    assert usage_of([item(1, None, input_tokens=3)], PRICE).usd_per_1k is None


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([], 0.5) is None
    assert percentile([7], 0.95) == 7
    assert percentile([1, 2, 3, 4], 0.5) == 2
    assert percentile(list(range(1, 101)), 0.95) == 95


def test_training_pays_for_itself_where_requests_get_cheaper() -> None:
    assert break_even(usage(1.0), usage(3.0), 5.0) == 2500
    assert break_even(usage(3.0), usage(1.0), 5.0) is None
    assert break_even(usage(1.0), usage(1.0), 0.0) is None
    for known in (None, 5.0):
        assert break_even(usage(None), usage(3.0), known) is None
        assert break_even(usage(1.0), usage(None), known) is None
    assert break_even(usage(1.0), usage(3.0), None) is None


def test_classes_are_told_apart_by_what_was_due_and_what_was_given() -> None:
    pairs = [("a", "a")] * 3 + [("a", "b")] + [("b", "b")] * 2 + [("b", "unknown")] + [("c", "a")]
    found = classes_in([item(n, expected=due, mark=given) for n, (due, given) in enumerate(pairs)])
    assert found is not None
    assert (found.due, found.given) == (("a", "b", "c"), ("a", "b", "c", "unknown"))
    a, b, c = found.figures
    assert (a.precision, a.recall, a.support) == (0.75, 0.75, 4)
    assert a.f1 == 0.75
    assert (b.precision, b.recall, b.support) == (2 / 3, 2 / 3, 3)
    assert (c.precision, c.recall, c.f1, c.support) == (None, 0.0, 0.0, 1)


def test_graders_that_read_no_class_have_none() -> None:
    items = [item(1, mark="abstained"), item(2, mark="correct"), item(3, mark="correct"), item(4)]
    assert classes_in(items) is None
    assert marks_in(items) == {"correct": 2, "abstained": 1}


def test_outcomes_are_counted_apart() -> None:
    items = [item(1), item(2, outcome=Outcome.LENGTH), item(3, outcome=Outcome.REFUSAL), item(4)]
    assert outcomes_in(items) == {Outcome.OK: 2, Outcome.REFUSAL: 1, Outcome.LENGTH: 1}


def test_spread_is_that_over_repeats_of_one_item() -> None:
    items = [
        item(row, score, repeat=n)
        for row, scores in enumerate([(1, 1), (1, 0), (0, 1), (0, 0)])
        for n, score in enumerate(scores)
    ]
    found = spread_of(items)
    assert found is not None
    assert (found.repeats, found.varying, found.deviation) == (2, 0.5, 0.25)
    assert spread_of([item(1), item(2)]) is None
