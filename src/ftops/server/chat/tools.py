"""Reads ``tools`` and ``tool_choice``: what the model may call, and whether it has to.

Owns the rules for tool definitions. The tools' parameters are passed on as they came, once they are known to be a schema; an
answer may call nothing that wasn't offered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ftops.server.arguments import Arguments, missing_parameter, wrong_type
from ftops.server.chat.names import take_name
from ftops.server.chat.schema_check import check_schema
from ftops.server.chat.schema_places import SchemaFault
from ftops.server.chat.work import Work
from ftops.server.engines.interface import Message
from ftops.server.errors import ApiError

_MAX_TOOLS = 128
_PARAMETERS = frozenset({"tool_choice", "tools"})


class Calling(StrEnum):
    """Whether an answer may, must or mustn't call tools."""

    NONE = "none"
    AUTO = "auto"
    REQUIRED = "required"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolUse:
    """The tools of a request. ``names`` may be called; ``is_one_named`` when the request names the one to call."""

    tools: Sequence[Mapping[str, Any]] = ()
    names: frozenset[str] = frozenset()
    calling: Calling = Calling.NONE
    is_one_named: bool = False

    def allows(self, message: Message) -> bool:
        """Whether a message calls what it may, and something if it must."""
        calls = message.get("tool_calls") or ()
        if not calls:
            return self.calling is not Calling.REQUIRED
        return self.calling is not Calling.NONE and all(call["function"]["name"] in self.names for call in calls)

    def callable_tools(self) -> Sequence[Mapping[str, Any]]:
        """The definitions of those that may be called."""
        if self.calling is Calling.NONE:
            return ()
        return [tool for tool in self.tools if tool["function"]["name"] in self.names]

    def first(self) -> Mapping[str, Any]:
        """The first function that may be called; ``LookupError`` when there is none."""
        for tool in self.tools:
            if tool["function"]["name"] in self.names:
                function: Mapping[str, Any] = tool["function"]
                return function
        raise LookupError


_NO_USE = ToolUse()


def read_tool_use(arguments: Arguments, work: Work) -> ToolUse:
    """The tools and the choice among them, checked. Their schemas draw on the request's work."""
    if arguments.lacks(_PARAMETERS):
        return _NO_USE
    tools = arguments.take_list("tools", least=1, most=_MAX_TOOLS) or ()
    offered = _read_tools(tools, work)
    choice = arguments.take("tool_choice")
    if choice is not None and not tools:
        raise only_with_tools("tool_choice")
    calling, names = _read_choice(arguments, offered) if tools else (Calling.NONE, offered)
    is_one_named = isinstance(choice, dict) and choice.get("type") == "function"
    return ToolUse(tools=tools, names=names, calling=calling, is_one_named=is_one_named)


def only_with_tools(name: str) -> ApiError:
    """A parameter that says something of tools where there are none."""
    return ApiError(f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.", param=name)


def _read_tools(tools: Sequence[object], work: Work) -> frozenset[str]:
    names: set[str] = set()
    for number, given in enumerate(tools):
        tool, function = _function_of(given, f"tools[{number}]")
        tool.finish()
        name = take_name(function)
        if name in names:
            path = function.path("name")
            raise ApiError(f"Invalid '{path}': a function '{name}' is there already.", param=path, code="invalid_value")
        names.add(name)
        function.take_text("description")
        _check_parameters(function, name, work)
        function.finish()
    return frozenset(names)


def _function_of(given: object, at: str) -> tuple[Arguments, Arguments]:
    """A tool, and the function that it is."""
    if not isinstance(given, dict):
        raise wrong_type(at, "an object", given)
    tool = Arguments(given, at=at)
    tool.take_required_text("type")
    tool.take_choice("type", ("function",))
    function = tool.take_section("function")
    if function is None:
        raise missing_parameter(tool.path("function"))
    return tool, function


def _check_parameters(function: Arguments, name: str, work: Work) -> None:
    is_strict = function.take_flag("strict") is True
    parameters = function.take_object("parameters")
    if parameters is None:
        return
    try:
        check_schema(parameters, work=work, is_strict=is_strict, is_evaluated=False)
    except SchemaFault as error:
        raise ApiError(
            f"Invalid schema for function '{name}': {error}",
            param=function.path("parameters"),
            code="invalid_function_parameters",
        ) from error


def _read_choice(arguments: Arguments, offered: frozenset[str]) -> tuple[Calling, frozenset[str]]:
    given = arguments.take("tool_choice")
    if given is None:
        return Calling.AUTO, offered
    if not isinstance(given, dict):
        return Calling(arguments.take_choice("tool_choice", tuple(Calling)) or Calling.AUTO), offered
    choice = Arguments(given, at="tool_choice")
    choice.take_required_text("type")
    if choice.take_choice("type", ("function", "allowed_tools")) == "function":
        calling, names = Calling.REQUIRED, frozenset({_named(choice)})
    else:
        calling, names = _allowed(choice)
    choice.finish()
    for name in sorted(names - offered):
        raise ApiError(f"Tool choice '{name[:100]}' not found in 'tools' parameter.", param="tool_choice")
    return calling, names


def _allowed(choice: Arguments) -> tuple[Calling, frozenset[str]]:
    allowed = choice.take_section("allowed_tools")
    if allowed is None:
        raise missing_parameter(choice.path("allowed_tools"))
    allowed.take_required_text("mode")
    mode = allowed.take_choice("mode", (Calling.AUTO, Calling.REQUIRED))
    tools = allowed.take_list("tools", most=_MAX_TOOLS)
    if not tools:
        raise missing_parameter(allowed.path("tools"))
    # OpenAI's document lets these tools hold anything besides; the definitions are those in the request's own ``tools``.
    functions = [_function_of(tool, f"{allowed.path('tools')}[{number}]")[1] for number, tool in enumerate(tools)]
    names = frozenset(function.take_required_text("name") for function in functions)
    allowed.finish()
    return Calling(mode or Calling.AUTO), names


def _named(choice: Arguments) -> str:
    function = choice.take_section("function")
    if function is None:
        raise missing_parameter(choice.path("function"))
    name = function.take_required_text("name")
    function.finish()
    return name
