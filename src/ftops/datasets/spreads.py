"""How whole numbers spread: percentiles that are what they are called, and a histogram.

Owns the choice of bins, which depends on the numbers alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERCENTILES: Final = (5, 25, 50, 75, 95, 99)
_BINS: Final = 10
_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """How many numbers lie from ``low`` to ``high``, both included."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How numbers spread. ``percentiles`` are by nearest rank: p % of the numbers, or a little more, are at most that."""

    count: int
    total: int
    least: int
    most: int
    percentiles: Mapping[int, int]
    bins: tuple[Bin, ...]

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return self.total / self.count


def spread_of(numbers: "NDArray[np.int64]") -> Spread | None:
    """Gives the spread of numbers that are 0 or more; None where there are none."""
    if not len(numbers):
        return None
    ordered = np.sort(numbers)
    ranks = {percent: -(-percent * len(ordered) // 100) for percent in PERCENTILES}
    percentiles = {percent: int(ordered[rank - 1]) for percent, rank in ranks.items()}
    return Spread(
        count=len(ordered),
        total=int(ordered.sum(dtype=np.int64)),
        least=int(ordered[0]),
        most=int(ordered[-1]),
        percentiles=percentiles,
        bins=_bins(ordered, percentiles[99]),
    )


def _bins(ordered: "NDArray[np.int64]", tail: int) -> tuple[Bin, ...]:
    """Cuts at multiples of 1, 2 or 5 times a power of ten; what is far beyond ``tail`` goes into one last bin."""
    least, most = int(ordered[0]), int(ordered[-1])
    width = _width(tail - least + 1)
    first = least // width * width
    last = min(most, (tail // width + 1) * width - 1)
    edges = [*range(first, last + 1, width), last + 1]
    if most > last:
        edges.append(most + 1)
    places = np.searchsorted(ordered, edges)
    return tuple(
        Bin(low=low, high=high - 1, count=int(upper - lower))
        for low, high, lower, upper in zip(edges, edges[1:], places, places[1:], strict=False)
    )


def _width(extent: int) -> int:
    """Gives the smallest of 1, 2, 5, 10, 20, 50 … of which ``_BINS`` cover the extent."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power * _BINS >= extent:
                return step * power
        power *= 10
