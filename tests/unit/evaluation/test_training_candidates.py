"""Failed evaluation rows as rows to train on: what is kept of them, and what makes none."""

from collections.abc import Mapping
from typing import Any

import pytest

from ftops.datasets.formats import Use, row_findings
from ftops.domain.manifest import MethodType
from ftops.evaluation.candidates import NoCandidate, training_row
from ftops.evaluation.rows import read_row

SUPERVISED, DPO, REINFORCEMENT = MethodType.SUPERVISED, MethodType.DPO, MethodType.REINFORCEMENT
USES = {SUPERVISED: Use.SUPERVISED, DPO: Use.DPO, REINFORCEMENT: Use.REINFORCEMENT}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
ASKED = {"role": "user", "content": "What is the weather in Oslo?"}


def made(
    method: MethodType,
    row: Mapping[str, Any],
    *,
    answer: str = "no idea",
    input_messages: Any = None,
    grader: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    read = read_row(row, input_messages=input_messages)
    found = training_row(method, read, grader=grader or {}, text=answer, tool_calls=())
    assert list(row_findings(found, USES[method])) == []
    return found


def test_tools_and_calls_of_the_reference_are_kept() -> None:
    row = {
        "messages": [ASKED, {"role": "assistant", "tool_calls": [CALL]}],
        "tools": TOOLS,
        "parallel_tool_calls": False,
    }
    found = made(SUPERVISED, row)
    assert found == row
    with pytest.raises(NoCandidate, match="preferences compare texts"):
        made(DPO, row)


def test_what_must_not_be_learnt_keeps_its_weight() -> None:
    earlier = [
        ASKED,
        {"role": "assistant", "content": "Rain.", "weight": 0},
        {"role": "user", "content": "And tomorrow?"},
    ]
    found = made(SUPERVISED, {"messages": [*earlier, {"role": "assistant", "content": "Sun."}]})
    assert found["messages"][:3] == earlier
    assert found["messages"][3] == {"role": "assistant", "content": "Sun."}


def test_a_preference_row_gives_its_preferred_output() -> None:
    row = {
        "input": {"messages": [ASKED]},
        "preferred_output": [{"role": "assistant", "content": "Sun."}],
        "non_preferred_output": [{"role": "assistant", "content": "Who cares?"}],
    }
    assert made(SUPERVISED, row)["messages"] == [ASKED, {"role": "assistant", "content": "Sun."}]
    assert made(DPO, row)["non_preferred_output"] == [{"role": "assistant", "content": "no idea"}]
    with pytest.raises(NoCandidate, match="answered what the reference says"):
        made(DPO, row, answer="Sun.")


def test_a_free_row_takes_what_its_grader_compares_with() -> None:
    row = {"city": "Oslo", "sky": "Sun."}
    asks = [{"role": "user", "content": "The weather in {{item.city}}?"}]
    grader = {"type": "string_check", "reference": "{{item.sky}}"}
    found = made(SUPERVISED, row, input_messages=asks, grader=grader)
    assert found["messages"] == [
        {"role": "user", "content": "The weather in Oslo?"},
        {"role": "assistant", "content": "Sun."},
    ]
    for nothing in ({}, {"reference": 3}, {"reference": "{{item.none}}"}):
        with pytest.raises(NoCandidate, match="it has no reference"):
            made(SUPERVISED, row, input_messages=asks, grader=nothing)


def test_a_prompt_for_reinforcement_keeps_what_the_reward_reads() -> None:
    row = {"messages": [ASKED], "answer": "Sun.", "tools": TOOLS}
    assert made(REINFORCEMENT, row) == {"messages": [ASKED], "tools": TOOLS, "answer": "Sun."}
