"""Are the answers labels, and how are they spread: one that drowns the others, rare ones, misspelt ones, untrained ones.

Owns D110, D111 and D115. Which answers may be labels is ``datasets.labels``'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from ftops.datasets.batches import Batch
from ftops.datasets.checking.first_few import first_few
from ftops.datasets.excerpts import masked_excerpt
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.datasets.labels import Labels, labels_of, merged_labels

_MOST: Final = 200
_ROWS_A_LABEL: Final = 5
_RARE: Final = 5
_HIGHEST_RATIO: Final = 9
_TYPING_ERROR: Final = 0.1  # of the rows of the label that is meant, at most
_LONG_ENOUGH: Final = 5  # characters; shorter labels are one edit apart by nature
_LEFT_OUT: Final = str.maketrans("", "", " _-.!")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    labels: Labels
    lines: Mapping[str, int]


class LabelSpread:
    """Finds unbalanced, rare, misspelt and untrained labels in files whose answers are labels."""

    codes: ClassVar[tuple[str, ...]] = ("D110", "D111", "D115")

    def look(self, batch: Batch) -> Any:
        """Counts short answers, with the line that each is first on; of very many different ones only that they are."""
        labels = labels_of(example.answer for example in batch.examples)
        lines: dict[str, int] = {}
        for example in batch.examples:
            if example.answer is not None and (label := example.answer.strip()) in labels.counts:
                lines.setdefault(label, example.line)
        return _Seen(labels=labels, lines=lines)

    def conclude(self, seen: Sequence[Any], facts: FileFacts) -> Iterator[Found]:
        """Finds what is wrong with the labels of one file of supervised rows."""
        labels, lines = _joined(seen)
        if facts.use is not Use.SUPERVISED or not _are_for_classes(labels):
            return
        yield from _dominant(labels, lines)
        meant = _misspelt(labels.counts)
        yield from first_few(
            range(len(meant)), lambda place: _told_misspelt(*list(meant.items())[place], labels.counts, lines)
        )
        rare = sorted(
            (label for label, rows in labels.counts.items() if rows < _RARE and label not in meant),
            key=lambda label: (labels.counts[label], lines[label]),
        )

        def tell(place: int) -> Found:
            label = rare[place]
            says = f"{masked_excerpt(label)} is the answer of {_rows(labels.counts[label])}"
            hint = f"give each label {_RARE} rows or more, or leave it out: so few teach little, and can't be evaluated"
            return Found(code="D111", line=lines[label], says=says, hint=hint, kind="a rare label")

        yield from first_few(range(len(rare)), tell)

    def compare(
        self, train: Sequence[Any], train_facts: FileFacts, other: Sequence[Any], facts: FileFacts
    ) -> Iterator[Found]:
        """Finds labels of the other file that training never has."""
        (trained, _), (asked, lines) = _joined(train), _joined(other)
        if train_facts.use is not Use.SUPERVISED or not _are_for_classes(trained):
            return
        for label in sorted(asked.counts.keys() - trained.counts.keys(), key=lambda label: lines[label]):
            near = _nearest(label, trained.counts)
            is_said = f"is the answer of {_rows(asked.counts[label])}, and of none in training"
            yield Found(
                code="D115",
                line=lines[label],
                says=f"{masked_excerpt(label)} {is_said}",
                hint=f"is it {masked_excerpt(near)}?" if near else "add rows with this answer to the training file",
                kind="a label that training doesn't have",
                count=asked.counts[label],
            )


def _are_for_classes(labels: Labels) -> bool:
    """Tells whether answers are the names of classes: few, and each with some rows on average."""
    return labels.are_labels and 1 < len(labels.counts) <= min(_MOST, sum(labels.counts.values()) // _ROWS_A_LABEL)


def _dominant(labels: Labels, lines: Mapping[str, int]) -> Iterator[Found]:
    """Finds a label with more than nine times the rows that the others have on average."""
    top = max(labels.counts, key=lambda label: (labels.counts[label], -lines[label]))
    most, total = labels.counts[top], sum(labels.counts.values())
    others = len(labels.counts) - 1
    ratio = most * others / (total - most)
    if ratio > _HIGHEST_RATIO:
        beside = "the other label" if others == 1 else f"the {others} other labels on average"
        says = (
            f"{masked_excerpt(top)} is the answer of {most:,} of {total:,} rows, {ratio:.0f} times as many as {beside}"
        )
        hint = "add rows of other labels, or take out some of this one"
        yield Found(code="D110", line=lines[top], says=says, hint=hint, kind="unbalanced labels")


def _misspelt(counts: Mapping[str, int]) -> dict[str, str]:
    """Gives labels that look like a slip of the pen, each with the label that is meant."""
    found = {}
    for label in sorted(counts, key=lambda label: (counts[label], label)):
        others = {other: rows for other, rows in counts.items() if (rows, other) > (counts[label], label)}
        if (near := _nearest(label, others, rows=counts[label])) is not None:
            found[label] = near
    return found


def _nearest(label: str, counts: Mapping[str, int], *, rows: int = 0) -> str | None:
    """Gives the most frequent label that differs by case and blanks alone, or by one edit from one ten times as frequent."""
    from rapidfuzz.distance import OSA

    bare = _bare(label)
    for other in sorted(counts, key=lambda other: (-counts[other], other)):
        if bare and bare == _bare(other):
            return other
        is_rare = rows <= _TYPING_ERROR * counts[other] and min(len(label), len(other)) >= _LONG_ENOUGH
        if is_rare and _without_digits(label, other) and OSA.distance(label, other, score_cutoff=1) == 1:
            return other
    return None


def _bare(label: str) -> str:
    return label.casefold().translate(_LEFT_OUT)


def _without_digits(label: str, other: str) -> bool:
    """Tells whether two labels have the same digits: ``level 1`` and ``level 2`` are no misspellings."""
    return [c for c in label if c.isdigit()] == [c for c in other if c.isdigit()]


def _told_misspelt(label: str, meant: str, counts: Mapping[str, int], lines: Mapping[str, int]) -> Found:
    says = (
        f"{masked_excerpt(label)} is the answer of {_rows(counts[label])}, "
        f"{masked_excerpt(meant)} of {_rows(counts[meant])}: are they the same label?"
    )
    hint = f"write {masked_excerpt(meant)}, if it is meant"
    return Found(code="D111", line=lines[label], says=says, hint=hint, kind="a label that may be misspelt")


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _joined(seen: Sequence[_Seen]) -> tuple[Labels, Mapping[str, int]]:
    lines: dict[str, int] = {}
    for one in seen:
        for label, line in one.lines.items():
            lines.setdefault(label, line)
    return merged_labels(one.labels for one in seen), lines
