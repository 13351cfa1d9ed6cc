"""Rows of every format, and what becomes of them when a value, a key or a byte is another: a strategy for hypothesis."""

import copy
import json
import math
from typing import Any

from hypothesis import strategies as st

from ftops.datasets.formats import Use

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "r"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}}
PLAIN = {"messages": [{"role": "system", "content": "s", "name": "n"}, USER, {**ANSWER, "weight": 0}, USER, ANSWER]}
TOOLED = {"messages": [USER, CALLING, RESULT, ANSWER], "tools": TOOLS, "parallel_tool_calls": True}
PARTS = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "t"}, IMAGE]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "refusal": "no"},
    ]
}
PAIR = {"input": {"messages": [USER], "tools": TOOLS}, "preferred_output": [ANSWER], "non_preferred_output": [CALLING]}
PROMPT = {"messages": [USER, CALLING, RESULT], "answer": "3"}
SEEDS = {
    Use.SUPERVISED: (PLAIN, TOOLED, PARTS),
    Use.DPO: (PAIR,),
    Use.REINFORCEMENT: (PROMPT, {"messages": [USER], "answer": 1}),
    Use.EVALUATION: (PLAIN, PROMPT, PAIR),
    Use.FREE: ({"q": 1},),
}

# What replaces a value, or is added to a row: of all types, extremes, and what the formats name.
VALUES = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            1,
            2,
            -1,
            1.0,
            0.5,
            10**30,
            math.inf,
            math.nan,
            "",
            "x",
            "\ud800",
            "user",
            "assistant",
            "tool",
        ]
    ),
    st.sampled_from(
        ["function", "developer", "text", "refusal", "image_url", "f", "c1", "{}", "[]", '"{}"', "data:,", "https://x"]
    ),
    st.sampled_from(
        [[], {}, [1], USER, ANSWER, CALLING, RESULT, [USER], [ANSWER], [CALL], TOOLS, IMAGE, [IMAGE], "[" * 2_000]
    ),
    st.text(max_size=5),
)
KEYS = st.sampled_from(
    [
        *("role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal", "messages"),
        *("tools", "functions", "type", "arguments", "input", "preferred_output", "parallel_tool_calls", "prompt"),
        *("completion", "x"),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        found += places(below, (*path, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, use: Use) -> bytes:
    row = copy.deepcopy(draw(st.sampled_from(SEEDS[use])))
    for _ in range(draw(st.integers(0, 2))):
        at = places(row)
        if not at:
            break
        *path, last = draw(st.sampled_from(at))
        holder = row
        for step in path:
            holder = holder[step]
        match draw(st.sampled_from(["drop", "change", "copy", "add", "swap"])):
            case "drop":
                del holder[last]
            case "change":
                holder[last] = copy.deepcopy(draw(VALUES))
            case "copy" if isinstance(holder, list):
                holder.insert(last, copy.deepcopy(holder[last]))
            case "swap" if isinstance(holder, list):
                holder.append(holder.pop(last))
            case _ if isinstance(holder, dict):
                holder[draw(KEYS)] = copy.deepcopy(draw(VALUES))
    raw = bytearray(json.dumps(row, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255).filter(lambda byte: byte != 10))
    return bytes(raw)
