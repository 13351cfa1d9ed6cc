"""The JSON schemas of tools' parameters: what is wrong with one, and what is wrong with arguments beside it.

Owns the bound. References can make a schema of a few lines unfold to billions of parts, and a validator would try them all:
such a schema, and arguments that nest too deep for one that refers to itself, are not compared. Nothing is ever fetched.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from ftops.datasets.excerpts import masked_value, masked_words
from ftops.datasets.findings import Found
from ftops.domain.foreign_text import visible

if TYPE_CHECKING:
    import jsonschema_rs

_MOST_PARTS: Final = 20_000
_DEEPEST: Final = 250  # what nests deeper is refused anyway
_MOST_STEPS: Final = 1_000_000
_MOST_EXPLAINED: Final = 10_000  # what is wrong takes much longer to gather than that something is
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_OF_NAMES: Final = frozenset(("properties", "patternProperties", "dependentSchemas", "dependencies"))
_NOT_APPLIED: Final = frozenset(("$defs", "definitions", "enum", "const", "default", "examples"))
_SAID: Final = 100
_ELSEWHERE: Final = re.compile(" is not present in a registry.*")
_NOT_COMPARED: Final = "arguments are not compared with these"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSchema:
    """What the arguments of one tool must be. ``parts`` is how many schemas it unfolds to where a reference that leads back
    to what it stands in ends; there are ``loops`` of these."""

    validator: "jsonschema_rs.Validator"
    parts: int
    loops: int

    def faults(self, arguments: Mapping[str, Any]) -> Iterator[str]:
        """Gives what is wrong with arguments, in words that quote none of their values."""
        steps = self.parts * max(1, self.loops) ** min(_depth(arguments), _MOST_STEPS.bit_length())
        if steps > _MOST_STEPS:
            yield "they nest too deep to be compared with parameters that refer to themselves"
        elif self.validator.is_valid(arguments):
            return
        elif steps > _MOST_EXPLAINED:
            yield "too many ways to read them to tell why"
        else:
            for error in self.validator.iter_errors(arguments):
                path = "".join(f"/{step}" for step in error.instance_path)
                yield _cut(f"{path}: {error.message}" if path else error.message)


def tool_schema(parameters: Any) -> tuple[ToolSchema | None, Found | None]:
    """Gives the schema that a tool has as parameters, None where nothing is compared with it, and what is to be said of it."""
    if parameters is None:
        return None, None
    if not isinstance(parameters, dict):
        return None, Found(code="D040", says=f"expected a JSON schema, got {masked_value(parameters)}")
    unfolded = _Unfolding(parameters)
    if unfolded.parts > _MOST_PARTS and _depth(parameters) <= _DEEPEST:
        says = f"expected parameters of at most {_MOST_PARTS:,} parts, got more once references are followed"
        return None, Found(code="D047", says=says, hint=_NOT_COMPARED)
    import jsonschema_rs

    try:
        # No message quotes what a row says.
        validator = jsonschema_rs.validator_for(parameters, mask="the value", retriever=_refuse)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        says = str(getattr(error, "message", error)).partition("\n")[0]
        says = _ELSEWHERE.sub(" is of another place, and not fetched", says)
        at = masked_words("".join(f"/{step}" for step in getattr(error, "instance_path", ())))
        return None, Found(code="D040", field=at, says=f"expected a JSON schema: {_cut(says)}")
    if not unfolded.is_known:
        says = "expected references within parameters as pointers, as #/$defs/name, got others"
        return None, Found(code="D047", says=says, hint=_NOT_COMPARED)
    return ToolSchema(validator=validator, parts=unfolded.parts, loops=unfolded.loops), None


def _refuse(uri: str) -> Any:
    raise ValueError(f"schemas of other places are not fetched: {uri}")


class _Unfolding:
    """Follows the references of one schema: ``parts`` and ``loops`` as ``ToolSchema`` has them, of too many no more than that
    they are too many. ``is_known`` is False where there are references that are not followed: those that are no pointers."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._counted: dict[str, tuple[int, int]] = {}
        self.is_known = True
        try:
            self.parts, self.loops = self._part(root)
        except RecursionError:
            self.parts, self.loops = _MOST_PARTS + 1, 0

    def _part(self, schema: Any) -> tuple[int, int]:
        """Counts a schema, or a list of some."""
        if not isinstance(schema, dict | list):
            return 0, 0
        counts = [self._part(one) for one in _inner(schema)]
        if isinstance(schema, dict):
            counts += [self._target(schema[key]) for key in _REFERENCES if isinstance(schema.get(key), str)]
            if schema is not self._root and any(isinstance(schema.get(key), str) for key in ("$id", "id")):
                self.is_known = False  # pointers inside begin here
        parts, loops = 1 + sum(count[0] for count in counts), sum(count[1] for count in counts)
        return min(parts, _MOST_PARTS + 1), min(loops, _MOST_PARTS)

    def _target(self, reference: str) -> tuple[int, int]:
        if reference not in self._counted:
            self._counted[reference] = 0, 1  # until it is counted, it is what leads back here
            target = self._found(unquote(reference))
            if target is not self._root:
                self._counted[reference] = self._part(target)
        return self._counted[reference]

    def _found(self, reference: str) -> Any:
        """Gives what a pointer leads to; the schema as a whole where it leads nowhere."""
        at: Any = self._root
        if reference != "#" and not reference.startswith("#/"):
            self.is_known = False
        for step in reference.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(at, list):
                at = at[int(name)] if name.isdecimal() and int(name) < len(at) else None
            else:
                at = at.get(name) if isinstance(at, dict) else None
        return self._root if at is None else at


def _inner(schema: dict[str, Any] | list[Any]) -> Iterator[Any]:
    if isinstance(schema, list):
        yield from schema
        return
    for key, value in schema.items():
        if key in _OF_NAMES:
            yield from value.values() if isinstance(value, dict) else ()
        elif key not in _NOT_APPLIED:
            yield value


def _depth(value: Any) -> int:
    """Gives how deep lists and mappings nest."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _cut(text: str) -> str:
    words = masked_words(text)
    return visible(words if len(words) <= _SAID else words[: _SAID - 1] + "…")
