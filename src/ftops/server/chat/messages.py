"""Reads ``messages``: the conversation that an answer goes on with.

Owns what a message of each role may hold, and in which order tools are called and answer. Messages come out with plain strings
for content, which is all that an engine knows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ftops.server.arguments import Arguments, missing_parameter, wrong_type
from ftops.server.errors import ApiError, unsupported_parameter, unsupported_value

Message = Mapping[str, Any]

_ROLES = ("developer", "system", "user", "assistant", "tool", "function")


def read_messages(arguments: Arguments) -> Sequence[Message]:
    """The conversation, checked."""
    given = arguments.take_list("messages", least=1)
    if given is None:
        raise missing_parameter("messages")
    messages = tuple(_message(each, f"messages[{number}]") for number, each in enumerate(given))
    if any("tool_calls" in each or each["role"] == "tool" for each in messages):
        _check_calls(messages)
    return messages


def _message(given: object, at: str) -> Message:
    if not isinstance(given, dict):
        raise wrong_type(at, "an object", given)
    # Nearly every message of a long prompt is this plain, and thousands of such prompts come in a row.
    if (
        len(given) == 2
        and given.get("role") in ("system", "user", "assistant")
        and isinstance(given.get("content"), str)
    ):
        return given
    fields = Arguments(given, at=at)
    role = fields.take_text("role")
    if role is None:
        raise missing_parameter(fields.path("role"))
    fields.take_choice("role", _ROLES)
    message: dict[str, Any] = {"role": role}
    name = fields.take_required_text("name") if role == "function" else fields.take_text("name")
    if name is not None:
        message["name"] = name
    if role == "assistant":
        message |= _said(fields)
    if role == "tool":
        message["tool_call_id"] = fields.take_required_text("tool_call_id")
    # Who calls a function or refuses need say nothing, and a function may have nothing to say.
    may_be_missing = role == "function" or (role == "assistant" and bool(message.keys() - {"role", "name"}))
    message["content"] = _content(fields, role=role, may_be_missing=may_be_missing)
    fields.finish()
    return message


def _said(fields: Arguments) -> Mapping[str, Any]:
    """What an assistant's message may hold besides its content, or instead of it."""
    if fields.take_object("audio") is not None:
        raise unsupported_parameter(fields.path("audio"))
    for number, each in enumerate(fields.take_list("annotations") or ()):
        if not isinstance(each, dict):
            raise wrong_type(f"{fields.path('annotations')}[{number}]", "an object", each)
    said: dict[str, Any] = {}
    refusal = fields.take_text("refusal")
    if refusal is not None:
        said["refusal"] = refusal
    called = fields.take_section("function_call")
    if called is not None:
        said["function_call"] = _call_of(called)
    calls = fields.take_list("tool_calls", least=1)
    if calls is not None:
        said["tool_calls"] = [_call(each, f"{fields.path('tool_calls')}[{at}]") for at, each in enumerate(calls)]
    return said


def _call(given: object, at: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise wrong_type(at, "an object", given)
    call = Arguments(given, at=at)
    call.take_required_text("id")
    call.take_required_text("type")
    call.take_choice("type", ("function",))
    function = call.take_section("function")
    if function is None:
        raise missing_parameter(call.path("function"))
    _call_of(function)
    call.finish()
    return given


def _call_of(function: Arguments) -> Mapping[str, str]:
    name, arguments = function.take_required_text("name"), function.take_text("arguments")
    if arguments is None:
        raise missing_parameter(function.path("arguments"))
    function.finish()
    return {"name": name, "arguments": arguments}


def _content(fields: Arguments, *, role: str, may_be_missing: bool) -> str | None:
    given = fields.take("content")
    if given is None:
        if may_be_missing:
            return None
        raise missing_parameter(fields.path("content"))
    if isinstance(given, str):
        return given
    if not isinstance(given, list) or role == "function":
        expected = "a string" if role == "function" else "a string or an array of parts"
        raise wrong_type(fields.path("content"), expected, given)
    parts = fields.take_list("content", least=1) or ()
    kinds = ("text", "refusal") if role == "assistant" else ("text",)
    return "".join([_part(part, f"{fields.path('content')}[{at}]", kinds) for at, part in enumerate(parts)])


def _part(given: object, at: str, kinds: Sequence[str]) -> str:
    if not isinstance(given, dict):
        raise wrong_type(at, "an object", given)
    part = Arguments(given, at=at)
    kind = part.take_required_text("type")
    if kind == "refusal" and kind not in kinds:
        path = part.path("type")
        raise ApiError("Invalid value: 'refusal'. Supported values are: 'text'.", param=path, code="invalid_value")
    if kind not in kinds:
        raise unsupported_value(part.path("type"), f"is '{kind[:64]}': this server reads text alone.")
    text = part.take_text(kind)
    if text is None:
        raise missing_parameter(part.path(kind))
    part.finish()
    return text


def _check_calls(messages: Sequence[Message]) -> None:
    """Every call is answered before anything else is said, and nothing is answered that wasn't called."""
    called: set[str] = set()
    answered: set[str] = set()
    for number, message in enumerate(messages):
        if message["role"] != "tool":
            _check_answered(called - answered, number)
            called = {call["id"] for call in message.get("tool_calls", ())}
            answered = set()
            continue
        if not called:
            raise ApiError(
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                param=f"messages.[{number}].role",
            )
        if message["tool_call_id"] not in called:
            raise ApiError(
                f"Invalid parameter: 'tool_call_id' of '{message['tool_call_id'][:100]}' not found in 'tool_calls' of "
                "previous message.",
                param=f"messages.[{number}].tool_call_id",
            )
        answered.add(message["tool_call_id"])
    _check_answered(called - answered, len(messages))


def _check_answered(left: set[str], number: int) -> None:
    if left:
        raise ApiError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
            f"The following tool_call_ids did not have response messages: {', '.join(sorted(left))[:200]}",
            param=f"messages.[{number}].role",
        )
