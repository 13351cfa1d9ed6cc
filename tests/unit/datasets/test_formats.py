"""Each format's shape, fault by fault."""

# ruff: noqa: E501  (a case is one line)

import pytest

from ftops.datasets.formats import NO_DEMANDS, USE_OF, Demands, Use, row_findings
from ftops.domain.manifest import MethodType

USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x/a.png"}}


def faults(row: dict, use: Use = Use.SUPERVISED, demands: Demands = NO_DEMANDS) -> list[str]:
    return [
        f"{found.code} {found.field}: {found.says}" + (f" ({found.hint})" if found.hint else "")
        for found in row_findings(row, use, demands)
    ]


def chat(*messages, **more) -> dict:
    return {"messages": list(messages), **more}


def preference(**more) -> dict:
    return {"input": chat(USER), "preferred_output": [ANSWER], "non_preferred_output": [ANSWER], **more}


GOOD = [
    (chat(USER, ANSWER), Use.SUPERVISED),
    (chat({"role": "system", "content": "s"}, USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}), Use.SUPERVISED),
    (chat(USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "r"}, ANSWER, tools=[{"type": "function", "function": {"name": "f"}}]), Use.SUPERVISED),
    (chat(USER, {"role": "assistant", "tool_calls": [CALL]}, tools=[{"type": "function", "function": {"name": "f"}}]), Use.SUPERVISED),
    (chat({"role": "developer", "content": "d", "name": "n"}, {"role": "user", "content": [{"type": "text", "text": "t"}, IMAGE]}, ANSWER), Use.SUPERVISED),
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


def test_every_method_has_a_use():
    assert set(USE_OF) == set(MethodType)
    assert all(use.is_training for use in USE_OF.values())


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ({"conversations": [{"from": "human", "value": "q"}]}, "from as role, value as content"),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, "chosen and rejected as the two outputs"),
        ({"instruction": "q", "input": "", "output": "a"}, "output as the assistant's"),
        ({"question": "q", "answer": "a"}, "question and answer as messages of user and assistant"),
        ({"custom_id": "1", "body": {}}, "the messages are in its body"),
        ({"message": []}, "did you mean messages?"),
        ({"text": "a"}, None),
        ({}, None),
    ],
)
def test_what_other_formats_have_to_become(row, hint):
    (found,) = row_findings(row, Use.SUPERVISED)
    assert found.code == "D020"
    assert found.hint is None if hint is None else hint in found.hint
