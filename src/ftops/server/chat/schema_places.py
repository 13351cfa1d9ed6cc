"""The schemas within a JSON schema, and whether each is well-formed.

Owns where schemas stand in the dialect of 2020-12, and what its keywords may hold (json-schema.org/draft/2020-12, as far as a
value's form goes). The words are those of OpenAI, which shows the messages of the package jsonschema.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftops.server.chat.work import Work

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]

_MAX_DEPTH = 64
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_HOLD_BY_NAME = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_HOLD_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_HOLD_ONE = frozenset(
    {
        "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then", "unevaluatedItems",
        "unevaluatedProperties",
    }
)  # fmt: skip


class SchemaFault(Exception):
    """What is wrong with a schema, in words that end a sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A schema that isn't just true or false, and the keys that lead to it."""

    path: Path
    schema: Schema


def places(root: object, work: Work) -> Iterator[Place]:
    """Itself and all schemas within. ``SchemaFault`` at one that isn't well-formed; ``TooComplex`` when they are many."""
    return _places(root, (), 0, work)


def children(schema: Schema) -> Iterator[tuple[Path, object]]:
    """What stands directly within a schema where schemas belong, with the keys that lead there."""
    for keyword, value in schema.items():
        if keyword in _HOLD_BY_NAME:
            yield from (((keyword, name), each) for name, each in value.items())
        elif keyword in _HOLD_LISTS:
            yield from (((keyword, number), each) for number, each in enumerate(value))
        elif keyword in _HOLD_ONE:
            yield (keyword,), value


def _places(schema: object, path: Path, depth: int, work: Work) -> Iterator[Place]:
    if depth > _MAX_DEPTH:
        raise SchemaFault(f"it nests deeper than {_MAX_DEPTH} levels.")
    work.spend()
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise SchemaFault(f"{_shown(schema)} is not of type 'object', 'boolean'.")
    for keyword, value in schema.items():
        work.spend(1 + (len(value) if isinstance(value, dict | list) else 0))
        rule = _RULES.get(keyword)
        if rule is not None and not rule[0](value):
            raise SchemaFault(f"{_shown(value)} {rule[1]}.")
    yield Place(path=path, schema=schema)
    for steps, child in children(schema):
        yield from _places(child, (*path, *steps), depth + 1, work)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_filled_list(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and (isinstance(value, int) or value.is_integer())


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _are_names_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(map(_are_names, value.values()))


def _is_type(value: object) -> bool:
    if isinstance(value, str):
        return value in _TYPES
    return bool(value) and _are_names(value) and _TYPES.issuperset(value)  # type: ignore[arg-type]


_Rule = tuple[Callable[[Any], bool], str]
_TEXT: _Rule = (_is_text, "is not of type 'string'")
_FLAG: _Rule = (_is_flag, "is not of type 'boolean'")
_OBJECT: _Rule = (_is_object, "is not of type 'object'")
_NUMBER: _Rule = (_is_number, "is not of type 'number'")
_COUNT: _Rule = (_is_count, "is not an integer of at least 0")
_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys(("$anchor", "$comment", "$id", "$ref", "$schema"), _TEXT),
    **dict.fromkeys(("description", "format", "pattern", "title"), _TEXT),
    **dict.fromkeys(("deprecated", "readOnly", "uniqueItems", "writeOnly"), _FLAG),
    **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"), _NUMBER),
    **dict.fromkeys(("maxContains", "maxItems", "maxLength", "maxProperties"), _COUNT),
    **dict.fromkeys(("minContains", "minItems", "minLength", "minProperties"), _COUNT),
    **dict.fromkeys(_HOLD_BY_NAME, _OBJECT),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), (_is_filled_list, "is not an array with an element")),
    "dependentRequired": (_are_names_by_name, "is not an object of arrays of unique strings"),
    "enum": (_is_list, "is not of type 'array'"),
    "multipleOf": (_is_positive, "is not a number above 0"),
    "required": (_are_names, "is not an array of unique strings"),
    "type": (_is_type, "is not valid under any of the given schemas"),
}


def _shown(value: object) -> str:
    match value:
        case str():
            return repr(value[:100])
        case list():
            return "[…]" if value else "[]"
        case dict():
            return "{…}" if value else "{}"
        case int() if value.bit_length() > 200:
            return "a huge integer"
        case _:
            return str(value)
