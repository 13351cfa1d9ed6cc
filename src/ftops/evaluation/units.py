"""From recorded answers to the units that evidence is counted in: items, items asked several times, or clusters of items.

Owns the grouping and the pairing of two models' answers. What an answer is worth is ``metrics``' business.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ftops.domain.scores import ItemScore

Repeats = tuple[ItemScore, ...]
"""All answers of one model to one item: one, or as many as the evaluation repeats."""


class Unit(StrEnum):
    """What is drawn independently of all else, and so resampled as a whole."""

    ITEM = "item"
    REPEATED_ITEM = "repeated_item"
    CLUSTER = "cluster"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Items with their answers: ``candidate[i]`` and ``baseline[i]`` are of the same item, ``baseline`` empty without one.

    ``units`` lists the items of each unit by their index.
    """

    candidate: tuple[Repeats, ...]
    baseline: tuple[Repeats, ...]
    units: tuple[tuple[int, ...], ...]
    unit: Unit

    @property
    def n(self) -> int:
        """The number of items."""
        return len(self.candidate)


def sample_of(candidate: Sequence[ItemScore], baseline: Sequence[ItemScore] | None = None) -> Sample:
    """Groups answers by item, in the candidate's order, and items by cluster where they have one.

    A row that stands twice in a dataset is two items, which are paired in order. An item that only one of the two models has
    (it was in the other's training set) is left out.
    """
    first = _by_item(candidate)
    if baseline is not None:
        second = _by_item(baseline)
        first = {key: answers for key, answers in first.items() if key in second}
        compared = tuple(second[key] for key in first)
    else:
        compared = ()
    items = tuple(first.values())
    units = _clusters(items)
    is_repeated = any(len(answers) > 1 for answers in (*items, *compared))
    unit = Unit.CLUSTER if units else Unit.REPEATED_ITEM if is_repeated else Unit.ITEM
    each = tuple((index,) for index in range(len(items)))
    return Sample(candidate=items, baseline=compared, units=units or each, unit=unit)


def _by_item(answers: Sequence[ItemScore]) -> dict[tuple[str, int], Repeats]:
    seen: Counter[tuple[str, int]] = Counter()
    found: defaultdict[tuple[str, int], list[ItemScore]] = defaultdict(list)
    for answer in answers:
        repeat = (answer.row, answer.repeat)
        found[answer.row, seen[repeat]].append(answer)
        seen[repeat] += 1
    return {key: tuple(repeats) for key, repeats in found.items()}


def _clusters(items: Sequence[Repeats]) -> tuple[tuple[int, ...], ...]:
    """Gives the items of each cluster; an item without one is a unit of its own, and no clusters at all are none."""
    if all(answers[0].cluster is None for answers in items):
        return ()
    found: defaultdict[tuple[str, str | int], list[int]] = defaultdict(list)
    for index, answers in enumerate(items):
        cluster = answers[0].cluster
        found[("item", index) if cluster is None else ("cluster", cluster)].append(index)
    return tuple(tuple(indices) for indices in found.values())
