"""Answers of a form: streamed, measured, as JSON of a schema, as calls of tools."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_in_process import ScriptedEngine, Server

from ftops.server.arguments import Arguments
from ftops.server.chat import tokens
from ftops.server.chat.response_format import read_response_format
from ftops.server.chat.schema_instances import NoInstance, shortest_instance
from ftops.server.chat.work import Work
from ftops.server.engines.interface import Accepts, Answer, Message, Sampling, Token, Tool

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("find", "book")
]
FIND = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"city": "Rome"}'}}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture
def engine(shared_server: Server) -> ScriptedEngine:
    shared_server.engine.reply = {"role": "assistant", "content": "one two three four five"}
    return shared_server.engine


def post(server: Server, **body: Any) -> Any:
    given = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], **body}
    return server.ask("POST", "/v1/chat/completions", json=given)


def choice(server: Server, **body: Any) -> Any:
    response = post(server, **body)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def chunks(server: Server, **body: Any) -> list[Any]:
    response = post(server, stream=True, **body)
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done, end = response.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def in_format(schema: object, *, strict: bool = False) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "it", "schema": schema, "strict": strict}}


def test_a_stream_tells_role_tokens_and_end(shared_server: Server, engine: ScriptedEngine) -> None:
    told = chunks(shared_server)
    assert {each["object"] for each in told} == {"chat.completion.chunk"}
    assert len({each["id"] for each in told}) == 1
    deltas = [each["choices"][0]["delta"] for each in told]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert [each["content"] for each in deltas[1:-1]] == ["one", " two", " three", " four", " five"]
    assert deltas[-1] == {}
    assert [each["choices"][0]["finish_reason"] for each in told] == [None] * 6 + ["stop"]
    assert not any("usage" in each for each in told)


def test_a_stream_tells_its_usage_where_that_is_asked_for(shared_server: Server, engine: ScriptedEngine) -> None:
    *told, last = chunks(shared_server, n=2, stream_options={"include_usage": True})
    assert all(each["usage"] is None for each in told)
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 10)
    assert {each["choices"][0]["index"] for each in told} == {0, 1}


def test_padding_hides_how_long_a_piece_is(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": "a incomprehensibilities"}
    told = chunks(shared_server)
    assert len({len(json.dumps(each)) for each in told[1:-1]}) == 1
    assert not any(
        "obfuscation" in each for each in chunks(shared_server, stream_options={"include_obfuscation": False})
    )


def test_a_stream_tells_calls(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": None, "tool_calls": [FIND]}
    told = [each["choices"][0] for each in chunks(shared_server, tools=TOOLS)]
    assert told[0]["delta"]["content"] is None
    calls = [call for each in told for call in each["delta"].get("tool_calls", ())]
    assert calls[0].pop("id").startswith("call_")
    assert calls[0] == {"index": 0, "type": "function", "function": {"name": "find", "arguments": ""}}
    assert "".join(call["function"]["arguments"] for call in calls) == FIND["function"]["arguments"]  # type: ignore[index]
    assert told[-1]["finish_reason"] == "tool_calls"


def test_a_stream_that_cannot_be_is_an_error_with_a_status(shared_server: Server, engine: ScriptedEngine) -> None:
    assert post(shared_server, stream=True, model="ft:gone").status_code == 404


@given(st.text(max_size=200))
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(tokens.split(text)) == text


class MeasuredModel:
    """Answers in tokens that cut a character in two."""

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        parts = (b"hi ", "ü".encode()[:1], "ü".encode()[1:], b" you")
        top = (b"hi ", -0.5), (b"ho ", -math.inf)
        measured = tuple(Token(content=part, logprob=-0.5, top=top[: sampling.top_logprobs]) for part in parts)
        return (Answer(message={"role": "assistant", "content": "hi ü you"}, tokens=measured),)


@pytest.fixture
def measured(shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr("ftops.server.shelf.Shelf.take", lambda *_, **__: MeasuredModel())
    return shared_server


def test_tokens_are_told_with_their_probabilities(measured: Server) -> None:
    told = choice(measured, logprobs=True, top_logprobs=2)["logprobs"]
    assert told["refusal"] is None
    assert [bytes(each["bytes"]) for each in told["content"]] == [b"hi ", b"\xc3", b"\xbc", b" you"]
    assert told["content"][1]["token"] == "\\xc3"
    assert told["content"][0]["top_logprobs"] == [
        {"token": "hi ", "logprob": -0.5, "bytes": [104, 105, 32]},
        {"token": "ho ", "logprob": -9999.0, "bytes": [104, 111, 32]},
    ]
    assert choice(measured, logprobs=True)["logprobs"]["content"][0]["top_logprobs"] == []
    assert choice(measured)["logprobs"] is None


def test_tokens_end_where_the_answer_is_cut(measured: Server) -> None:
    told = choice(measured, logprobs=True, stop=" you")
    assert told["message"]["content"] == "hi ü"
    assert [bytes(each["bytes"]) for each in told["logprobs"]["content"]] == [b"hi ", b"\xc3", b"\xbc"]


def test_measured_tokens_are_streamed_as_whole_characters(measured: Server) -> None:
    told = [each["choices"][0] for each in chunks(measured, logprobs=True)]
    assert [each["delta"].get("content") for each in told] == ["", "hi ", "ü", " you", None]
    assert [len(each["logprobs"]["content"]) for each in told[1:-1]] == [1, 2, 1]


def test_an_answer_without_probabilities_says_so(shared_server: Server, engine: ScriptedEngine) -> None:
    assert choice(shared_server, logprobs=True)["logprobs"] == {"content": None, "refusal": None}


def test_a_reply_of_the_form_is_kept(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": '{"city": "Rome"}'}
    for form in (in_format(CITY, strict=True), in_format(CITY), {"type": "json_schema", "json_schema": {"name": "it"}}):
        assert choice(shared_server, response_format=form)["message"]["content"] == '{"city": "Rome"}'


def test_a_reply_of_another_form_is_replaced(shared_server: Server, engine: ScriptedEngine) -> None:
    asks = [{"role": "user", "content": "Answer in JSON"}]
    assert choice(shared_server, response_format={"type": "json_object"}, messages=asks)["message"]["content"] == "{}"
    told = choice(shared_server, response_format=in_format(CITY, strict=True), n=2)
    assert (told["message"]["content"], told["finish_reason"]) == ('{"city":""}', "stop")


def test_where_no_value_is_found_the_model_refuses(shared_server: Server, engine: ScriptedEngine) -> None:
    impossible = {"type": "object", "required": ["a"], "properties": {"a": False}}
    message = choice(shared_server, response_format=in_format(impossible))["message"]
    assert message["content"] is None
    assert message["refusal"]
    told = chunks(shared_server, response_format=in_format(impossible))
    assert "".join(each["choices"][0]["delta"].get("refusal") or "" for each in told) == message["refusal"]


@pytest.mark.parametrize(
    ("schema", "strict", "start"),
    [
        ({"type": "object"}, True, "Invalid schema for response_format 'it': In context=(), 'additionalProperties' is"),
        (
            {**CITY, "required": []},
            True,
            "Invalid schema for response_format 'it': In context=(), 'required' is required",
        ),
        ({"type": "array"}, True, "Invalid schema for response_format 'it': schema must be"),
        ({"type": "nonsense"}, False, "Invalid schema for response_format 'it': 'nonsense'"),
        ({"$ref": "http://127.0.0.1:9/x"}, False, "Invalid schema for response_format 'it': a reference"),
        ({"$ref": "#"}, False, "Invalid schema for response_format 'it': a reference"),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, False, "Unsupported value: 'response_format' uses 'pattern'"),
    ],
)
def test_a_bad_schema_is_refused(
    shared_server: Server, engine: ScriptedEngine, schema: object, strict: bool, start: str
) -> None:
    response = post(shared_server, response_format=in_format(schema, strict=strict))
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(start)


def test_a_bottomless_schema_is_refused(shared_server: Server, engine: ScriptedEngine) -> None:
    schema: Any = {}
    for _ in range(100):
        schema = {"items": schema}
    assert post(shared_server, response_format=in_format(schema)).status_code == 400


def test_only_what_is_offered_is_called(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": None, "tool_calls": [FIND]}
    (call,) = choice(shared_server, tools=TOOLS)["message"]["tool_calls"]
    assert call["function"] == FIND["function"]
    for body in ({}, {"tools": TOOLS, "tool_choice": "none"}, {"tools": TOOLS[1:]}):
        told = choice(shared_server, **body)
        assert ("tool_calls" in told["message"], told["message"]["content"], told["finish_reason"]) == (
            False,
            "",
            "stop",
        )


@pytest.mark.parametrize(
    ("tool_choice", "name", "reason"),
    [
        ("required", "find", "tool_calls"),
        ({"type": "function", "function": {"name": "book"}}, "book", "stop"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": TOOLS[1:]}}, "book", "tool_calls"),
    ],
)
def test_a_call_is_made_where_it_has_to_be(
    shared_server: Server, engine: ScriptedEngine, tool_choice: Any, name: str, reason: str
) -> None:
    told = choice(shared_server, tools=TOOLS, tool_choice=tool_choice)
    (call,) = told["message"]["tool_calls"]
    assert (call["function"], told["finish_reason"]) == ({"name": name, "arguments": "{}"}, reason)


@pytest.mark.parametrize(
    "tool_choice",
    [
        "sometimes",
        {"type": "function"},
        {"type": "function", "function": {"name": "steal"}},
        {"type": "custom", "custom": {"name": "find"}},
        {"type": "allowed_tools"},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": TOOLS}},
    ],
)
def test_a_bad_tool_choice_is_refused(shared_server: Server, engine: ScriptedEngine, tool_choice: Any) -> None:
    assert post(shared_server, tools=TOOLS, tool_choice=tool_choice).status_code == 400


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (True, None),
        ({"const": 4}, 4),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": ["string", "null"]}, None),
        ({"type": "string", "minLength": 3}, "aaa"),
        ({"type": "integer", "exclusiveMinimum": 4, "multipleOf": 5}, 5),
        ({"type": "number", "maximum": -2.5}, -2.5),
        ({"type": "number", "exclusiveMaximum": 0}, -0.5),
        ({"type": "boolean"}, False),
        ({"type": "array", "minItems": 2, "items": {"type": "boolean"}}, [False, False]),
        ({"type": "array", "prefixItems": [{"const": 1}]}, [1]),
        ({"anyOf": [False, {"type": "integer", "minimum": 2}]}, 2),
        ({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": None}),
        ({"$ref": "#/$defs/x~1y", "$defs": {"x/y": {"const": 7}}}, 7),
    ],
)
def test_the_shortest_value_of_a_schema(schema: object, value: object) -> None:
    assert shortest_instance(schema) == value


@pytest.mark.parametrize("schema", [False, {"enum": []}, {"$ref": "#"}, {"$ref": "#/no"}, {"anyOf": []}, {"type": "x"}])
def test_some_schemas_have_none(schema: object) -> None:
    with pytest.raises(NoInstance):
        shortest_instance(schema)


def test_a_format_keeps_deep_content_out() -> None:
    form = read_response_format(Arguments({"response_format": in_format(CITY)}), (), Work())
    assert form is not None
    assert not form.fits("[" * 100_000)
    assert not form.fits(None)
    assert form.fits('{"city": "Rome"}')
