"""The 95th percentile of how long answers took: its interval, and that of a difference between two models.

Owns the only figure that is neither a mean nor made of sums. Its limits are times that were observed, found by Wilson's
interval of the share of answers that took no longer: the percentile is at most t where that share is shown to be 0.95.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ftops.evaluation.intervals import Interval, wilson_of_mean
from ftops.evaluation.units import Repeats

LEVEL: Final = 0.95
# What is left of rounding where shares are summed up.
_HAIR: Final = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Times in milliseconds, sorted, each with the share of answers that took no longer; an item's repeats weigh one."""

    times: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def percentile(self) -> float:
        """The least time that 95 % of the answers kept."""
        return self.at(LEVEL)

    def at(self, level: float) -> float:
        """Gives the least time that a share of the answers kept."""
        return next(time for time, share in zip(self.times, self.shares, strict=True) if share >= level - _HAIR)


def times_of(items: Sequence[Repeats]) -> Times:
    """Gives the times of all answers."""
    weighed = sorted((answer.milliseconds, 1 / len(repeats)) for repeats in items for answer in repeats)
    shares: list[float] = []
    total = 0.0
    for _, weight in weighed:
        total += weight
        shares.append(total / len(items))
    return Times(times=tuple(float(time) for time, _ in weighed), shares=tuple(shares))


def interval_of_percentile(times: Times, units: float, confidence: float) -> Interval:
    """Gives the interval of the percentile where the evidence is that of so many independent answers.

    Its upper end is infinite below 73 answers at 95 %: even if all of them kept a time, more than 5 % might not.
    """

    def limits(share: float) -> Interval:
        return wilson_of_mean(min(share, 1.0), units, confidence)

    # Both limits rise with the share: the first time that is high enough, and the last before which too few came.
    first = bisect_left(times.shares, x=True, key=lambda share: limits(share).low >= LEVEL)
    high = times.times[first] if first < len(times.times) else math.inf
    last = bisect_left((0.0, *times.shares[:-1]), x=True, key=lambda share: limits(share).high > LEVEL)
    low = times.times[last - 1] if last else 0.0
    return Interval(low=min(low, times.percentile), high=max(high, times.percentile))


def interval_of_difference(first: Times, second: Times, units: float, confidence: float) -> Interval:
    """Gives the interval of the first percentile less the second, each one's limits put together by squares.

    As Newcombe (1998) does with Wilson's limits, taking the two for independent: on the safe side where slow items are slow
    for both models.
    """
    x, y = first.percentile, second.percentile
    of_x = interval_of_percentile(first, units, confidence)
    of_y = interval_of_percentile(second, units, confidence)
    return Interval(
        low=x - y - math.hypot(x - of_x.low, of_y.high - y),
        high=x - y + math.hypot(of_x.high - x, y - of_y.low),
    )
