"""Conversations and tools: what is taken, and what is refused in whose words."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage
from server_in_process import ScriptedEngine, Server

USER = {"role": "user", "content": "hi"}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
TWICE = {**CALLED, "tool_calls": [*CALLED["tool_calls"], {**CALLED["tool_calls"][0], "id": "b"}]}
SHUT = {"type": "object", "properties": {}, "additionalProperties": False}


def answer_to(tool_call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": tool_call_id, "content": "sunny"}


def ask(server: Server, **body: Any) -> Any:
    return server.ask("POST", "/v1/chat/completions", json={"model": "gpt-4o", "messages": [USER], **body})


def called_with(**change: Any) -> dict[str, Any]:
    call = {**CALLED["tool_calls"][0], **change}
    return {**CALLED, "tool_calls": [call]}


def function(**fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", **fields}}


@pytest.fixture
def engine(shared_server: Server) -> ScriptedEngine:
    shared_server.engine.asked.clear()
    shared_server.engine.reply = {"role": "assistant", "content": "yes"}
    return shared_server.engine


@pytest.mark.parametrize(
    "messages",
    [
        [CALLED, answer_to("a")],
        [CALLED, answer_to("a"), answer_to("a"), USER],
        [USER, TWICE, answer_to("b"), answer_to("a"), CALLED, answer_to("a"), {"role": "assistant", "content": "done"}],
        [{**CALLED, "content": None}, answer_to("a")],
        [
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": None},
        ],
        [{"role": "assistant", "refusal": "no"}],
        [{"role": "assistant", "content": "a", "annotations": [{"type": "url_citation"}]}],
        [{"role": "assistant", "content": [{"type": "text", "text": ""}, {"type": "refusal", "refusal": "no"}]}],
        [{"role": "user", "content": [{"type": "text", "text": "a"}], "name": "eve"}],
    ],
)
def test_whole_conversations_are_taken(shared_server: Server, engine: ScriptedEngine, messages: list[Any]) -> None:
    response = ask(shared_server, messages=messages)
    assert response.status_code == 200, response.text


def test_what_an_assistant_said_is_read_whole(shared_server: Server, engine: ScriptedEngine) -> None:
    called = {"name": "find", "arguments": '{"city": "Rome"}'}
    plain = ask(shared_server, messages=[USER, {"role": "assistant", "content": "a"}])
    full = ask(
        shared_server, messages=[USER, {"role": "assistant", "content": "a", "refusal": "no", "function_call": called}]
    )
    (_, _), (seen, _) = engine.asked[-2:]
    assert seen[1] == {"role": "assistant", "content": "a", "refusal": "no", "function_call": called}
    assert full.json()["usage"]["prompt_tokens"] > plain.json()["usage"]["prompt_tokens"]


def test_the_sdks_messages_come_back(shared_server: Server, engine: ScriptedEngine) -> None:
    tools = [function()]
    for reply in (engine.reply, CALLED):
        engine.reply = reply
        told = ask(shared_server, tools=tools).json()["choices"][0]["message"]
        message = ChatCompletionMessage.model_validate(told).model_dump()
        assert {"annotations", "audio", "function_call", "refusal", "tool_calls"} < message.keys()
        answers = [answer_to(call["id"]) for call in message["tool_calls"] or ()]
        response = ask(shared_server, tools=tools, messages=[USER, message, *answers])
        assert response.status_code == 200, response.text


NOT_CALLED = (
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
)
NOT_ANSWERED = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
    "The following tool_call_ids did not have response messages: "
)


@pytest.mark.parametrize(
    ("messages", "message", "param"),
    [
        ([answer_to("a")], NOT_CALLED, "messages.[0].role"),
        ([USER, answer_to("a")], NOT_CALLED, "messages.[1].role"),
        ([CALLED, answer_to("a"), USER, answer_to("a")], NOT_CALLED, "messages.[3].role"),
        (
            [CALLED, answer_to("z")],
            "Invalid parameter: 'tool_call_id' of 'z' not found in 'tool_calls' of previous message.",
            "messages.[1].tool_call_id",
        ),
        ([CALLED], NOT_ANSWERED + "a", "messages.[1].role"),
        ([USER, TWICE, answer_to("b"), USER], NOT_ANSWERED + "a", "messages.[3].role"),
        ([TWICE, CALLED, answer_to("a")], NOT_ANSWERED + "a, b", "messages.[1].role"),
    ],
)
def test_calls_and_answers_belong_together(
    shared_server: Server, messages: list[Any], message: str, param: str
) -> None:
    response = ask(shared_server, messages=messages)
    error = response.json()["error"]
    assert (response.status_code, error["message"], error["param"]) == (400, message, param)


PARTS = "messages[0].content"


@pytest.mark.parametrize(
    ("message", "param", "code"),
    [
        ({"role": "user", "content": []}, PARTS, "empty_array"),
        ({"role": "user", "content": [{"type": "refusal", "refusal": "no"}]}, f"{PARTS}[0].type", "invalid_value"),
        ({"role": "tool", "tool_call_id": "a", "content": []}, PARTS, "empty_array"),
        ({"role": "user", "content": [{"type": "text"}]}, f"{PARTS}[0].text", "missing_required_parameter"),
        ({"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}, f"{PARTS}[0].x", "unknown_parameter"),
        ({"role": "function", "content": "a"}, "messages[0].name", "missing_required_parameter"),
        ({"role": "function", "name": "f", "content": [{"type": "text", "text": "a"}]}, PARTS, "invalid_type"),
        ({"role": "assistant"}, PARTS, "missing_required_parameter"),
        ({"role": "assistant", "content": "a", "audio": {"id": "x"}}, "messages[0].audio", "unsupported_parameter"),
        ({"role": "assistant", "content": "a", "audio": "x"}, "messages[0].audio", "invalid_type"),
        ({"role": "assistant", "content": "a", "annotations": {}}, "messages[0].annotations", "invalid_type"),
        ({"role": "assistant", "content": "a", "annotations": [1]}, "messages[0].annotations[0]", "invalid_type"),
        ({"role": "assistant", "content": "a", "refusal": 1}, "messages[0].refusal", "invalid_type"),
        ({"role": "assistant", "function_call": "f"}, "messages[0].function_call", "invalid_type"),
        (
            {"role": "assistant", "function_call": {"name": "f"}},
            "messages[0].function_call.arguments",
            "missing_required_parameter",
        ),
        ({"role": "assistant", "tool_calls": []}, "messages[0].tool_calls", "empty_array"),
        (called_with(index=0), "messages[0].tool_calls[0].index", "unknown_parameter"),
        (
            called_with(function={"name": "f", "arguments": "{}", "x": 1}),
            "messages[0].tool_calls[0].function.x",
            "unknown_parameter",
        ),
        ({"role": "user", "content": "a", "tool_calls": []}, "messages[0].tool_calls", "unknown_parameter"),
    ],
)
def test_a_malformed_message_is_refused(shared_server: Server, message: dict[str, Any], param: str, code: str) -> None:
    response = ask(shared_server, messages=[message])
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["code"]) == (400, param, code)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"tools": []}, "tools", "empty_array"),
        ({"tools": [{**function(), "yyy": 1}]}, "tools[0].yyy", "unknown_parameter"),
        ({"tools": [function(zzz=1)]}, "tools[0].function.zzz", "unknown_parameter"),
        ({"tools": [function(strict="yes")]}, "tools[0].function.strict", "invalid_type"),
        ({"tools": [function(name="a b")]}, "tools[0].function.name", "invalid_value"),
        ({"tools": [function(name="x" * 65)]}, "tools[0].function.name", "string_above_max_length"),
        ({"tools": [function(description=1)]}, "tools[0].function.description", "invalid_type"),
        ({"tools": [function(), function()]}, "tools[1].function.name", "invalid_value"),
        (
            {"tools": [function(parameters={"type": "nonsense"})]},
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        (
            {"tools": [function(parameters={"type": "object"}, strict=True)]},
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        (
            {"tools": [function(parameters={"type": "array"}, strict=True)]},
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        ({"parallel_tool_calls": True}, "parallel_tool_calls", None),
        ({"tool_choice": "auto"}, "tool_choice", None),
    ],
)
def test_a_malformed_tool_is_refused(shared_server: Server, body: dict[str, Any], param: str, code: str | None) -> None:
    response = ask(shared_server, **body)
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["code"]) == (400, param, code)


def test_strict_tools_are_refused_in_openais_words(shared_server: Server) -> None:
    open_within = {**SHUT, "properties": {"a": {"type": "object"}}, "required": ["a"]}
    response = ask(shared_server, tools=[function(parameters=open_within, strict=True)])
    assert response.json()["error"]["message"] == (
        "Invalid schema for function 'f': In context=('properties', 'a'), 'additionalProperties' is required to be supplied "
        "and to be false."
    )


@pytest.mark.parametrize(
    "tool",
    [
        function(parameters=None, strict=None, description=None),
        function(parameters=SHUT, strict=True),
        function(parameters={}),
        # Read by the model alone: what answers aren't compared with may hold what isn't evaluated.
        function(parameters={"type": "object", "properties": {"a": {"type": "string", "pattern": "^a+$"}}}),
        function(parameters={"$ref": "https://example.com/schema.json"}),
    ],
)
def test_good_tools_are_taken(shared_server: Server, engine: ScriptedEngine, tool: dict[str, Any]) -> None:
    for choice in ("auto", "required"):
        response = ask(shared_server, tools=[tool], tool_choice=choice, parallel_tool_calls=True)
        assert response.status_code == 200, response.text
