"""What the format has and this version doesn't do: refused in words, never ignored.

Owns that list, and nothing else; a line goes when its feature comes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from ftops.adapters.yaml_documents import child
from ftops.domain.foreign_text import visible

_Place = tuple[tuple[str | int, ...], Any]
"""The keys and indices that lead to a value, and the value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The value at ``path`` must be one of ``supported``; ``*`` in a path stands for any key or index.

    A value that is absent is never refused. ``says`` is what to write instead.
    """

    path: tuple[str, ...]
    supported: tuple[Any, ...]
    says: str


PROJECT_LIMITS: Final = (Limit(path=("spec", "ledger", "outputs"), supported=("local",), says="only local"),)


def unsupported_values(value: Any, limits: Sequence[Limit]) -> Iterator[tuple[str, str]]:
    """Gives each unsupported value of a valid document as (JSON pointer, what to say)."""
    parents: dict[tuple[str, ...], list[_Place]] = {}  # where several limits apply, looked up once
    for limit in limits:
        parent = limit.path[:-1]
        if parent not in parents:
            parents[parent] = reduce(_below, parent, [((), value)])
        for steps, found in _below(parents[parent], limit.path[-1]):
            if found not in limit.supported:
                pointer = reduce(child, steps, "")
                where = ".".join(step for step in steps if isinstance(step, str) and step != "spec")
                said = f": {visible(str(found).lower() if isinstance(found, bool) else str(found))}"
                yield pointer, f"{where}{said} is not supported by this version; {limit.says}"


def _below(places: list[_Place], key: str) -> list[_Place]:
    """Goes from each place to what it has under a key, or to all of its items."""
    if key == "*":
        lists = [(steps, at) for steps, at in places if isinstance(at, list)]
        return [((*steps, index), item) for steps, at in lists for index, item in enumerate(at)]
    return [((*steps, key), at[key]) for steps, at in places if isinstance(at, dict) and key in at]
