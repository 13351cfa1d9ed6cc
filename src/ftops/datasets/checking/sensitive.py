"""Personal data and secrets in the texts of rows.

Owns D140 and D141. What counts, and how it is masked, is ``personal_data``'s; which texts are searched is ``row_texts``'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from ftops.datasets.batches import Batch
from ftops.datasets.checking.hits import Hit, Hits, hit_findings, shortened
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.personal_data import Kind, findings_in
from ftops.datasets.row_texts import row_texts
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
        texts: dict[str, int] = {}  # one text, as a system prompt is, is searched once
        places = [
            (line, pointer, texts.setdefault(text, len(texts)))
            for line, row in zip(batch.lines, batch.rows, strict=True)
            for pointer, text in row_texts(row)
        ]
        found = dict(findings_in(tuple(texts)))
        if not found:
            return {}
        hits: dict[Kind, list[Hit]] = {}
        for line, pointer, text in places:
            for one in found.get(text, ()):
                of_kind = hits.setdefault(one.kind, [])
                if not of_kind or of_kind[-1].line != line:
                    of_kind.append(Hit(line, pointer, f"{one.kind}: {visible(one.masked)}"))
        return {kind: shortened(of_kind) for kind, of_kind in hits.items()}

    def conclude(self, seen: Sequence[Mapping[Kind, Hits]], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each row that is shown, kind by kind."""
        for kind in Kind:
            if of_kind := [one[kind] for one in seen if kind in one]:
                code = "D141" if kind.is_secret else "D140"
                yield from hit_findings(code, of_kind, kind=kind.value, hint=_HINTS[code])
