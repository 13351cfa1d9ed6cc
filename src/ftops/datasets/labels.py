"""Answers that are labels: short, on one line, and few of them for many rows.

Owns that definition, for statistics and differences; ``docs/data.md`` has it in words.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 64  # characters
MOST: Final = 1_000  # different ones
_ALMOST_ALL: Final = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """The short answers of some rows with their numbers. ``answered`` counts all rows with an answer, long ones too.

    ``are_too_many`` says that there were more than ``MOST`` different ones: then ``counts`` is empty.
    """

    counts: Mapping[str, int]
    answered: int
    are_too_many: bool = False

    @property
    def are_labels(self) -> bool:
        """Whether almost all answers are short ones, of which each occurs at least twice on average."""
        short = sum(self.counts.values())
        return 0 < len(self.counts) * 2 <= short and short >= _ALMOST_ALL * self.answered

    def shares(self) -> Mapping[str, float]:
        """Gives each label's share of all labels; nothing where the answers aren't labels."""
        if not self.are_labels:
            return {}
        total = sum(self.counts.values())
        return {label: count / total for label, count in self.counts.items()}


def labels_of(answers: Iterable[str | None]) -> Labels:
    """Counts the answers of some rows; None stands for a row without one."""
    found = Counter(answer for answer in answers if answer is not None)
    counts: Counter[str] = Counter()
    for answer, count in found.items():
        label = answer.strip()
        if label and len(label) <= LONGEST and len(label.splitlines()) == 1:
            counts[label] += count
    return _bounded(counts, found.total(), are_too_many=False)


def merged_labels(some: Iterable[Labels]) -> Labels:
    """Puts together what was counted of several parts of a file."""
    counts: Counter[str] = Counter()
    answered, are_too_many = 0, False
    for labels in some:
        counts.update(labels.counts)
        answered += labels.answered
        are_too_many = are_too_many or labels.are_too_many or len(counts) > MOST
        if are_too_many:
            counts.clear()
    return _bounded(counts, answered, are_too_many=are_too_many)


def _bounded(counts: Counter[str], answered: int, *, are_too_many: bool) -> Labels:
    are_too_many = are_too_many or len(counts) > MOST
    return Labels(counts={} if are_too_many else dict(counts), answered=answered, are_too_many=are_too_many)
