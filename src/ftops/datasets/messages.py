"""One message of a conversation: is it shaped as the API takes it?

Owns roles, keys, contents and weights, and the shape of tool calls; what the calls say is ``tools``'. Who may speak last is
decided by ``formats``.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from ftops.datasets.excerpts import masked_value
from ftops.datasets.findings import Found
from ftops.datasets.images import VISION_MODELS, image_finding
from ftops.datasets.tools import Call
from ftops.domain.foreign_text import visible

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
KEYS: Final = ("role", "content", "name", "weight", "tool_calls", "tool_call_id", "refusal")
_LEGACY_KEY: Final = "function_call"
_LEGACY_ROLE: Final = "function"
_OWNERS: Final = {"weight": "assistant", "tool_calls": "assistant", "refusal": "assistant", "tool_call_id": "tool"}
_SPOKEN: Final = {
    "weight": "a weight in assistant messages only",
    "tool_calls": "tool calls in assistant messages only",
    "refusal": "a refusal in assistant messages only",
    "tool_call_id": "the id of a call in tool messages only",
}
_PARTS: Final = {"user": ("text", "image_url"), "assistant": ("text", "refusal")}
_PART_KEYS: Final = {"text": ("type", "text"), "image_url": ("type", "image_url"), "refusal": ("type", "refusal")}


def message_findings(message: Any, pointer: str, *, roles: Sequence[str], is_text_only: bool) -> Iterator[Found]:
    """Gives everything that is wrong with the message at ``pointer``."""
    if not isinstance(message, Mapping):
        yield Found(code="D024", field=pointer, says=f"expected a message, got {masked_value(message)}")
        return
    role = message.get("role")
    if not isinstance(role, str) or role not in roles:
        yield _role_finding(message, pointer, roles)
        return
    yield from _key_findings(message, role, pointer)
    yield from _content_findings(message, role, pointer, is_text_only=is_text_only)
    for key in ("name", "refusal"):
        if not isinstance(message.get(key), str | None) and _OWNERS.get(key, role) == role:
            yield Found(code="D024", field=f"{pointer}/{key}", says=f"expected text, got {masked_value(message[key])}")
    if role == "assistant":
        yield from _call_findings(message, pointer)
        weight = message.get("weight", 1)
        if isinstance(weight, bool) or not isinstance(weight, int) or weight not in (0, 1):
            yield Found(code="D029", field=f"{pointer}/weight", says=f"expected 0 or 1, got {masked_value(weight)}")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        got = masked_value(message["tool_call_id"]) if "tool_call_id" in message else "none"
        says = f"expected the id of the tool call that is answered, got {got}"
        yield Found(code="D042", field=f"{pointer}/tool_call_id", says=says)


def calls_of(message: Mapping[str, Any], pointer: str) -> list[Call]:
    """Gives the calls of a message that are shaped as calls."""
    given = message.get("tool_calls")
    calls = []
    for index, call in enumerate(given if isinstance(given, list) else ()):
        function = call.get("function") if isinstance(call, Mapping) else None
        said = (
            [call.get("id"), function.get("name"), function.get("arguments")] if isinstance(function, Mapping) else []
        )
        if said and all(isinstance(one, str) for one in said):
            calls.append(Call(f"{pointer}/tool_calls/{index}", *said))
    return calls


def _role_finding(message: Mapping[str, Any], pointer: str, roles: Sequence[str]) -> Found:
    role = message.get("role")
    if role == _LEGACY_ROLE and len(roles) > 1:
        says = "expected role tool, got the legacy role function"
        return Found(code="D021", field=f"{pointer}/role", says=says, hint="use tools and tool_calls")
    got = masked_value(role) if "role" in message else "none"
    near = get_close_matches(role, roles, n=1) if isinstance(role, str) else []
    hint = f"did you mean {near[0]}?" if near else None
    wanted = f"one of {', '.join(roles)}" if len(roles) > 1 else f"role {roles[0]}"
    return Found(code="D025", field=f"{pointer}/role", says=f"expected {wanted}, got {got}", hint=hint)


def _key_findings(message: Mapping[str, Any], role: str, pointer: str) -> Iterator[Found]:
    for key, value in message.items():
        if key == _LEGACY_KEY:
            if value is not None:
                says = "expected tool_calls, got the legacy function_call"
                yield Found(code="D021", field=f"{pointer}/{key}", says=says, hint="use tools and tool_calls")
        elif key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else None
            says = f"expected no other keys in a message than {', '.join(KEYS)}, got {masked_value(key)}"
            yield Found(code="D022", field=pointer, says=says, hint=hint)
        elif _OWNERS.get(key, role) != role and (value is not None or key == "weight"):
            yield Found(code="D032", field=f"{pointer}/{key}", says=f"expected {_SPOKEN[key]}")


def _content_findings(message: Mapping[str, Any], role: str, pointer: str, *, is_text_only: bool) -> Iterator[Found]:
    content = message.get("content")
    here = f"{pointer}/content"
    if isinstance(content, str):
        return
    if content is None:
        is_answered = any(message.get(key) for key in ("tool_calls", _LEGACY_KEY, "refusal"))
        if role != "assistant" or not is_answered:
            says = "expected text" + (" or tool calls" if role == "assistant" else "")
            yield Found(code="D030", field=here, says=says)
    elif not isinstance(content, list) or not content:
        yield Found(code="D030", field=here, says=f"expected text or a list of parts, got {masked_value(content)}")
    else:
        for index, part in enumerate(content):
            yield from _part_findings(part, role, f"{here}/{index}", is_text_only=is_text_only)


def _part_findings(part: Any, role: str, pointer: str, *, is_text_only: bool) -> Iterator[Found]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or not isinstance(kind, str) or kind not in _PART_KEYS:
        got = masked_value(kind) if isinstance(part, Mapping) else masked_value(part)
        says = f"expected a part of type {', '.join(_PART_KEYS)}, got {got}"
        yield Found(code="D030", field=pointer, says=says)
        return
    for key in part:
        if key not in _PART_KEYS[kind]:
            says = f"expected no other keys in a part than {', '.join(_PART_KEYS[kind])}, got {masked_value(key)}"
            yield Found(code="D022", field=pointer, says=says)
    if kind == "image_url" and (is_text_only or role != "user"):
        says = "expected no image in these rows" if is_text_only else "expected images in user messages only"
        hint = (
            f"training takes images with method supervised and {', '.join(VISION_MODELS)} only"
            if is_text_only
            else None
        )
        yield Found(code="D031", field=pointer, says=says, hint=hint)
    elif kind not in _PARTS.get(role, ("text",)):
        yield Found(code="D032", field=pointer, says="expected a refusal in assistant messages only")
    elif kind == "image_url":
        wrong = image_finding(part.get("image_url"), f"{pointer}/image_url")
        if wrong is not None:
            yield wrong
    elif not isinstance(part.get(kind), str):
        yield Found(code="D030", field=f"{pointer}/{kind}", says=f"expected text, got {masked_value(part.get(kind))}")


def _call_findings(message: Mapping[str, Any], pointer: str) -> Iterator[Found]:
    calls = message.get("tool_calls")
    here = f"{pointer}/tool_calls"
    if calls is None:
        return
    if not isinstance(calls, list) or not calls:
        says = f"expected a list of tool calls that is not empty, got {masked_value(calls)}"
        yield Found(code="D042", field=here, says=says)
        return
    for index, call in enumerate(calls):
        yield from _one_call_findings(call, f"{here}/{index}")


def _one_call_findings(call: Any, here: str) -> Iterator[Found]:
    if not isinstance(call, Mapping):
        yield Found(code="D042", field=here, says=f"expected a tool call, got {masked_value(call)}")
        return
    yield from _unknown_keys(call, ("id", "type", "function"), here)
    if not isinstance(call.get("id"), str):
        yield Found(code="D042", field=f"{here}/id", says=f"expected the id of the call, got {_got(call, 'id')}")
    if call.get("type") != "function":
        yield Found(code="D042", field=f"{here}/type", says=f"expected type function, got {_got(call, 'type')}")
    function = call.get("function")
    if not isinstance(function, Mapping):
        says = f"expected a function with name and arguments, got {_got(call, 'function')}"
        yield Found(code="D042", field=f"{here}/function", says=says)
        return
    yield from _unknown_keys(function, ("name", "arguments"), f"{here}/function")
    if not isinstance(function.get("name"), str):
        says = f"expected the name of a function, got {_got(function, 'name')}"
        yield Found(code="D042", field=f"{here}/function/name", says=says)
    arguments = function.get("arguments")
    if isinstance(arguments, Mapping):
        says = "expected a JSON object written as text, got a mapping"
        yield Found(code="D043", field=f"{here}/function/arguments", says=says, hint="encode it as a JSON string")
    elif not isinstance(arguments, str):
        says = f"expected a JSON object written as text, got {_got(function, 'arguments')}"
        yield Found(code="D043", field=f"{here}/function/arguments", says=says)


def _unknown_keys(given: Mapping[str, Any], known: Sequence[str], here: str) -> Iterator[Found]:
    for key in given:
        if key not in known:
            says = f"expected no other keys here than {', '.join(known)}, got {masked_value(key)}"
            yield Found(code="D022", field=here, says=visible(says))


def _got(given: Mapping[str, Any], key: str) -> str:
    return masked_value(given[key]) if key in given else "none"
