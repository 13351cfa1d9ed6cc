"""Rows that a check hits: the first few of a batch as they are to be told, and a count of all.

Owns what is remembered of a batch, so that it stays small, and that what is told is the same however the file was cut into
batches. ``first_few`` tells it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ftops.datasets.checking.first_few import first_few
from ftops.datasets.findings import SHOWN_OF_A_KIND, Found


class Hit(NamedTuple):
    """One row at fault: its line, the field as a JSON pointer, and what is said of it."""

    line: int
    field: str
    says: str


class Hits(NamedTuple):
    """The hits of a batch or of several, in the order of their lines: the first few, and how many there are."""

    first: tuple[Hit, ...] = ()
    total: int = 0


def shortened(hits: Sequence[Hit]) -> Hits:
    """Keeps the first few of ``hits``, which are in the order of their lines."""
    return Hits(tuple(hits[:SHOWN_OF_A_KIND]), len(hits))


def hit_findings(code: str, seen: Iterable[Hits], *, kind: str, hint: str | None = None) -> Iterator[Found]:
    """Gives the first few hits as findings of ``kind``, and one more that counts the others."""
    parts = tuple(seen)
    first = tuple(islice((hit for hits in parts for hit in hits.first), SHOWN_OF_A_KIND))

    def tell(place: int) -> Found:
        hit = first[place] if place < len(first) else first[-1]._replace(says=kind)
        return Found(code=code, line=hit.line, field=hit.field, says=hit.says, kind=kind, hint=hint)

    yield from first_few(range(sum(hits.total for hits in parts)), tell)
