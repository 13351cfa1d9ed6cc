"""Rows that a check hits: the first few of a batch as they are to be told, and a count of all.

Owns that shortening. What several checks of this package say of single rows goes through here, so that what is remembered of
a batch stays small, and what is told is the same however the file was cut into batches.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

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
    first: list[Hit] = []
    total = 0
    for hits in seen:
        first.extend(hits.first[: SHOWN_OF_A_KIND - len(first)])
        total += hits.total
    for hit in first:
        yield Found(code=code, line=hit.line, field=hit.field, says=hit.says, kind=kind, hint=hint)
    if rest := total - len(first):
        yield Found(code=code, line=first[-1].line, field=first[-1].field, says=kind, kind=kind, hint=hint, count=rest)
