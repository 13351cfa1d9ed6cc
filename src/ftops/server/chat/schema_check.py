"""Whether a client's JSON schema is one that this server takes.

Owns what is refused: what isn't well-formed, what can't be evaluated in bounded time, and what structured outputs don't allow.
A schema is data: nothing it refers to is fetched, and keywords that evaluate regular expressions or depend on where an
evaluation came from aren't carried out.
"""

from collections.abc import Iterator, Sequence

import msgspec

from ftops.server.chat.schema_places import Place, Schema, SchemaFault, places
from ftops.server.chat.schema_references import follow
from ftops.server.chat.work import TooComplex, Work

# A hostile regular expression can hold a thread for good.
_UNEVALUATED = (
    "pattern", "patternProperties", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef",
)  # fmt: skip
_MAX_BYTES = 256 * 1024
# How many schemas may have a say about one value, and how many of them in a row may lead to one another.
_MAX_SAYS = 10_000
_MAX_CHAIN = 100


class UnevaluatedKeyword(Exception):
    """A keyword that the server doesn't carry out, which is the message."""


def check_schema(schema: Schema, *, work: Work, is_strict: bool, is_evaluated: bool) -> None:
    """Raises ``SchemaFault`` or ``UnevaluatedKeyword``.

    ``is_strict``: structured outputs are asked for. ``is_evaluated``: answers will be compared with it.
    """
    try:
        found = tuple(places(schema, work))
        if len(msgspec.json.encode(schema)) > _MAX_BYTES:
            raise SchemaFault(f"it is longer than {_MAX_BYTES} bytes.")
        if is_evaluated:
            _check_keywords(found)
        if is_evaluated or is_strict:
            _Says(schema, found, work).check()
    except TooComplex as error:
        raise SchemaFault("it is too complex to evaluate.") from error
    if is_strict:
        _check_strict(schema, found)


def _check_keywords(found: Sequence[Place]) -> None:
    for keyword in _UNEVALUATED:
        if any(keyword in place.schema for place in found):
            raise UnevaluatedKeyword(keyword)
    if any("$id" in place.schema for place in found if place.path):
        raise UnevaluatedKeyword("$id")  # references beneath it would start from there


class _Says:
    """Counts the schemas that have a say about one value: those that a schema refers to or combines, and theirs in turn."""

    def __init__(self, root: Schema, found: Sequence[Place], work: Work) -> None:
        self._root = root
        self._found = found
        self._work = work
        self._known = {id(place.schema) for place in found}
        self._counts: dict[int, int] = {}

    def check(self) -> None:
        """``SchemaFault`` where references lead nowhere or in circles, ``TooComplex`` where too many have a say."""
        for place in self._found:
            self._count(place.schema, 0)

    def _count(self, schema: object, depth: int) -> int:
        if not isinstance(schema, dict):
            return 1
        counted = self._counts.get(id(schema))
        if counted is not None:
            if not counted:
                raise SchemaFault("a reference in it can't be followed.")
            return counted
        if depth > _MAX_CHAIN:
            raise TooComplex
        self._counts[id(schema)] = 0  # being counted: who comes by again has gone in a circle
        total = 1
        for each in self._sayers(schema):
            self._work.spend()
            total += self._count(each, depth + 1)
        if total > _MAX_SAYS:
            raise TooComplex
        self._counts[id(schema)] = total
        return total

    def _sayers(self, schema: Schema) -> Iterator[object]:
        if "$ref" in schema:
            yield self._target(schema["$ref"])
        for keyword in ("allOf", "anyOf", "oneOf"):
            yield from schema.get(keyword, ())
        for keyword in ("not", "if", "then", "else"):
            if keyword in schema:
                yield schema[keyword]
        yield from schema.get("dependentSchemas", {}).values()

    def _target(self, reference: str) -> object:
        self._work.spend(len(reference) // 32)
        try:
            target = follow(reference, self._root)
        except LookupError as error:
            raise SchemaFault("a reference in it can't be followed.") from error
        # It may lead to a list, or to data that only looks like a schema.
        if not isinstance(target, bool) and id(target) not in self._known:
            raise SchemaFault("a reference in it can't be followed.")
        return target


def _check_strict(root: Schema, found: Sequence[Place]) -> None:
    """Strict schemas are objects and leave no property open, as OpenAI's guide to structured outputs demands."""
    kind = root.get("type")
    if kind != "object":
        shown = kind if isinstance(kind, str | None) else "array"
        raise SchemaFault(f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{shown}\"'.")
    for place in found:
        fault = _open_fault(place.schema)
        if fault is not None:
            raise SchemaFault(f"In context={str(place.path)[:200]}, {fault}")


def _open_fault(schema: Schema) -> str | None:
    properties = schema.get("properties")
    if schema.get("type") != "object" and properties is None:
        return None
    if schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    missing = sorted(set(properties or {}) - set(schema.get("required") or ()))
    if missing:
        return (
            "'required' is required to be supplied and to be an array including every key in properties. "
            f"Missing '{missing[0][:100]}'."
        )
    return None
