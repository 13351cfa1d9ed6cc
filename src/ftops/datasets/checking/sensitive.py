"""Personal data and secrets in the texts of rows.

Owns D140 and D141. What counts, and how it is masked, is ``personal_data``'s; which texts are searched is ``row_texts``'s.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from ftops.datasets.batches import Batch
from ftops.datasets.checking.hits import Hit, Hits, hit_findings
from ftops.datasets.findings import SHOWN_OF_A_KIND, Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.personal_data import Kind, Sensitive, findings_in
from ftops.datasets.row_texts import row_texts, texts_of
from ftops.datasets.rows import Row
from ftops.domain.foreign_text import visible

_HINTS = {
    "D140": "put something made up in its place, unless the model is meant to learn it",
    "D141": "revoke it, as whoever reads the file or asks the model may get it; then take it out",
}


class SensitiveTexts:
    """Finds rows with personal data or secrets: of each kind at most one finding a row, where it stands first."""

    codes: ClassVar[tuple[str, ...]] = ("D140", "D141")

    def look(self, batch: Batch) -> Mapping[Kind, Hits]:
        """Gives the rows that hold something, by its kind."""
        found, places = _searched(batch.rows)
        hits: dict[Kind, list[tuple[int, str, Sensitive]]] = {}
        for place in places:
            line = batch.lines[place]
            for pointer, text in row_texts(batch.rows[place]):
                for one in found.get(text, ()):
                    of_kind = hits.setdefault(one.kind, [])
                    if not of_kind or of_kind[-1][0] != line:
                        of_kind.append((line, pointer, one))
        return {
            kind: Hits(tuple(_hit(*hit) for hit in of_kind[:SHOWN_OF_A_KIND]), len(of_kind))
            for kind, of_kind in hits.items()
        }

    def conclude(self, seen: Sequence[Mapping[Kind, Hits]], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each row that is shown, kind by kind."""
        for kind in Kind:
            if of_kind := [one[kind] for one in seen if kind in one]:
                code = "D141" if kind.is_secret else "D140"
                yield from hit_findings(code, of_kind, kind=kind.value, hint=_HINTS[code])


def _searched(rows: Sequence[Row]) -> tuple[Mapping[str, Sequence[Sensitive]], Sequence[int]]:
    """Gives the texts that hold something, with what it is, and the places of the rows that have one of them.

    The first text of a row is mostly what the system says in many of them, so each of these is searched once.
    """
    first: dict[str, list[int]] = {}
    others: list[str] = []
    ends: list[int] = []
    for place, row in enumerate(rows):
        if texts := texts_of(row):
            first.setdefault(texts[0], []).append(place)
            others += texts[1:]
        ends.append(len(others))
    found: dict[str, Sequence[Sensitive]] = {}
    places: set[int] = set()
    openings = tuple(first)
    for index, values in findings_in(openings):
        found[openings[index]] = values
        places.update(first[openings[index]])
    for index, values in findings_in(others):
        found[others[index]] = values
        places.add(bisect_right(ends, index))
    return found, sorted(places)


def _hit(line: int, pointer: str, one: Sensitive) -> Hit:
    return Hit(line, pointer, f"{one.kind}: {visible(one.masked)}")
