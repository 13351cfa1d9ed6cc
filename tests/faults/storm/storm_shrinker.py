"""Makes a script that went wrong small: whatever can be left out, or be the default, without its going right is.

Greedy, over plain data: parts of a sequence are left out, the longest first, then fields are set to their defaults one by one,
until nothing more can go. A smaller script counts if it breaks one of the promises that the first one broke.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from itertools import islice
from typing import Any

from storm_script import Script

TRIES = 1500


def shrink(script: Script, is_wrong: Callable[[Script], bool], *, tries: int = TRIES) -> Script:
    """Gives the smallest script found that ``is_wrong`` is still true of, playing at most so many."""
    is_smaller = True
    while is_smaller:
        is_smaller, index = False, 0
        # What could not go will hardly go right after something else went: on from there, then again from the start.
        while (candidate := next(islice(smaller_ones(script), index, None), None)) is not None:
            if tries <= 0:
                return script
            tries -= 1
            if is_wrong(candidate):
                script, is_smaller = candidate, True
            else:
                index += 1
    return script


def smaller_ones(script: Script) -> Iterator[Script]:
    """Every script that is one cut smaller, the boldest first. Smaller is what takes fewer characters to write."""
    size = len(repr(script))
    yield from (one for one in _smaller(script) if len(repr(one)) < size)


def _smaller(value: Any) -> Iterator[Any]:
    if is_dataclass(value) and not isinstance(value, type):
        yield from _smaller_record(value)
    elif isinstance(value, tuple):
        yield from _smaller_sequence(value)
    elif isinstance(value, Mapping):
        yield from _smaller_mapping(value)


def _smaller_record(record: Any) -> Iterator[Any]:
    if hasattr(record, "runs") and len(record.runs) == 1:
        yield record.runs[0]
    for one in fields(record):
        value = getattr(record, one.name)
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        if default is not MISSING and value != default and not isinstance(value, tuple):
            yield replace(record, **{one.name: default})
    for one in fields(record):
        for smaller in _smaller(getattr(record, one.name)):
            yield replace(record, **{one.name: smaller})


def _smaller_sequence(items: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    items = tuple(items)
    size = len(items)
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2
    for index, item in enumerate(items):
        for smaller in _smaller(item):
            yield (*items[:index], smaller, *items[index + 1 :])


def _smaller_mapping(items: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in items:
        yield {name: value for name, value in items.items() if name != key}
    for key, value in items.items():
        for smaller in _smaller(value):
            yield {**items, key: smaller}
