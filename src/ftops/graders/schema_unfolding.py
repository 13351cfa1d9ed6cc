"""How much work a JSON schema makes for a validator.

Owns the bound. References can make a schema of a few lines unfold to billions of parts, and a validator would try them all.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

MOST_PARTS: Final = 20_000
MOST_STEPS: Final = 1_000_000
DEEPEST: Final = 250
"""How deep schemas and values may nest."""

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_OF_NAMES: Final = frozenset(("properties", "patternProperties", "dependentSchemas", "dependencies"))
_NOT_APPLIED: Final = frozenset(("$defs", "definitions", "enum", "const", "default", "examples"))


class Unfolding:
    """Follows the references of one schema.

    ``parts`` is how many schemas it unfolds to where a reference that leads back to what it stands in ends, and there are
    ``loops`` of these; of too many no more than that they are too many. ``is_known`` is False where there are references that
    are not followed: those that are no pointers.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._counted: dict[str, tuple[int, int]] = {}
        self.is_known = True
        try:
            self.parts, self.loops = self._part(root)
        except RecursionError:
            self.parts, self.loops = MOST_PARTS + 1, 0

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
        return min(parts, MOST_PARTS + 1), min(loops, MOST_PARTS)

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


def most_steps(parts: int, loops: int, value: Any) -> int:
    """Gives an upper bound of the steps that comparing ``value`` takes with a schema of so many parts and loops."""
    ways: int = max(1, loops) ** min(depth_of(value), MOST_STEPS.bit_length())
    return parts * ways


def depth_of(value: Any) -> int:
    """Gives how deep lists and mappings nest."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _inner(schema: dict[str, Any] | list[Any]) -> Iterator[Any]:
    if isinstance(schema, list):
        yield from schema
        return
    for key, value in schema.items():
        if key in _OF_NAMES:
            yield from value.values() if isinstance(value, dict) else ()
        elif key not in _NOT_APPLIED:
            yield value
