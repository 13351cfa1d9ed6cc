"""What a row of a training file says of tools: those it offers, the calls of them, and the answers to calls.

Owns the words for what is wrong with these. A row that calls tools need not say which there are: many published data sets
leave that out. Where it does say so, it can't call others. The functions that came before tools are refused.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

_MOST_TOOLS = 128
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CALL_KEYS = frozenset({"id", "type", "function"})
_LEGACY = "a 'function_call', which is no longer taken: use tools"


class Calls:
    """The calls of one conversation, message by message. ``offered`` are the names that may be called, None any."""

    def __init__(self, offered: frozenset[str] | None) -> None:
        self._offered = offered
        self._open: set[str] = set()

    def problem(self, message: Mapping[str, Any]) -> str | None:
        """What is wrong with a message's calls, or with its answer to one, or None; the messages before it are known."""
        if message.get("function_call") is not None:
            return f"has {_LEGACY}"
        if message["role"] == "tool":
            return self._answer_problem(message.get("tool_call_id")) or self._calls_problem(message)
        if message.get("tool_call_id") is not None:
            return "has a 'tool_call_id', which belongs to tool messages"
        self._open.clear()
        return self._calls_problem(message)

    def _answer_problem(self, call_id: object) -> str | None:
        if not isinstance(call_id, str):
            return "has no 'tool_call_id'"
        if call_id not in self._open:
            return "has a 'tool_call_id' that no call before it has, or that is answered already"
        self._open.remove(call_id)
        return None

    def _calls_problem(self, message: Mapping[str, Any]) -> str | None:
        calls = message.get("tool_calls")
        if calls is None:
            return None
        if message["role"] != "assistant":
            return "has 'tool_calls', which belong to assistant messages"
        if not isinstance(calls, list) or not calls:
            return "has 'tool_calls' that is not a list with at least one call"
        for call in calls:
            problem = self._call_problem(call)
            if problem is not None:
                return problem
            if call["id"] in self._open:
                return "has two tool calls with one id"
            self._open.add(call["id"])
        return None

    def _call_problem(self, call: object) -> str | None:
        if not isinstance(call, dict) or call.get("type") != "function" or not _is_call(call.get("function")):
            return "has a tool call that is not a function with a name and arguments"
        if call.keys() - _CALL_KEYS:
            return "has a tool call with an unexpected key"
        if not isinstance(call.get("id"), str):
            return "has a tool call without an id"
        name = call["function"]["name"]
        if not _is_dictionary(call["function"]["arguments"]):
            return f"has a call of '{name[:64]}' whose arguments are not a JSON dictionary"
        if self._offered is not None and name not in self._offered:
            return f"has a call of '{name[:64]}', which is not among the row's tools"
        return None


def offered_tools(row: Mapping[str, Any]) -> frozenset[str] | None:
    """The names of a row's tools, which have been checked; None where it has none."""
    tools = row.get("tools")
    return frozenset(tool["function"]["name"] for tool in tools) if tools else None


def tools_problem(row: Mapping[str, Any]) -> str | None:
    """What is wrong with the tools that a row offers, or None."""
    if row.get("functions") is not None:
        return "'functions' are no longer taken: use tools"
    tools = row.get("tools")
    if tools is not None:
        if not isinstance(tools, list) or len(tools) > _MOST_TOOLS or not all(map(_is_tool, tools)):
            return f"'tools' must be a list of up to {_MOST_TOOLS} functions with names and JSON schemas as parameters"
        if len({tool["function"]["name"] for tool in tools}) < len(tools):
            return "'tools' must not have two functions of one name"
    flag = row.get("parallel_tool_calls")
    if flag is not None and not isinstance(flag, bool):
        return "'parallel_tool_calls' must be true or false"
    return None


def _is_call(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"name", "arguments"}
        and all(isinstance(text, str) for text in value.values())
    )


def _is_dictionary(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False


def _is_tool(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "function" and _is_function(tool.get("function"))


def _is_function(function: object) -> bool:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return False
    parameters = function.get("parameters")
    if not isinstance(parameters, dict | None) or not _NAME.fullmatch(function["name"]):
        return False
    return parameters is None or _is_schema(msgspec.json.encode(parameters))


@lru_cache(maxsize=256)  # most rows offer the same tools
def _is_schema(text: bytes) -> bool:
    import jsonschema_rs

    try:
        jsonschema_rs.validator_for(msgspec.json.decode(text), retriever=_fetch_nothing)
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def _fetch_nothing(address: str) -> Any:
    raise ValueError(address)
