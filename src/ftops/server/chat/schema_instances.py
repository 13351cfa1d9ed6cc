"""Finds a short value that fits a JSON schema, for answers that must have a form which no reply learnt has.

Owns the choice: required properties alone, the first of several alternatives, the smallest numbers and lengths. It isn't a
solver: conditions that contradict or depend on one another may defeat it, so callers check what comes out. Neither the value
nor the search for it grows without bounds, whatever the schema.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ftops.server.chat.schema_references import follow
from ftops.server.chat.work import TooComplex, Work

_MAX_DEPTH = 40
_MAX_LENGTH = 1000
# Of the value in JSON, about; looking at a schema counts as a character.
_MAX_CHARACTERS = 50_000


class NoInstance(Exception):
    """No value was found."""


def shortest_instance(schema: object) -> Any:
    """A value that likely fits a schema; ``NoInstance`` when none is found, or only long ones."""
    try:
        return _Search(schema).value(schema, 0)
    except (TooComplex, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise NoInstance from error


class _Search:
    def __init__(self, root: object) -> None:
        self._root = root
        self._left = Work(_MAX_CHARACTERS)

    def value(self, schema: object, depth: int) -> Any:
        self._left.spend()
        if schema is True:
            return None
        if depth > _MAX_DEPTH or not isinstance(schema, dict):
            raise NoInstance
        if "const" in schema:
            return self._given(schema["const"])
        if "enum" in schema:
            return self._given(_first(schema["enum"]))
        if "$ref" in schema:
            return self.value(self._target(schema["$ref"]), depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._alternative(schema[keyword], depth)
        return self._of_type(self._merged(schema) if "allOf" in schema else schema, depth)

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = "null" if "null" in kind else _first(kind)
        match kind:
            case "object" | None:
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._given("a" * min(int(schema.get("minLength", 0)), _MAX_LENGTH))
            case "integer":
                return self._given(int(_number(schema, 1)))
            case "number":
                return self._given(_number(schema, 0.5))
            case "boolean":
                return False
            case "null":
                return None
            case _:
                raise NoInstance

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        items = [self.value(each, depth + 1) for each in schema.get("prefixItems", ())]
        wanted = min(int(schema.get("minItems", 0)), _MAX_LENGTH)
        while len(items) < wanted:
            items.append(self.value(schema.get("items", True), depth + 1))
        return items

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        found = {}
        for name in schema.get("required", ()):
            self._left.spend(len(name))
            found[name] = self.value(properties.get(name, True), depth + 1)
        return found

    def _target(self, reference: Any) -> object:
        self._left.spend(len(reference))
        try:
            return follow(reference, self._root)
        except LookupError as error:
            raise NoInstance from error

    def _given(self, value: Any) -> Any:
        """A value that the schema itself holds, and may show in many places."""
        self._left.spend(len(msgspec.json.encode(value)))
        return value

    def _alternative(self, schemas: object, depth: int) -> Any:
        for schema in schemas if isinstance(schemas, list) else ():
            try:
                return self.value(schema, depth + 1)
            except NoInstance:
                continue
        raise NoInstance

    def _merged(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """What ``allOf`` demands together, as far as plain keywords go; later ones win, properties and requirements add up."""
        merged: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        required: list[str] = []
        for part in (schema, *schema["allOf"]):
            if not isinstance(part, dict):
                continue
            own, names = part.get("properties", {}), part.get("required", ())
            self._left.spend(len(part) + len(own) + len(names))
            merged.update(part)
            properties.update(own)
            required.extend(names)
        return {**merged, "properties": properties, "required": required}


def _number(schema: Mapping[str, Any], beyond: float) -> float:
    """0 if that is within the bounds, else the bound next to it. ``beyond`` is the way past an exclusive bound."""
    value: float = 0
    if "minimum" in schema:
        value = max(value, schema["minimum"])
    if "exclusiveMinimum" in schema:
        value = max(value, schema["exclusiveMinimum"] + beyond)
    if "maximum" in schema:
        value = min(value, schema["maximum"])
    if "exclusiveMaximum" in schema:
        value = min(value, schema["exclusiveMaximum"] - beyond)
    step = schema.get("multipleOf")
    return -(-value // step) * step if step and value else value


def _first(values: object) -> Any:
    if not isinstance(values, list) or not values:
        raise NoInstance
    return values[0]
