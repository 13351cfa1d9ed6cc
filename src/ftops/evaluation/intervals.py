"""Two-sided score intervals and the exact test that the gates rest on for pass/fail scores.

Owns formulas only; ``gates`` decides what they mean, ``resampling`` has what needs resamples. Importing scipy would take most
of a plan's time: only thousands of pairs that differ do.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import Final

# Pairs up to which exact integers are summed, in about a millisecond; beyond, scipy is worth its import.
_MOST_SUMMED: Final = 2_000
_HALVINGS: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A two-sided interval, both ends included; an end that nothing bounds is infinite."""

    low: float
    high: float


def mean_of(values: Sequence[float]) -> float:
    """Gives the mean, summed without rounding error; ``values`` must not be empty."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:  # a program may score 1e308
        return math.fsum(value / len(values) for value in values)


def quantile(confidence: float) -> float:
    """Gives the standard normal quantile z of a two-sided interval: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wider(first: Interval, second: Interval) -> Interval:
    """Gives the interval that holds both."""
    return Interval(low=min(first.low, second.low), high=max(first.high, second.high))


def wilson(successes: int, n: int, confidence: float) -> Interval:
    """Gives the interval of a proportion.

    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209–212. Tests hold
    it to ``scipy.stats.binomtest(...).proportion_ci(method="wilson")``.
    """
    return wilson_of_mean(successes / n, n, confidence)


def wilson_of_mean(mean: float, n: float, confidence: float) -> Interval:
    """Gives Wilson's formula on any mean of scores in [0, 1], where n·mean need not be an integer.

    A variable in [0, 1] varies at most as much as a pass/fail one of the same mean, p(1 − p), so this is on the safe side.
    """
    z = quantile(confidence)
    centre = mean + z * z / (2 * n)
    reach = z * math.sqrt(max(mean * (1 - mean), 0.0) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if mean <= 0 else (centre - reach) / scale
    high = 1.0 if mean >= 1 else (centre + reach) / scale
    return Interval(low=min(max(low, 0.0), mean), high=max(min(high, 1.0), mean))


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedTable:
    """Pass/fail of two models on the same items: both passed, only the first, only the second, neither.

    Counts need not be whole: a table scaled to another number of items asks what that number would show.
    """

    both: float
    only_first: float
    only_second: float
    neither: float

    @property
    def n(self) -> float:
        """The number of items."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """The first proportion less the second."""
        return (self.only_first - self.only_second) / self.n

    def scaled(self, n: int) -> "PairedTable":
        """Gives the same proportions over ``n`` items."""
        factor = n / self.n
        return PairedTable(
            both=self.both * factor,
            only_first=self.only_first * factor,
            only_second=self.only_second * factor,
            neither=self.neither * factor,
        )

    def swapped(self) -> "PairedTable":
        """Gives the table of the second against the first."""
        return PairedTable(
            both=self.both, only_first=self.only_second, only_second=self.only_first, neither=self.neither
        )


def paired_table(first: Sequence[float], second: Sequence[float]) -> PairedTable:
    """Counts pairs of 0/1 scores of the same items in the same order."""
    both = sum(1 for a, b in zip(first, second, strict=True) if a and b)
    only_first = sum(1 for a, b in zip(first, second, strict=True) if a and not b)
    only_second = sum(1 for a, b in zip(first, second, strict=True) if b and not a)
    neither = len(first) - both - only_first - only_second
    return PairedTable(both=both, only_first=only_first, only_second=only_second, neither=neither)


def paired_interval(table: PairedTable, confidence: float) -> Interval:
    """Gives the interval of the difference of two paired proportions: the wider of Tango's and Newcombe's at each end.

    Either alone lets too much pass somewhere, as ``bench/gates.py --peers`` shows: Tango's where a model is better on a few
    items and worse on none, Newcombe's where the two hardly ever differ.
    """
    return wider(tango_paired(table, confidence), newcombe_paired(table, confidence))


def newcombe_paired(table: PairedTable, confidence: float) -> Interval:
    """Gives the score interval of the difference of two paired proportions by squares.

    Newcombe, R. G. (1998), Improved confidence intervals for the difference between binomial proportions based on paired
    data, Statistics in Medicine 17, 2635–2650, method 10: Wilson's limits of the two proportions, put together by squares
    with their correlation phi, whose numerator is corrected for continuity where it is positive.
    """
    first, second = table.both + table.only_first, table.both + table.only_second
    p, q = first / table.n, second / table.n
    of_p, of_q = wilson_of_mean(p, table.n, confidence), wilson_of_mean(q, table.n, confidence)
    phi = _correlation(table)
    p_down, p_up, q_down, q_up = p - of_p.low, of_p.high - p, q - of_q.low, of_q.high - q
    down = math.sqrt(max(p_down**2 - 2 * phi * p_down * q_up + q_up**2, 0.0))
    up = math.sqrt(max(p_up**2 - 2 * phi * p_up * q_down + q_down**2, 0.0))
    return Interval(low=max(table.difference - down, -1.0), high=min(table.difference + up, 1.0))


def _correlation(table: PairedTable) -> float:
    first, second = table.both + table.only_first, table.both + table.only_second
    margins = first * (table.n - first) * second * (table.n - second)
    if margins <= 0:
        return 0.0
    product = table.both * table.neither - table.only_first * table.only_second
    corrected = max(product - table.n / 2, 0.0) if product > 0 else product
    return corrected / math.sqrt(margins)


def tango_paired(table: PairedTable, confidence: float) -> Interval:
    """Gives the score interval of the difference of two paired proportions: all differences that a score test keeps.

    Tango, T. (1998), Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design, Statistics in Medicine 17, 891–908. The statistic falls with the difference, so each limit is found by halving.
    """
    return Interval(low=_tango_low(table, confidence), high=-_tango_low(table.swapped(), confidence))


def _tango_low(table: PairedTable, confidence: float) -> float:
    z = quantile(confidence)
    return _last_true(lambda difference: _tango_statistic(table, difference) > z, -1.0, table.difference)


def _tango_statistic(table: PairedTable, difference: float) -> float:
    """How far the table is from a true difference, in standard errors: q is the likeliest share of only-second then."""
    n, better, worse = table.n, table.only_first, table.only_second
    linear = (2 * n - better + worse) * difference - better - worse
    constant = -worse * difference * (1 - difference)
    q = (math.sqrt(max(linear * linear - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * q + difference * (1 - difference))
    distance = better - worse - n * difference
    if variance <= 0:
        return math.inf if distance > 0 else 0.0
    return distance / math.sqrt(variance)


def _last_true(is_true: Callable[[float], bool], low: float, high: float) -> float:
    """Gives where a predicate that holds below a point and not above it turns, between ``low`` and ``high``."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_true(middle) else (low, middle)
    return low


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Gives the two-sided p of the exact McNemar test: a binomial test of the pairs that differ against one half.

    McNemar, Q. (1947), Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12, 153–157. 1 where no pair differs. Five pairs or fewer never reach p < 0.05: 2 · 0.5^5 = 0.0625.
    Tests hold it to ``scipy.stats.binomtest``. 0 where it is below the smallest float.
    """
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    if discordant > _MOST_SUMMED:
        from scipy.stats import binomtest

        return float(binomtest(only_first, discordant).pvalue)
    term = tail = 1
    for k in range(1, fewer + 1):
        term = term * (discordant - k + 1) // k
        tail += term
    return float(Fraction(2 * tail, 2**discordant))
