"""What differs between two versions of a dataset: rows added, removed and changed, labels, tokens.

Owns the matching. Rows are a multiset: their order plays no part, and of a row that is twice in one version and once in the
other, one is added or removed. It sees digests, and says by their lines which rows to show.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from ftops.datasets.labels import Labels
from ftops.datasets.row_digests import DigestsSeen, RowArrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ODD: Final = np.uint64(0x9E3779B97F4A7C15)


class Aspect(StrEnum):
    """What of a row with the same prompt is not the same."""

    ANSWER = "answer"
    SYSTEM = "system prompt"
    TOOLS = "tools"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelShift:
    """One label: its share of all labels before and after, and the numbers behind it."""

    label: str
    old: int
    new: int
    old_share: float
    new_share: float

    @property
    def change(self) -> float:
        """By how much the share grew."""
        return self.new_share - self.old_share


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedRow:
    """A row with the same prompt as before, by its line in both versions, and what of it changed."""

    old_line: int
    new_line: int
    aspects: tuple[Aspect, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What differs. ``aspects`` counts the changed rows by what changed of them; a row may count under several.

    ``old_tokens`` and ``new_tokens`` are what one epoch bills. ``labels`` are sorted by the size of their change, and
    ``label_distance`` is the total variation distance of the two distributions: half the sum of all changes, from 0 to 1.
    There are none where the answers of either version are no labels. ``shown_…`` are the first few of each kind, in the
    order of their lines.
    """

    old_rows: int
    new_rows: int
    added: int
    removed: int
    changed: int
    aspects: tuple[tuple[Aspect, int], ...]
    old_tokens: int
    new_tokens: int
    labels: tuple[LabelShift, ...]
    label_distance: float | None
    shown_added: tuple[int, ...]
    shown_removed: tuple[int, ...]
    shown_changed: tuple[ChangedRow, ...]

    @property
    def has_changes(self) -> bool:
        """Whether any row differs."""
        return bool(self.added or self.removed or self.changed)


def difference(old: DigestsSeen, new: DigestsSeen, *, shown: int) -> Difference:
    """Compares two versions; ``shown`` is how many rows of each kind are named.

    Equal rows are matched first, then rows with the same prompt, in the order of their lines. What is left was removed or
    added.
    """
    before, after = old.arrays, new.arrays
    old_rest, new_rest = _unmatched(before.rows, after.rows)
    places = _matched(before.prompts[old_rest], after.prompts[new_rest])
    old_changed, new_changed = old_rest[places[0]], new_rest[places[1]]
    removed, added = np.setdiff1d(old_rest, old_changed), np.setdiff1d(new_rest, new_changed)
    of_aspects = _aspects(before, after, old_changed, new_changed)
    shifts = _label_shifts(old.labels, new.labels)
    first = np.argsort(after.lines[new_changed], kind="stable")[:shown]
    return Difference(
        old_rows=len(before),
        new_rows=len(after),
        added=len(added),
        removed=len(removed),
        changed=len(new_changed),
        aspects=tuple((aspect, int(which.sum())) for aspect, which in of_aspects.items() if which.any()),
        old_tokens=int(before.tokens.sum()),
        new_tokens=int(after.tokens.sum()),
        labels=shifts,
        label_distance=sum(abs(shift.change) for shift in shifts) / 2 if shifts else None,
        shown_added=_lines(after, added, shown),
        shown_removed=_lines(before, removed, shown),
        shown_changed=tuple(
            ChangedRow(
                old_line=int(before.lines[old_changed[place]]),
                new_line=int(after.lines[new_changed[place]]),
                aspects=tuple(aspect for aspect, which in of_aspects.items() if which[place]),
            )
            for place in first
        ),
    )


def _unmatched(old: "NDArray[np.uint64]", new: "NDArray[np.uint64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Gives the places of what has no equal on the other side; of equal ones the first are matched."""
    matched_old, matched_new = _matched(old, new)
    return np.setdiff1d(np.arange(len(old)), matched_old), np.setdiff1d(np.arange(len(new)), matched_new)


def _matched(old: "NDArray[np.uint64]", new: "NDArray[np.uint64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Pairs equal digests, the first one with the first one; gives the places of each pair on both sides."""
    old_order, old_ranks = _ranked(old)
    new_order, new_ranks = _ranked(new)
    # Mixed with its rank among its equals, a digest is there at most once on a side; sorting pairs would take much longer.
    old_keys = old[old_order] + old_ranks.astype(np.uint64) * _ODD
    new_keys = new[new_order] + new_ranks.astype(np.uint64) * _ODD
    _, in_old, in_new = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    return old_order[in_old], new_order[in_new]


def _ranked(digests: "NDArray[np.uint64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Gives the places in the order of their digests, and the number that each has among its equals, from 0."""
    order = np.argsort(digests, kind="stable")
    ordered = digests[order]
    places = np.arange(len(order))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    starts = np.maximum.accumulate(np.where(is_first, places, 0)) if len(order) else places
    return order, places - starts


def _aspects(
    before: RowArrays, after: RowArrays, old: "NDArray[np.int64]", new: "NDArray[np.int64]"
) -> "dict[Aspect, NDArray[np.bool_]]":
    """Tells for each changed row what changed of it."""
    known = {
        Aspect.ANSWER: before.answers[old] != after.answers[new],
        Aspect.SYSTEM: before.systems[old] != after.systems[new],
        Aspect.TOOLS: before.tools[old] != after.tools[new],
    }
    explained = known[Aspect.ANSWER] | known[Aspect.SYSTEM] | known[Aspect.TOOLS]
    return {**known, Aspect.OTHER: ~explained}


def _label_shifts(old: Labels, new: Labels) -> tuple[LabelShift, ...]:
    before, after = old.shares(), new.shares()
    if not before or not after:
        return ()
    shifts = [
        LabelShift(
            label=label,
            old=old.counts.get(label, 0),
            new=new.counts.get(label, 0),
            old_share=before.get(label, 0.0),
            new_share=after.get(label, 0.0),
        )
        for label in {*before, *after}
    ]
    return tuple(sorted(shifts, key=lambda shift: (-round(abs(shift.change), 9), shift.label)))


def _lines(arrays: RowArrays, places: "NDArray[np.int64]", shown: int) -> tuple[int, ...]:
    return tuple(int(line) for line in np.sort(arrays.lines[places])[:shown])
