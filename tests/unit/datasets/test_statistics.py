"""What is in a dataset: figures that don't depend on how it was cut up, and percentiles that are what they are called."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets.batches import Batch
from ftops.datasets.decoding import decode_rows
from ftops.datasets.findings import FindingList
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.datasets.labels import LONGEST, MOST, labels_of, merged_labels
from ftops.datasets.spreads import PERCENTILES, spread_of
from ftops.datasets.statistics import RowStatistics, Statistics, statistics_of
from ftops.datasets.tokens import ROW_LIMIT

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("find", "buy")]


def chat(asked: str, answer: str, *, system: str = "", **more: Any) -> dict[str, Any]:
    first = [{"role": "system", "content": system}] if system else []
    turns = [*first, {"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


def batch(rows: list[dict[str, Any]], use: Use = Use.SUPERVISED, first_line: int = 1) -> Batch:
    findings = FindingList(file="x")
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    decoded = decode_rows(data, first_line, use, findings)
    assert len(decoded.rows) == len(rows), findings
    return Batch(decoded.rows, decoded.lines, use=use)


def measured(*parts: list[dict[str, Any]], use: Use = Use.SUPERVISED) -> Statistics:
    return statistics_of([RowStatistics().look(batch(rows, use)) for rows in parts], use)


def figures(found: Statistics) -> list[Any]:
    texts = [(t.most_common(9), t.different) for t in (found.systems, found.offered, found.called)]
    spreads = [found.tokens, found.turns, found.prompts, found.answers]
    return [*texts, *spreads, found.labels, found.billed, found.with_tools, found.with_calls, found.without_system]


ROWS = [
    *(chat(f"question {n}", "yes", system="Be brief.") for n in range(5)),
    chat("why?", "no", tools=TOOLS),
    chat("how?", "no", system="Be kind.", tools=TOOLS),
]


def test_rows_are_measured() -> None:
    found = measured(ROWS)
    assert found.rows == 7
    assert found.labels.counts == {"yes": 5, "no": 2}
    assert found.labels.are_labels
    assert found.systems.most_common(2) == (("Be brief.", 5), ("Be kind.", 1))
    assert found.without_system == 1
    assert (found.with_tools, found.with_calls) == (2, 0)
    assert dict(found.offered.most_common(5)) == {"find": 2, "buy": 2}
    assert found.turns is not None
    assert (found.turns.least, found.turns.most, found.turns.total) == (2, 3, 20)
    assert found.prompts is not None
    assert found.prompts.most == len("question 0") + len("Be brief.")
    assert found.answers is not None
    assert found.answers.total == 5 * 3 + 2 * 2


def test_calls_are_counted_and_are_no_labels() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}], "tools": TOOLS}
    found = measured([row, row])
    assert found.called.most_common(3) == (("find", 2),)
    assert found.labels.answered == 0
    assert found.answers is None


@given(st.integers(0, len(ROWS)), st.integers(0, len(ROWS)))
def test_the_cut_makes_no_difference(first: int, second: int) -> None:
    low, high = sorted((first, second))
    assert figures(measured(ROWS[:low], ROWS[low:high], ROWS[high:])) == figures(measured(ROWS))


def test_the_seen_is_found_in_no_rows() -> None:
    found = measured([])
    assert (found.rows, found.tokens, found.labels.are_labels) == (0, None, False)
    assert list(RowStatistics().conclude([], FileFacts(path="x", use=Use.SUPERVISED, rows=0))) == []


def test_what_training_cuts_is_counted_and_not_billed() -> None:
    long = chat("q", "word " * (ROW_LIMIT + 100))
    found = measured([long, *ROWS])
    assert found.tokens is not None
    assert found.cut_rows == 1
    assert found.cut_tokens == found.tokens.most - ROW_LIMIT > 0
    assert found.billed == found.tokens.total - found.cut_tokens


def test_rows_that_are_not_trained_on_are_cut_nowhere() -> None:
    found = measured([chat("word " * (ROW_LIMIT + 100), "a")], use=Use.EVALUATION)
    assert (found.cut_rows, found.cut_tokens) == (0, 0)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_percentiles_and_bins_are_what_they_are_called(numbers: list[int]) -> None:
    spread = spread_of(np.array(numbers, dtype=np.int64))
    assert spread is not None
    for percent in PERCENTILES:
        at = spread.percentiles[percent]
        assert at in numbers
        assert sum(n <= at for n in numbers) * 100 >= percent * len(numbers)
        assert sum(n < at for n in numbers) * 100 < percent * len(numbers)
    assert [sum(one.low <= n <= one.high for n in numbers) for one in spread.bins] == [one.count for one in spread.bins]
    assert sum(one.count for one in spread.bins) == len(numbers)
    assert all(one.high + 1 == two.low for one, two in zip(spread.bins, spread.bins[1:], strict=False))
    assert (spread.least, spread.most, spread.mean) == (min(numbers), max(numbers), sum(numbers) / len(numbers))
    assert len(spread.bins) <= 13


def test_no_numbers_have_no_spread() -> None:
    assert spread_of(np.zeros(0, dtype=np.int64)) is None


def test_labels_are_short_and_few() -> None:
    assert labels_of(["a", " a ", "b", "b", None]).shares() == {"a": 0.5, "b": 0.5}
    assert not labels_of(["a", "b", "c"]).are_labels
    assert not labels_of(["a", "a", "one line\nand another"]).are_labels
    assert not labels_of(["x" * (LONGEST + 1)] * 4).are_labels
    assert labels_of(["a"] * 9 + ["x" * (LONGEST + 1)]).are_labels
    assert labels_of(["", None]).shares() == {}


def test_very_many_labels_are_none_however_they_are_cut() -> None:
    many = [str(n) for n in range(MOST)] * 2
    assert labels_of(many).are_labels
    assert not labels_of([*many, "x", "x"]).are_labels
    assert merged_labels([labels_of(many), labels_of(["x", "x"])]).are_too_many
    assert merged_labels([labels_of([*many, "x"]), labels_of(["a", "a"])]).counts == {}
