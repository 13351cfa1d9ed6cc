"""One message of a conversation: is it shaped as the API takes it?

Owns roles, contents, tool calls and weights; who may speak last is decided by ``formats``.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from ftops.datasets.faults import Fault
from ftops.domain.foreign_text import excerpt

_PART_TYPES: Final = ("text", "image_url", "refusal")


def message_faults(message: Any, pointer: str, *, roles: Sequence[str], is_text_only: bool) -> Iterator[Fault]:
    """Gives everything that is wrong with the message at ``pointer``."""
    if not isinstance(message, Mapping):
        yield Fault(field=pointer, expected=f"expected a message, got {excerpt(message)}")
        return
    role = message.get("role")
    if not isinstance(role, str) or role not in roles:
        got = excerpt(role) if "role" in message else "none"
        near = get_close_matches(role, roles, n=1) if isinstance(role, str) else []
        hint = f"did you mean {near[0]}?" if near else None
        yield Fault(field=f"{pointer}/role", expected=f"expected one of {', '.join(roles)}, got {got}", hint=hint)
        return
    yield from _content_faults(message, role, pointer, is_text_only=is_text_only)
    name = message.get("name")
    if name is not None and not isinstance(name, str):
        yield Fault(field=f"{pointer}/name", expected=f"expected text, got {excerpt(name)}")
    if role == "assistant":
        yield from _call_faults(message, pointer)
    elif message.get("tool_calls") is not None:
        yield Fault(field=f"{pointer}/tool_calls", expected="expected tool calls in assistant messages only")
    if "weight" in message:
        yield from _weight_faults(message["weight"], role, pointer)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        yield Fault(field=f"{pointer}/tool_call_id", expected="expected the id of the tool call that is answered")


def tool_faults(row: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    """Gives what is wrong with the tools of a row, where it has some."""
    tools = row.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        yield Fault(field=f"{pointer}/tools", expected=f"expected a list of tools, got {excerpt(tools)}")
        return
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            yield Fault(field=f"{pointer}/tools/{index}", expected="expected a function with a name")


def _content_faults(message: Mapping[str, Any], role: str, pointer: str, *, is_text_only: bool) -> Iterator[Fault]:
    content = message.get("content")
    here = f"{pointer}/content"
    if isinstance(content, str):
        return
    if content is None:
        is_answered = any(message.get(key) for key in ("tool_calls", "function_call", "refusal"))
        if role != "assistant" or not is_answered:
            yield Fault(field=here, expected="expected text" + (" or tool calls" if role == "assistant" else ""))
    elif not isinstance(content, list) or not content:
        yield Fault(field=here, expected=f"expected text or a list of parts, got {excerpt(content)}")
    else:
        for index, part in enumerate(content):
            yield from _part_faults(part, role, f"{here}/{index}", is_text_only=is_text_only)


def _part_faults(part: Any, role: str, pointer: str, *, is_text_only: bool) -> Iterator[Fault]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or kind not in _PART_TYPES:
        got = excerpt(kind) if isinstance(part, Mapping) else excerpt(part)
        yield Fault(field=pointer, expected=f"expected a part of type {', '.join(_PART_TYPES)}, got {got}")
    elif kind == "text" and not isinstance(part.get("text"), str):
        yield Fault(field=f"{pointer}/text", expected="expected text")
    elif kind == "image_url":
        image = part.get("image_url")
        if not isinstance(image, Mapping) or not isinstance(image.get("url"), str):
            yield Fault(field=f"{pointer}/image_url", expected="expected a mapping with url")
        elif is_text_only or role == "assistant":
            where = "rows of this method" if is_text_only else "assistant messages"
            yield Fault(field=pointer, expected=f"expected no image in {where}")


def _call_faults(message: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    calls = message.get("tool_calls")
    if calls is None:
        return
    here = f"{pointer}/tool_calls"
    if not isinstance(calls, list) or not calls:
        yield Fault(field=here, expected=f"expected a list of tool calls that is not empty, got {excerpt(calls)}")
        return
    for index, call in enumerate(calls):
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(call, Mapping) or not isinstance(call.get("id"), str) or call.get("type") != "function":
            yield Fault(field=f"{here}/{index}", expected="expected a call with id and type function")
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            yield Fault(field=f"{here}/{index}/function", expected="expected a function with a name")
        elif not _is_json_object(function.get("arguments")):
            expected = "expected a JSON object written as text"
            yield Fault(field=f"{here}/{index}/function/arguments", expected=expected)


def _is_json_object(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def _weight_faults(weight: Any, role: str, pointer: str) -> Iterator[Fault]:
    here = f"{pointer}/weight"
    if role != "assistant":
        yield Fault(field=here, expected="expected a weight in assistant messages only")
    elif isinstance(weight, bool) or weight not in (0, 1):
        yield Fault(field=here, expected=f"expected 0 or 1, got {excerpt(weight)}")
