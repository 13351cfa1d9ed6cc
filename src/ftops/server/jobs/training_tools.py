"""What a row of a training file says of tools: those it offers, the calls of them, and the answers to calls.

Owns the words for what is wrong with these. A row that calls tools need not say which there are: many published data sets
leave that out. Where it does say so, it can't call others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class Calls:
    """The calls of one conversation, message by message. ``offered`` are the names that may be called, None any."""

    def __init__(self, offered: frozenset[str] | None) -> None:
        self._offered = offered
        self._ids: set[str] = set()

    def problem(self, message: Mapping[str, Any]) -> str | None:
        """What is wrong with a message's calls, or with its answer to one, or None; the messages before it are known."""
        if message["role"] == "tool":
            return self._answer_problem(message.get("tool_call_id"))
        return _legacy_problem(message) or self._calls_problem(message)

    def _answer_problem(self, call_id: object) -> str | None:
        if not isinstance(call_id, str):
            return "has no 'tool_call_id'"
        if call_id not in self._ids:
            return "has a 'tool_call_id' that no call before it has"
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
            self._ids.add(call["id"])
        return None

    def _call_problem(self, call: object) -> str | None:
        if not isinstance(call, dict) or call.get("type") != "function" or not _is_call(call.get("function")):
            return "has a tool call that is not a function with a name and arguments"
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
    for key, is_right in (("tools", _is_tool), ("functions", _is_function)):
        given = row.get(key)
        if given is None:
            continue
        if not isinstance(given, Sequence) or isinstance(given, str) or not all(map(is_right, given)):
            return f"'{key}' must be a list of functions with names"
    flag = row.get("parallel_tool_calls")
    if flag is not None and not isinstance(flag, bool):
        return "'parallel_tool_calls' must be true or false"
    return None


def _legacy_problem(message: Mapping[str, Any]) -> str | None:
    call = message.get("function_call")
    return None if call is None or _is_call(call) else "has a 'function_call' without a name and arguments"


def _is_call(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("name", "arguments"))


def _is_dictionary(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False


def _is_tool(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "function" and _is_function(tool.get("function"))


def _is_function(function: object) -> bool:
    if not isinstance(function, dict) or not isinstance(function.get("parameters", {}), dict | None):
        return False
    return isinstance(function.get("name"), str) and function["name"] != ""
