"""Rows become requests and references."""

from typing import Any

import pytest

from ftops.evaluation.identity import row_digest
from ftops.evaluation.rows import RowProblem, read_row

SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "Where is my card?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}


def assistant(content: Any = "card_arrival", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def test_a_chat_row_sends_what_stands_before_its_last_assistant_turn() -> None:
    row = {
        "messages": [SYSTEM, USER, assistant("Which one?", weight=0), USER, assistant("card_arrival", weight=1)],
        "tools": [{"type": "function"}],
        "parallel_tool_calls": False,
        "response_format": {"type": "text"},
        "topic": "cards",
    }
    read = read_row(row)
    assert read.messages == (SYSTEM, USER, assistant("Which one?"), USER)
    assert read.extra == {k: row[k] for k in ("tools", "parallel_tool_calls", "response_format")}
    assert read.context["reference"] == "card_arrival"
    assert read.context["item"]["topic"] == "cards"
    assert read.digest == row_digest(row)


def test_a_turn_that_calls_tools_has_no_reference_text() -> None:
    read = read_row({"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}]})
    assert "reference" not in read.context
    assert read.context["reference_tools"] == [CALL]


def test_text_parts_are_put_together() -> None:
    parts = [{"type": "text", "text": "card_"}, {"type": "refusal"}, {"type": "text", "text": "arrival"}]
    assert read_row({"messages": [USER, assistant(parts)]}).context["reference"] == "card_arrival"


def test_a_preference_row_sends_its_input() -> None:
    read = read_row(
        {
            "input": {"messages": [USER], "tools": [1]},
            "preferred_output": [assistant("Yes.")],
            "non_preferred_output": [assistant("No.")],
        }
    )
    assert (read.messages, read.extra) == ((USER,), {"tools": [1]})
    assert (read.context["reference"], read.context["rejected"]) == ("Yes.", "No.")


def test_a_preference_row_may_lack_the_other_output() -> None:
    read = read_row({"input": {"messages": [USER]}, "preferred_output": [assistant("Yes.")]})
    assert "rejected" not in read.context


def test_a_reinforcement_row_sends_its_messages() -> None:
    read = read_row({"messages": [SYSTEM, USER], "answer": "42"})
    assert read.messages == (SYSTEM, USER)
    assert set(read.context) == {"item", "asked"}
    assert read.context["asked"] == read.messages


def test_an_earlier_answer_in_a_reinforcement_row_is_context() -> None:
    read = read_row({"messages": [USER, assistant("Which one?"), USER], "answer": "42"})
    assert read.messages == (USER, assistant("Which one?"), USER)
    assert set(read.context) == {"item", "asked"}


def test_what_a_row_leaves_null_is_not_sent() -> None:
    assert not read_row({"messages": [USER, assistant()], "tools": None, "parallel_tool_calls": None}).extra


@pytest.mark.parametrize(
    "row",
    [
        {"messages": "Where?"},
        {"messages": ["Where?"]},
        {"messages": [{"role": "assistant", "content": 3}]},
        {"messages": [{"role": "assistant", "content": ["Where?", {"text": 4}]}]},
        {"preferred_output": "At home.", "input": "Where?"},
        {"preferred_output": ["At home."], "non_preferred_output": {"a": 1}},
    ],
)
def test_a_free_row_may_use_the_names_of_the_formats(row: dict[str, Any]) -> None:
    template = ({"role": "user", "content": "{{item.q}}"},)
    read = read_row({**row, "q": "Where?"}, input_messages=template)
    assert read.messages == ({"role": "user", "content": "Where?"},)
    assert not read.extra


def test_input_replaces_what_is_sent() -> None:
    template = ({"role": "user", "content": [{"type": "text", "text": "Classify: {{ item.q }}"}]},)
    read = read_row({"q": "Where?", "tools": [2]}, input_messages=template)
    assert read.messages == ({"role": "user", "content": [{"type": "text", "text": "Classify: Where?"}]},)
    assert read.extra == {"tools": [2]}


@pytest.mark.parametrize(
    ("row", "template", "why"),
    [
        ({"q": "Where?"}, None, "needs the evaluation's input"),
        ({"q": "Where?"}, ({"role": "user", "content": "{{item.other}}"},), "item.other}} is missing"),
    ],
)
def test_rows_that_cannot_be_sent(row: dict[str, Any], template: Any, why: str) -> None:
    with pytest.raises(RowProblem, match=why):
        read_row(row, input_messages=template)
