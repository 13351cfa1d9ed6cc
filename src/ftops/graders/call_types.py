"""The types of arguments in tool calls.

Owns which types a value may have: those that the tool's JSON schema declares, or Berkeley's descriptions by their own words
(``dict``, ``float``, ``tuple``), and those of the allowed values. An integer passes for a number, a number with a fraction's
point never for an integer; true and false are no numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ftops.graders.call_references import Slot


class JsonType(StrEnum):
    """The types of JSON values, integers told from other numbers by how they are written."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"
    NULL = "null"


_WORDS: Final = {**{kind.value: kind for kind in JsonType}, "float": JsonType.NUMBER, "dict": JsonType.OBJECT}
_WORDS["tuple"] = JsonType.ARRAY


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredTypes:
    """What a tool says of one parameter: its types, and those of its items. Where nothing is said they are empty."""

    types: frozenset[JsonType] = frozenset()
    items: frozenset[JsonType] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredTool:
    """What a tool says of its parameters. ``is_closed`` says that there are no others."""

    parameters: Mapping[str, DeclaredTypes]
    required: frozenset[str]
    is_closed: bool = False


UNDECLARED: Final = DeclaredTool(parameters={}, required=frozenset())


def read_tools(tools: Any) -> Mapping[str, DeclaredTool]:
    """Gives the tools of a row by name. What is in no known form says nothing of its parameters."""
    found = {}
    for tool in tools if isinstance(tools, Sequence) and not isinstance(tools, str) else ():
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            found[function["name"]] = _read_tool(function.get("parameters"))
    return found


def is_of_type(value: Any, slot: Slot, declared: DeclaredTypes) -> bool:
    """Whether a value has a type that is declared or that an allowed value has; of an array each item too."""
    allowed = [each for each in slot.values if not (slot.may_be_left_out and each == "")]
    if not _is_one_of(type_of_value(value), _types_of(allowed) | declared.types):
        return False
    if not isinstance(value, list):
        return True
    items = [item for each in allowed if isinstance(each, tuple) for item in each]
    kinds = _types_of(items) | declared.items
    return all(_is_one_of(type_of_value(item), kinds) for item in value)


def type_of_value(value: Any) -> JsonType:
    """Gives the type of a JSON value, or of a value in a slot."""
    match value:
        case None:
            return JsonType.NULL
        case bool():
            return JsonType.BOOLEAN
        case int():
            return JsonType.INTEGER
        case float():
            return JsonType.NUMBER
        case str():
            return JsonType.STRING
        case Mapping():
            return JsonType.OBJECT
        case _:
            return JsonType.ARRAY


def _types_of(values: Iterable[Any]) -> frozenset[JsonType]:
    return frozenset(map(type_of_value, values))


def _is_one_of(kind: JsonType, kinds: frozenset[JsonType]) -> bool:
    return not kinds or kind in kinds or (kind is JsonType.INTEGER and JsonType.NUMBER in kinds)


def _read_tool(parameters: Any) -> DeclaredTool:
    schema = parameters if isinstance(parameters, Mapping) else {}
    properties, required = schema.get("properties"), schema.get("required")
    is_open = bool(schema.get("additionalProperties") or schema.get("patternProperties"))
    return DeclaredTool(
        parameters={
            str(name): DeclaredTypes(types=_declared(each), items=_items(each))
            for name, each in (properties.items() if isinstance(properties, Mapping) else ())
        },
        required=frozenset(each for each in required if isinstance(each, str))
        if isinstance(required, list)
        else frozenset(),
        is_closed=isinstance(properties, Mapping) and not is_open,
    )


def _items(schema: Any) -> frozenset[JsonType]:
    return _declared(schema.get("items")) if isinstance(schema, Mapping) else frozenset()


def _declared(schema: Any) -> frozenset[JsonType]:
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    named = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    return frozenset(_WORDS[each] for each in named if isinstance(each, str) and each in _WORDS)
