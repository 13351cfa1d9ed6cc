"""How many items it would take: the number at which what was observed would pass, if it stayed as it is.

Owns the answers to "how much evidence is missing". Each assumes that the true proportions, or the true mean and the spread of
scores, are those observed; none is a promise. Each is for the very test that the gate uses; where that resamples, for the
distribution that its resamples come close to.

With ``luck`` 0 the value observed again would pass: half of all evaluations of that size see less. With the normal quantile of
a power (``luck_of``: 0.84 for 0.8) so many items are meant that four of five evaluations pass.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist
from typing import Final

from ftops.evaluation.intervals import (
    Interval,
    PairedTable,
    mcnemar_p,
    paired_interval,
    quantile,
    wilson_of_mean,
)

_MOST: Final = 10**9


def luck_of(power: float) -> float:
    """Gives how many standard errors below the true value an evaluation may come out if that share of them is to pass."""
    return NormalDist().inv_cdf(power)


def items_for_mean(mean: float, threshold: float, confidence: float, luck: float = 0.0) -> int | None:
    """Gives the fewest items at which Wilson's interval of ``mean`` is clear of ``threshold``; None where it is too many.

    Wilson's limits are where (x − T)² = z² T (1 − T) / n, hence √n = (z √(T (1 − T)) + luck √(x (1 − x))) / |x − T|.
    """
    if mean == threshold:
        return None
    spreads = (math.sqrt(max(share * (1 - share), 0.0)) for share in (threshold, mean))
    root = math.fsum(a * b for a, b in zip((quantile(confidence), luck), spreads, strict=True)) / abs(mean - threshold)
    n = max(1, math.ceil(root * root))
    if n > _MOST:
        return None
    # Rounding may put the limit a hair to the wrong side.
    return n if luck or _is_beyond(mean, n, threshold, confidence) else n + 1


def _is_beyond(mean: float, n: int, threshold: float, confidence: float) -> bool:
    interval = wilson_of_mean(mean, n, confidence)
    return interval.low >= threshold if mean > threshold else interval.high <= threshold


def units_for_spread(
    mean: float, threshold: float, confidence: float, variance: float, luck: float = 0.0
) -> int | None:
    """Gives the units at which a mean of values of this variance would be told from ``threshold``: z² s² / (x − T)²."""
    if mean == threshold:
        return None
    n = (quantile(confidence) + luck) ** 2 * variance / (mean - threshold) ** 2
    return math.ceil(n) if n < _MOST else None


def units_for_resampled(
    distance: float, confidence: float, *, spread: float, reach: float, luck: float = 0.0
) -> int | None:
    """Gives the units at which an interval with an unseen unit would reach no further than ``distance``.

    With n units the limit is about as far as a quantile of a normal variable of deviation ``spread`` / √n and, added to it,
    an exponential one of mean ``reach`` / n: the unseen unit with its random weight.
    """
    from scipy.stats import exponnorm

    tail = (1 - confidence) / 2

    def passes(n: int) -> bool:
        deviation, mean = spread / math.sqrt(n), reach / n
        left = distance - luck * deviation
        if deviation <= mean / 1_000:
            return -math.log(tail) * mean <= left
        # Whether the quantile is within what is left: to compute the quantile itself takes a hundred times as long.
        return float(exponnorm.sf(left, max(mean / deviation, 1e-3), scale=deviation)) <= tail

    return _fewest(passes) if distance > 0 else None


def items_for_difference(
    table: PairedTable, threshold: float, confidence: float, *, is_strict: bool, luck: float = 0.0
) -> int | None:
    """Gives the items at which the lower limit of a difference would reach ``threshold`` (pass it, where ``is_strict``)."""
    if table.difference <= threshold:
        return None

    def passes(n: int) -> bool:
        low = paired_interval(_unlucky(table.scaled(n), luck), confidence).low
        return low > threshold or (low == threshold and not is_strict)

    return _fewest(passes)


def items_for_mcnemar(table: PairedTable, confidence: float, luck: float = 0.0) -> int | None:
    """Gives about how many items it takes until the exact McNemar test shows a difference, discordant pairs rounded."""
    if table.only_first <= table.only_second:
        return None

    def passes(n: int) -> bool:
        scaled = _unlucky(table.scaled(n), luck)
        better, worse = round(scaled.only_first), round(scaled.only_second)
        return better > worse and mcnemar_p(better, worse) < 1 - confidence

    return _fewest(passes)


def _unlucky(table: PairedTable, luck: float) -> PairedTable:
    """Gives the table whose difference is so many standard errors smaller, with as many items on which the models differ."""
    differing = table.only_first + table.only_second
    moved = luck * math.sqrt(max(differing - table.difference**2 * table.n, 0.0)) / 2
    moved = min(moved, table.only_first)
    return replace(table, only_first=table.only_first - moved, only_second=table.only_second + moved)


def items_for_interval(observed: float, interval_at: Callable[[float], Interval], threshold: float) -> int | None:
    """Gives the items at which an interval, given for any number of them, would be clear of ``threshold``."""
    if observed == threshold:
        return None

    def passes(n: int) -> bool:
        interval = interval_at(n)
        return interval.low >= threshold if observed > threshold else interval.high <= threshold

    return _fewest(passes)


def _fewest(passes: Callable[[int], bool]) -> int | None:
    high = 1
    while not passes(high):
        high *= 2
        if high > _MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high
