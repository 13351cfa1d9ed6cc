"""Finds a short value that fits a JSON schema, for answers that must have a form which no reply learnt has.

Owns the choice: required properties alone, the first of several alternatives, the smallest numbers and lengths. It isn't a
solver: conditions that contradict or depend on one another may defeat it, so callers check what comes out.
"""

from collections.abc import Mapping
from typing import Any

_MAX_DEPTH = 40
_MAX_LENGTH = 1000


class NoInstance(Exception):
    """No value was found."""


def shortest_instance(schema: object) -> Any:
    """A value that likely fits a schema; ``NoInstance`` when none is found."""
    return _value(schema, schema, 0)


def _value(schema: object, root: object, depth: int) -> Any:
    if schema is True or depth > _MAX_DEPTH:
        if schema is True:
            return None
        raise NoInstance
    if not isinstance(schema, dict):
        raise NoInstance
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _first(schema["enum"])
    if "$ref" in schema:
        return _value(_target(schema["$ref"], root), root, depth + 1)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _alternative(schema[keyword], root, depth)
    if "allOf" in schema:
        schema = _merged(schema)
    return _of_type(schema, root, depth)


def _of_type(schema: Mapping[str, Any], root: object, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = "null" if "null" in kind else _first(kind)
    match kind:
        case "object" | None:
            return _object(schema, root, depth)
        case "array":
            items = [_value(each, root, depth + 1) for each in schema.get("prefixItems", ())]
            wanted = min(int(schema.get("minItems", 0)), _MAX_LENGTH)
            while len(items) < wanted:
                items.append(_value(schema.get("items", True), root, depth + 1))
            return items
        case "string":
            return "a" * min(int(schema.get("minLength", 0)), _MAX_LENGTH)
        case "integer":
            return int(_number(schema, 1))
        case "number":
            return _number(schema, 0.5)
        case "boolean":
            return False
        case "null":
            return None
        case _:
            raise NoInstance


def _object(schema: Mapping[str, Any], root: object, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {name: _value(properties.get(name, True), root, depth + 1) for name in schema.get("required", ())}


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


def _alternative(schemas: object, root: object, depth: int) -> Any:
    for schema in schemas if isinstance(schemas, list) else ():
        try:
            return _value(schema, root, depth + 1)
        except NoInstance:
            continue
    raise NoInstance


def _merged(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What ``allOf`` demands together, as far as plain keywords go; later ones win, properties and requirements add up."""
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        if not isinstance(part, dict):
            continue
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged = {**merged, **part, "properties": properties, "required": required}
    return merged


def _target(reference: object, root: object) -> object:
    """What a reference within the schema names."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise NoInstance
    found = root
    for name in reference[1:].split("/")[1:]:
        key = name.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            raise NoInstance
        found = found[key]
    return found


def _first(values: object) -> Any:
    if not isinstance(values, list) or not values:
        raise NoInstance
    return values[0]
