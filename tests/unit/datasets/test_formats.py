"""Each format's shape, fault by fault, and the fast look never accepts what the slow one refuses."""

# ruff: noqa: E501  (a case is one line)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.datasets import formats
from ftops.datasets.formats import USE_OF, Use, row_faults
from ftops.domain.manifest import MethodType

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:x"}}


def faults(row: dict, use: Use = Use.SUPERVISED) -> list[str]:
    return [
        f"{fault.field}: {fault.expected}" + (f" ({fault.hint})" if fault.hint else "")
        for fault in row_faults(row, use)
    ]


def chat(*messages, **more) -> dict:
    return {"messages": list(messages), **more}


def preference(**more) -> dict:
    return {"input": chat(USER), "preferred_output": [ANSWER], "non_preferred_output": [ANSWER], **more}


GOOD = [
    (chat(USER, ANSWER), Use.SUPERVISED),
    (chat({"role": "system", "content": "s"}, USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}), Use.SUPERVISED),
    (chat(USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "r"}, ANSWER, tools=[{"type": "function", "function": {"name": "f"}}]), Use.SUPERVISED),
    (chat(USER, {"role": "assistant", "tool_calls": [CALL]}), Use.SUPERVISED),
    (chat({"role": "developer", "content": "d", "name": "n"}, {"role": "user", "content": [{"type": "text", "text": "t"}, IMAGE]}, ANSWER), Use.SUPERVISED),
    (chat(USER, {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}), Use.SUPERVISED),
    (preference(), Use.DPO),
    (preference(), Use.EVALUATION),
    (chat(USER, answer="x"), Use.REINFORCEMENT),
    (chat(USER, answer="x"), Use.EVALUATION),
    (chat(USER, ANSWER), Use.EVALUATION),
    ({"anything": 1}, Use.FREE),
]  # fmt: skip


@pytest.mark.parametrize(("row", "use"), GOOD)
def test_good_rows(row, use):
    assert faults(row, use) == []


CASES = [
    (chat(), ["/messages: expected a list of messages that is not empty"]),
    (chat(USER), ["/messages/0: expected the last message from the assistant"]),
    (chat(USER, {**ANSWER, "weight": 0}), ["/messages: expected an assistant message with a weight other than 0 to train on"]),
    (chat(USER, {**ANSWER, "weight": 2}), ["/messages/1/weight: expected 0 or 1, got the integer 2"]),
    (chat(USER, {**ANSWER, "weight": True}), ["/messages/1/weight: expected 0 or 1, got the boolean true"]),
    (chat({**USER, "weight": 0}, ANSWER), ["/messages/0/weight: expected a weight in assistant messages only"]),
    (chat({"content": "x"}, ANSWER), ["/messages/0/role: expected one of system, developer, user, assistant, tool, function, got none"]),
    (chat({"role": 3}, ANSWER), ["/messages/0/role: expected one of system, developer, user, assistant, tool, function, got the integer 3"]),
    (chat("x", ANSWER), ["/messages/0: expected a message, got the string 'x'"]),
    (chat({"role": "user"}, ANSWER), ["/messages/0/content: expected text"]),
    (chat(USER, {"role": "assistant"}), ["/messages/1/content: expected text or tool calls"]),
    (chat({"role": "user", "content": 3}, ANSWER), ["/messages/0/content: expected text or a list of parts, got the integer 3"]),
    (chat({"role": "user", "content": []}, ANSWER), ["/messages/0/content: expected text or a list of parts, got an empty list"]),
    (chat({"role": "user", "content": ["x", {"type": "audio"}, {"type": "text"}, {"type": "image_url"}]}, ANSWER), [
        "/messages/0/content/0: expected a part of type text, image_url, refusal, got the string 'x'",
        "/messages/0/content/1: expected a part of type text, image_url, refusal, got the string 'audio'",
        "/messages/0/content/2/text: expected text",
        "/messages/0/content/3/image_url: expected a mapping with url"]),
    (chat(USER, {"role": "assistant", "content": [IMAGE]}), ["/messages/1/content/0: expected no image in assistant messages"]),
    (chat({**USER, "name": 3}, ANSWER), ["/messages/0/name: expected text, got the integer 3"]),
    (chat({**USER, "tool_calls": [CALL]}, ANSWER), ["/messages/0/tool_calls: expected tool calls in assistant messages only"]),
    (chat(USER, {**ANSWER, "tool_calls": []}), ["/messages/1/tool_calls: expected a list of tool calls that is not empty, got an empty list"]),
    (chat(USER, {**ANSWER, "tool_calls": ["x"]}), ["/messages/1/tool_calls/0: expected a call with id and type function", "/messages/1/tool_calls/0/function: expected a function with a name"]),
    *((chat(USER, {**ANSWER, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": bad}}]}), ["/messages/1/tool_calls/0/function/arguments: expected a JSON object written as text"]) for bad in ("{", "[]", {}, None, "[" * 10_000)),
    (chat({"role": "tool", "content": "r"}, ANSWER), ["/messages/0/tool_call_id: expected the id of the tool call that is answered"]),
    (chat(USER, ANSWER, tools={}), ["/tools: expected a list of tools, got an empty mapping"]),
    (chat(USER, ANSWER, tools=[{}, 3]), ["/tools/0: expected a function with a name", "/tools/1: expected a function with a name"]),
    (preference(), [": expected a chat row ({messages}) for method supervised, got a preference row (method.type dpo takes such rows)"]),
    ({"prompt": "a", "completion": "b"}, [": expected a chat row ({messages}) for method supervised, got a prompt/completion row"]),
]  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), CASES)
def test_chat_rows(row, expected):
    assert faults(row) == expected


@pytest.mark.parametrize(
    ("row", "use", "expected"),
    [
        (preference(input=3), Use.DPO, ["/input: expected a mapping with messages"]),
        (preference(input={}), Use.DPO, ["/input/messages: expected a list of messages that is not empty"]),
        (preference(preferred_output=[ANSWER, ANSWER]), Use.DPO, ["/preferred_output: expected a list of one assistant message"]),
        (preference(non_preferred_output=[USER]), Use.DPO, ["/non_preferred_output/0/role: expected one of assistant, got the string 'user'"]),
        (preference(input=chat({"role": "user", "content": [IMAGE]})), Use.DPO, ["/input/messages/0/content/0: expected no image in rows of this method"]),
        (chat(USER, ANSWER), Use.DPO, [": expected a preference row ({input, preferred_output, non_preferred_output}) for method dpo, got a chat row (method.type supervised takes such rows)"]),
        (chat(USER, ANSWER), Use.REINFORCEMENT, ["/messages/1: expected a last message that the model answers, not one from the assistant"]),
        (chat(), Use.REINFORCEMENT, ["/messages: expected a list of messages that is not empty"]),
        ({}, Use.REINFORCEMENT, [": expected a row with messages for method reinforcement, got a free row"]),
        ({}, Use.EVALUATION, [": expected a chat or preference row, got a free row (an evaluation of free rows needs input)"]),
        ({"prompt": "a", "completion": "b"}, Use.EVALUATION, [": expected a chat or preference row, got a prompt/completion row"]),
    ],
)  # fmt: skip
def test_other_rows(row, use, expected):
    assert faults(row, use) == expected


def test_every_method_has_a_use():
    assert set(USE_OF) == set(MethodType)
    assert all(use.is_training for use in USE_OF.values())


MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": st.sampled_from(["x", None, 3]),
        "weight": st.sampled_from([0, 1, 2, 1.0, True, None]),
        "name": st.just("n"),
    },
)


@given(st.fixed_dictionaries({"messages": st.lists(MESSAGES, max_size=3)}, optional={"tools": st.just(3)}))
@settings(max_examples=150)
def test_the_fast_look_accepts_nothing_that_the_slow_one_refuses(row):
    if formats._is_plain_chat(row):
        assert list(formats._chat_faults(row)) == []
