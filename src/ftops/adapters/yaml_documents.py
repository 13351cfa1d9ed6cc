"""What comes of YAML: a document's plain values, and where each of them stands.

Owns the shape alone, so that a document read before needs no reader of YAML; that is ``yaml_nodes``.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

MAX_BYTES: Final = 1_000_000


class Place(NamedTuple):
    """Where something stands, counted from 1. A tuple, because a thousand manifests have a hundred thousand of them."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class YamlDocument:
    """One document as plain JSON values.

    ``values`` and ``keys`` give the place of each value, and of each mapping's key, by JSON pointer; ``broken`` are the
    pointers of values that were refused and stand as None.
    """

    value: Any
    place: Place
    values: dict[str, Place]
    keys: dict[str, Place]
    broken: frozenset[str] = frozenset()

    def at(self, pointer: str) -> Place:
        """Gives the place of the value at ``pointer``, or of the nearest value around it."""
        while pointer and pointer not in self.values:
            pointer = pointer.rpartition("/")[0]
        return self.values.get(pointer, self.place)


def child(pointer: str, key: str | int) -> str:
    """Gives the JSON pointer (RFC 6901) of ``key`` below ``pointer``."""
    if isinstance(key, str) and ("~" in key or "/" in key):
        key = key.replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{key}"
