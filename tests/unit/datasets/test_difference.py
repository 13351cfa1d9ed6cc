"""Two versions of a dataset: rows are a multiset, matched whole first and by their prompts then."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_statistics import TOOLS, batch, chat

from ftops.datasets.difference import Aspect, Difference, difference
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.datasets.row_digests import DigestsSeen, RowDigests, joined

Rows = list[dict[str, Any]]


def seen(rows: Rows, use: Use = Use.SUPERVISED, *, parts: int = 1) -> DigestsSeen:
    size = -(-len(rows) // parts) or 1
    starts = range(0, len(rows), size)
    return joined([RowDigests().look(batch(rows[at : at + size], use, at + 1)) for at in starts])


def compared(old: Rows, new: Rows, *, use: Use = Use.SUPERVISED, shown: int = 5) -> Difference:
    return difference(seen(old, use), seen(new, use, parts=3), shown=shown)


def counts(found: Difference) -> tuple[int, int, int]:
    return found.added, found.removed, found.changed


OLD = [chat(f"question {n}", "yes" if n % 2 else "no", system="Be brief.") for n in range(10)]


def test_the_same_rows_are_no_difference_in_any_order_and_spelling() -> None:
    shuffled = [dict(reversed(row.items())) for row in OLD]
    random.Random(1).shuffle(shuffled)
    found = compared(OLD, shuffled)
    assert counts(found) == (0, 0, 0)
    assert not found.has_changes
    assert found.label_distance == 0


def test_rows_are_added_removed_and_changed() -> None:
    new = [*OLD[2:], chat("another", "maybe")]
    new[0] = chat("Question 2!", "yes", system="Be brief.")
    found = compared(OLD, new)
    assert counts(found) == (1, 2, 1)
    assert found.shown_added == (9,)
    assert found.shown_removed == (1, 2)
    (change,) = found.shown_changed
    assert (change.old_line, change.new_line, change.aspects) == (3, 1, (Aspect.ANSWER,))


@pytest.mark.parametrize(
    ("new", "aspects"),
    [
        (chat("q", "b", system="s", tools=TOOLS), (Aspect.ANSWER,)),
        (chat("q", "a", system="t", tools=TOOLS), (Aspect.SYSTEM,)),
        (chat("q", "a", system="s", tools=TOOLS[:1]), (Aspect.TOOLS,)),
        (chat("q", "b", system="t"), (Aspect.ANSWER, Aspect.SYSTEM, Aspect.TOOLS)),
        (chat("Q?", "a", system="s", tools=TOOLS), (Aspect.OTHER,)),
        (chat("q", "a", system="s", tools=TOOLS, parallel_tool_calls=False), (Aspect.OTHER,)),
    ],
)
def test_what_changed_of_a_row(new: dict[str, Any], aspects: tuple[Aspect, ...]) -> None:
    found = compared([chat("q", "a", system="s", tools=TOOLS)], [new])
    assert counts(found) == (0, 0, 1)
    assert found.shown_changed[0].aspects == aspects
    assert found.aspects == tuple((aspect, 1) for aspect in aspects)


@pytest.mark.parametrize("use", [Use.SUPERVISED, Use.DPO, Use.EVALUATION])
def test_tools_count_by_what_they_say(use: Use) -> None:
    spelt = [{"function": {"parameters": {}, "name": tool["function"]["name"]}, "type": "function"} for tool in TOOLS]  # type: ignore[index]

    def row(tools: list[Any]) -> dict[str, Any]:
        if use is Use.DPO:
            asked = {"messages": [{"role": "user", "content": "q"}], "tools": tools}
            answers = {"preferred_output": "a", "non_preferred_output": "b"}
            return {"input": asked} | {k: [{"role": "assistant", "content": v}] for k, v in answers.items()}
        return chat("q", "a", tools=tools)

    assert counts(compared([row(TOOLS)], [row(spelt)], use=use)) == (0, 0, 0)
    assert counts(compared([row(TOOLS)], [row(spelt[:1])], use=use)) == (0, 0, 1)


CALL = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}


@pytest.mark.parametrize(
    "answer", [{"content": "c"}, {"refusal": "no"}, {"content": "b", "refusal": "no"}, {"tool_calls": [CALL]}]
)
def test_all_that_is_said_is_part_of_the_answer(answer: dict[str, Any]) -> None:
    def pair(rejected: dict[str, Any]) -> dict[str, Any]:
        asked = {"messages": [{"role": "user", "content": "q"}], "tools": TOOLS}
        preferred = {"role": "assistant", "content": "a"}
        return {
            "input": asked,
            "preferred_output": [preferred],
            "non_preferred_output": [{"role": "assistant", **rejected}],
        }

    def turns(last: dict[str, Any]) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", **last}], "tools": TOOLS}

    for row, use in ((pair, Use.DPO), (turns, Use.SUPERVISED), (turns, Use.EVALUATION)):
        found = compared([row({"content": "b"})], [row(answer)], use=use)
        assert found.shown_changed[0].aspects == (Aspect.ANSWER,)
        assert found.label_distance is None


def test_free_rows_are_added_and_removed() -> None:
    assert counts(compared([{"a": 1}, {"b": 2}], [{"b": 2}, {"a": 2}], use=Use.FREE)) == (1, 1, 0)


def test_labels_shift_from_the_largest_change_on() -> None:
    old = [chat(f"q {n}", "abc"[n % 3]) for n in range(12)]
    new = [chat(f"q {n}", "aabb"[n % 4]) for n in range(12)]
    found = compared(old, new)
    assert [(shift.label, shift.old, shift.new) for shift in found.labels] == [("c", 4, 0), ("a", 4, 6), ("b", 4, 6)]
    assert found.label_distance == pytest.approx(1 / 3)


def test_tokens_are_those_of_one_epoch() -> None:
    found = compared(OLD, OLD[:5])
    assert found.new_tokens * 2 == found.old_tokens > 0


def test_nothing_can_be_compared_with_nothing() -> None:
    assert counts(compared([], [])) == (0, 0, 0)
    assert counts(compared([], OLD)) == (10, 0, 0)
    assert counts(compared(OLD, [], shown=2)) == (0, 10, 0)
    assert compared(OLD, [], shown=2).shown_removed == (1, 2)
    assert list(RowDigests().conclude([], FileFacts(path="x", use=Use.FREE, rows=0))) == []


VERSIONS = st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from("ab")), max_size=8)


@given(VERSIONS, VERSIONS)
def test_duplicates_are_matched_as_multisets(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> None:
    found = compared([chat(*row) for row in old], [chat(*row) for row in new])
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    gone_prompts, come_prompts = Counter(p for p, _ in gone.elements()), Counter(p for p, _ in come.elements())
    changed = (gone_prompts & come_prompts).total()
    assert counts(found) == (come.total() - changed, gone.total() - changed, changed)
    back = compared([chat(*row) for row in new], [chat(*row) for row in old])
    assert counts(back) == (found.removed, found.added, found.changed)
