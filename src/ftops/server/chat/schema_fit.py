"""Whether a value fits a JSON schema of the dialect 2020-12, found in bounded time.

Owns what the keywords mean (json-schema.org/draft/2020-12); ``format`` and unknown ones say nothing about a value. The schema
has been checked (``schema_check``). Packages that validate have no bound: they compare and quote whatever they meet.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from ftops.server.chat.schema_places import Schema
from ftops.server.chat.schema_references import follow
from ftops.server.chat.work import TooComplex, Work

_MAX_DEPTH = 150
_WORD = 2**63
_FRACTION_STEPS = 20


class Fit:
    """Compares values with one schema."""

    def __init__(self, root: Schema, work: Work) -> None:
        self.work = work
        self._root = root
        self._targets: dict[str, object] = {}

    def fits(self, value: object) -> bool:
        """Whether a value fits; no longer when the request's work is used up."""
        try:
            return self.agrees(value, self._root, 0)
        except (TooComplex, RecursionError):
            return False

    def agrees(self, value: object, schema: Any, depth: int) -> bool:
        """Whether a value fits a schema within this one."""
        if isinstance(schema, bool):
            return schema
        if depth > _MAX_DEPTH:
            raise TooComplex
        self.work.spend(1 + len(schema))
        for keyword, demand in schema.items():
            rule = _RULES.get(keyword)
            if rule is not None and not rule(self, demand, value, schema, depth + 1):
                return False
        return True

    def target(self, reference: str) -> object:
        """What a reference leads to."""
        if reference not in self._targets:
            self._targets[reference] = follow(reference, self._root)
        return self._targets[reference]

    def is_same(self, one: object, other: object) -> bool:
        """Whether two values are equal in JSON, where 1 is 1.0 but not true."""
        if isinstance(one, str) or isinstance(other, str):
            return one == other
        return bool(self.key(one) == self.key(other))

    def key(self, value: object) -> object:
        """Something hashable that equal values share."""
        self.work.spend()
        match value:
            case bool():
                return "boolean", value
            case int() | float():
                whole = int(value) if isinstance(value, int) or value.is_integer() else None
                # Hashes of long integers are no secret: many of one hash would make a set slow.
                return value if whole is None else whole if abs(whole) < _WORD else ("whole", hex(whole))
            case list():
                return "array", tuple([self.key(each) for each in value])
            case dict():
                return "object", frozenset([(name, self.key(each)) for name, each in value.items()])
            case _:
                return value


_Rule = Callable[[Fit, Any, Any, Schema, int], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_of_type(value: object, kind: str) -> bool:
    match kind:
        case "integer":
            return _is_number(value) and (isinstance(value, int) or float(value).is_integer())  # type: ignore[arg-type]
        case "number":
            return _is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            return value is None


def _type(_: Fit, demand: Any, value: Any, __: Schema, ___: int) -> bool:
    return _is_of_type(value, demand) if isinstance(demand, str) else any(_is_of_type(value, each) for each in demand)


def _enum(fit: Fit, demand: Any, value: Any, _: Schema, __: int) -> bool:
    fit.work.spend(len(demand))
    return any(fit.is_same(value, each) for each in demand)


def _const(fit: Fit, demand: Any, value: Any, _: Schema, __: int) -> bool:
    return fit.is_same(value, demand)


def _reference(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    return fit.agrees(value, fit.target(demand), depth)


def _all_of(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    return all(fit.agrees(value, each, depth) for each in demand)


def _any_of(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    return any(fit.agrees(value, each, depth) for each in demand)


def _one_of(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    return sum(fit.agrees(value, each, depth) for each in demand) == 1


def _not(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    return not fit.agrees(value, demand, depth)


def _if(fit: Fit, demand: Any, value: Any, schema: Schema, depth: int) -> bool:
    return fit.agrees(value, schema.get("then" if fit.agrees(value, demand, depth) else "else", True), depth)


def _multiple_of(fit: Fit, demand: Any, value: Any, __: Schema, ___: int) -> bool:
    if not _is_number(value):
        return True
    if isinstance(value, int) and isinstance(demand, int):
        return value % demand == 0
    fit.work.spend(_FRACTION_STEPS)
    # As they are written: 0.3 is a multiple of 0.1, though no two binary fractions say so.
    return (_fraction(value) / _fraction(demand)).denominator == 1


def _fraction(number: float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _bound(is_kept: Callable[[Any, Any], bool]) -> _Rule:
    """A rule for numbers alone."""
    return lambda _, demand, value, __, ___: not _is_number(value) or is_kept(value, demand)


def _size(kind: type[list[Any]] | type[dict[str, Any]] | type[str], is_kept: Callable[[int, Any], bool]) -> _Rule:
    """A rule for how much is in a string, an array or an object."""
    return lambda _, demand, value, __, ___: not isinstance(value, kind) or is_kept(len(value), demand)


def _prefix_items(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    if not isinstance(value, list):
        return True
    return all(fit.agrees(each, schema, depth) for each, schema in zip(value, demand, strict=False))


def _items(fit: Fit, demand: Any, value: Any, schema: Schema, depth: int) -> bool:
    if not isinstance(value, list):
        return True
    fit.work.spend(len(value))
    return all(fit.agrees(each, demand, depth) for each in value[len(schema.get("prefixItems", ())) :])


def _contains(fit: Fit, demand: Any, value: Any, schema: Schema, depth: int) -> bool:
    if not isinstance(value, list):
        return True
    fit.work.spend(len(value))
    found = sum(fit.agrees(each, demand, depth) for each in value)
    return bool(schema.get("minContains", 1) <= found <= schema.get("maxContains", len(value)))


def _unique_items(fit: Fit, demand: Any, value: Any, _: Schema, __: int) -> bool:
    return not demand or not isinstance(value, list) or len({fit.key(each) for each in value}) == len(value)


def _properties(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    fit.work.spend(len(demand))
    return all(fit.agrees(value[name], each, depth) for name, each in demand.items() if name in value)


def _additional(fit: Fit, demand: Any, value: Any, schema: Schema, depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    fit.work.spend(len(value))
    named = schema.get("properties", {})
    return all(fit.agrees(each, demand, depth) for name, each in value.items() if name not in named)


def _property_names(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    return not isinstance(value, dict) or all(fit.agrees(name, demand, depth) for name in value)


def _required(fit: Fit, demand: Any, value: Any, _: Schema, __: int) -> bool:
    fit.work.spend(len(demand))
    return not isinstance(value, dict) or all(name in value for name in demand)


def _dependent_required(fit: Fit, demand: Any, value: Any, schema: Schema, depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    fit.work.spend(len(demand))
    return all(_required(fit, each, value, schema, depth) for name, each in demand.items() if name in value)


def _dependent_schemas(fit: Fit, demand: Any, value: Any, _: Schema, depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    fit.work.spend(len(demand))
    return all(fit.agrees(value, each, depth) for name, each in demand.items() if name in value)


_RULES: Mapping[str, _Rule] = {
    "$ref": _reference,
    "additionalProperties": _additional,
    "allOf": _all_of,
    "anyOf": _any_of,
    "const": _const,
    "contains": _contains,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "enum": _enum,
    "exclusiveMaximum": _bound(lambda value, bound: value < bound),
    "exclusiveMinimum": _bound(lambda value, bound: value > bound),
    "if": _if,
    "items": _items,
    "maxItems": _size(list, lambda size, bound: size <= bound),
    "maxLength": _size(str, lambda size, bound: size <= bound),
    "maxProperties": _size(dict, lambda size, bound: size <= bound),
    "maximum": _bound(lambda value, bound: value <= bound),
    "minItems": _size(list, lambda size, bound: size >= bound),
    "minLength": _size(str, lambda size, bound: size >= bound),
    "minProperties": _size(dict, lambda size, bound: size >= bound),
    "minimum": _bound(lambda value, bound: value >= bound),
    "multipleOf": _multiple_of,
    "not": _not,
    "oneOf": _one_of,
    "prefixItems": _prefix_items,
    "properties": _properties,
    "propertyNames": _property_names,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique_items,
}
