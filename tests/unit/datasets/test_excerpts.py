"""Nothing that a row holds leaves the checks in clear where it is a secret or tells of a person: not even what is in the wrong
place."""

import json

import pytest

from ftops.datasets.checks import CheckSettings
from ftops.datasets.decoding import decode_rows
from ftops.datasets.excerpts import masked_excerpt, masked_value, masked_words
from ftops.datasets.findings import FindingList
from ftops.datasets.formats import Use
from ftops.datasets.personal_data import findings

KEY = "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7" * 2
CARD = 4242424242424242
MAIL = "jane.roe@acme-industries.com"
ANSWER = {"role": "assistant", "content": "a"}
FUNCTION = {"name": "f", "arguments": "{}"}


def call(**more):
    return {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": FUNCTION, **more}]}


def tool(name="f", **more):
    return {"type": "function", "function": {"name": name, **more}}


def of_use(row, use=Use.SUPERVISED):
    return use, row


NEST = {"type": "object", "properties": {MAIL: {"type": "integer"}}, "additionalProperties": False}
CASES = {
    "row": of_use(KEY),
    "number as row": of_use(CARD),
    "row key": of_use({"messages": [ANSWER], KEY: 1}),
    "messages": of_use({"messages": MAIL}),
    "message": of_use({"messages": [KEY]}),
    "role": of_use({"messages": [{"role": KEY, "content": "x"}, ANSWER]}),
    "key": of_use({"messages": [{"role": "user", "content": "x", MAIL: 1}, ANSWER]}),
    "content": of_use({"messages": [{"role": "user", "content": CARD}, ANSWER]}),
    "weight": of_use({"messages": [{**ANSWER, "weight": CARD}]}),
    "name": of_use({"messages": [{**ANSWER, "name": CARD}]}),
    "part": of_use({"messages": [{"role": "user", "content": [KEY]}, ANSWER]}),
    "type of a part": of_use({"messages": [{"role": "user", "content": [{"type": KEY}]}, ANSWER]}),
    "key of a part": of_use({"messages": [{"role": "user", "content": [{"type": "text", "text": "", KEY: 1}]}, ANSWER]}),
    "image": of_use({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": MAIL}}]}, ANSWER]}),
    "parallel": of_use({"messages": [ANSWER], "parallel_tool_calls": KEY}),
    "tools": of_use({"messages": [ANSWER], "tools": KEY}),
    "tool": of_use({"messages": [ANSWER], "tools": [KEY]}),
    "type of a tool": of_use({"messages": [ANSWER], "tools": [{**tool(), "type": KEY}]}),
    "name of a tool": of_use({"messages": [ANSWER], "tools": [tool(MAIL)]}),
    "tools of one name": of_use({"messages": [ANSWER], "tools": [tool(KEY[:40])] * 2}),
    "parameters": of_use({"messages": [ANSWER], "tools": [tool(parameters=KEY)]}),
    "schema": of_use({"messages": [ANSWER], "tools": [tool(parameters={"$ref": f"https://u:{KEY}@host/x"})]}),
    "place in a schema": of_use({"messages": [ANSWER], "tools": [tool(parameters={"properties": {MAIL: 3}})]}),
    "tool calls": of_use({"messages": [{"role": "assistant", "tool_calls": KEY}]}),
    "call": of_use({"messages": [{"role": "assistant", "tool_calls": [KEY]}]}),
    "id": of_use({"messages": [call(id=CARD)]}),
    "key of a call": of_use({"messages": [call(**{KEY: 1})]}),
    "called function": of_use({"messages": [call(function={**FUNCTION, "name": KEY[:60]})], "tools": [tool()]}),
    "near name": of_use({"messages": [call(function={**FUNCTION, "name": KEY[:-1]})], "tools": [tool(KEY)]}),
    "arguments": of_use({"messages": [call(function={**FUNCTION, "arguments": CARD})]}),
    "arguments as text": of_use({"messages": [call(function={**FUNCTION, "arguments": json.dumps(KEY)})]}),
    "argument": of_use(
        {"messages": [call(function={**FUNCTION, "arguments": json.dumps({MAIL: KEY})})], "tools": [tool(parameters=NEST)]}
    ),
    "further argument": of_use(
        {
            "messages": [call(function={**FUNCTION, "arguments": json.dumps({KEY: 1})})],
            "tools": [tool(parameters=NEST)],
        }
    ),
    "result": of_use({"messages": [{"role": "tool", "content": "x", "tool_call_id": KEY}, ANSWER]}),
    "pair": of_use({"input": KEY, "preferred_output": KEY, "non_preferred_output": [KEY]}, Use.DPO),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_row_with_something_sensitive_in_the_wrong_place(case):
    use, row = CASES[case]
    found = FindingList(file="x.jsonl")
    decode_rows(json.dumps(row).encode() + b"\n", 1, use, found)
    groups = found.groups(CheckSettings())
    assert groups
    told = repr([(group.kind, group.problems(), group.shown) for group in groups])
    for value in (KEY[:30], str(CARD), MAIL):
        assert value not in told
    assert findings(told) == ()


def test_masking_comes_before_cutting():
    assert masked_excerpt(f"the key {KEY} opens it") == "'the key sk-… opens it'"
    assert masked_excerpt("x" * 50) == f"'{'x' * 39}…'"
    assert masked_excerpt(f"{'x' * 90} {KEY}", limit=100) == f"'{'x' * 90} sk-…'"
    assert masked_words(f"mail {MAIL}\n") == "mail ja…om\n"


def test_values_are_named_as_everywhere_else():
    assert masked_value("a\nb") == "the string 'a\\x0ab'"
    assert masked_value("abcdef", limit=3) == "the string 'ab…'"
    assert (masked_value(7), masked_value(CARD)) == ("the integer 7", "the integer 42…42")
    assert (masked_value(True), masked_value(None), masked_value([])) == ("the boolean true", "null", "an empty list")
