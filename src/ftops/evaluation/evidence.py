"""What a sample shows of a metric: the value observed, its interval, and how many items would show more.

Owns which interval is for which metric and which units. ``gates`` holds it against thresholds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ftops.evaluation import sample_sizes
from ftops.evaluation.figures import Figure, figure_of, item_values, mean_figure
from ftops.evaluation.intervals import (
    Interval,
    PairedTable,
    mcnemar_p,
    mean_of,
    paired_interval,
    paired_table,
    quantile,
    wider,
    wilson,
    wilson_of_mean,
)
from ftops.evaluation.metrics import Kind, Reading, is_pass_fail, kind_of, metric_bounds, scores_of
from ftops.evaluation.percentiles import interval_of_difference, interval_of_percentile, times_of
from ftops.evaluation.resampling import FEWEST_FOR_BOOTSTRAP, Resampled, bootstrap, with_unseen_unit
from ftops.evaluation.units import Sample, Unit

Needed = Callable[[float, float], int | None]
"""Gives for a threshold, and luck as in ``sample_sizes``, the items at which the value would clear it; None: none would."""

_SHARE: Final = (0.0, 1.0)
"""What bounds pass/fail scores. Of a wider range, values that are all 0 or 1 say nothing of what the next may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a sample shows.

    ``interval`` is None without a confidence. ``is_enough`` is False where there are too few units to be resampled.
    ``is_pass_fail`` says that the figure is a share of items, ``table`` how two models' passes and failures meet.
    """

    observed: float
    sample: Sample
    interval: Interval | None = None
    is_enough: bool = True
    is_pass_fail: bool = False
    table: PairedTable | None = None
    mcnemar_p: float | None = None
    needed: Needed = lambda _threshold, _luck: None


def weigh_value(metric: str, sample: Sample, reading: Reading, *, confidence: float | None, seed: int) -> Evidence:
    """Gives a metric of one model, with its interval at ``confidence``. Raises MetricRefused."""
    if kind_of(metric) is Kind.PERCENTILE:
        return _weigh_times(sample, confidence)
    figure = figure_of(metric, sample, reading, needs_bounds=confidence is not None)
    bounds = metric_bounds(metric, reading) if kind_of(metric) is Kind.MEAN else None
    is_passing = bounds == _SHARE and is_pass_fail(_all_values(metric, sample, reading))
    known = Evidence(observed=figure.observed, sample=sample, is_pass_fail=is_passing)
    if confidence is None:
        return known
    if sample.unit is Unit.ITEM and bounds is not None:
        return _weigh_items(known, figure, bounds, confidence, seed=seed)
    return _weigh_units(known, figure, confidence, seed=seed)


def _all_values(metric: str, sample: Sample, reading: Reading) -> tuple[float, ...]:
    """Gives each single answer's value, whatever units they are in."""
    each = tuple((answer,) for repeats in sample.candidate for answer in repeats)
    return item_values(metric, each, reading)


def _weigh_items(
    known: Evidence, figure: Figure, bounds: tuple[float, float], confidence: float, *, seed: int
) -> Evidence:
    """Items asked once: Wilson's interval; for scores that are no pass/fail the wider of that and the bootstrap's."""
    low, high = bounds
    n, scaled = known.sample.n, (known.observed - low) / (high - low)

    def by_formula(threshold: float, luck: float) -> int | None:
        return sample_sizes.items_for_mean(scaled, (threshold - low) / (high - low), confidence, luck)

    if known.is_pass_fail:
        passed = round(known.observed * n)
        return _with(known, wilson(passed, n, confidence), needed=by_formula)
    formula = wilson_of_mean(min(max(scaled, 0.0), 1.0), n, confidence)
    formula = Interval(low=low + formula.low * (high - low), high=low + formula.high * (high - low))
    resampled = bootstrap(figure, confidence, seed=seed)

    def needed(threshold: float, luck: float) -> int | None:
        error = _error_towards(threshold, known.observed, resampled, confidence)
        by_spread = sample_sizes.units_for_spread(known.observed, threshold, confidence, error**2 * n, luck)
        found = by_formula(threshold, luck)
        return None if found is None or by_spread is None else max(found, by_spread, FEWEST_FOR_BOOTSTRAP)

    return _with(known, wider(formula, resampled.interval), needed=needed, is_enough=n >= FEWEST_FOR_BOOTSTRAP)


def _weigh_units(known: Evidence, figure: Figure, confidence: float, *, seed: int) -> Evidence:
    """Whatever else is made of units: the wider of the bootstrap's interval and that with a unit never seen."""
    resampled = bootstrap(figure, confidence, seed=seed)
    interval = wider(resampled.interval, with_unseen_unit(figure, confidence, seed=seed))
    needed = partial(_items_for_units, known, resampled, len(figure.totals), confidence)
    return _with(known, interval, needed=needed, is_enough=len(figure.totals) >= FEWEST_FOR_BOOTSTRAP)


def _items_for_units(
    known: Evidence, resampled: Resampled, units: int, confidence: float, threshold: float, luck: float
) -> int | None:
    distance = abs(known.observed - threshold)
    reach = resampled.down if known.observed > threshold else resampled.up
    error = _error_towards(threshold, known.observed, resampled, confidence)
    needed = sample_sizes.units_for_resampled(
        distance, confidence, spread=error * units**0.5, reach=reach * units, luck=luck
    )
    return None if needed is None else -(-max(needed, FEWEST_FOR_BOOTSTRAP) * known.sample.n // units)


def _error_towards(threshold: float, observed: float, resampled: Resampled, confidence: float) -> float:
    """The standard error on the threshold's side, where skewed scores have more of it: a limit's distance over z."""
    interval = resampled.interval
    distance = observed - interval.low if observed > threshold else interval.high - observed
    return max(resampled.error, distance / quantile(confidence))


def _with(known: Evidence, interval: Interval, *, needed: Needed, is_enough: bool = True) -> Evidence:
    return Evidence(
        observed=known.observed,
        sample=known.sample,
        is_pass_fail=known.is_pass_fail,
        interval=interval,
        is_enough=is_enough,
        needed=needed,
    )


def weigh_difference(
    metric: str, sample: Sample, reading: Reading, baseline: Reading, *, confidence: float | None, seed: int
) -> Evidence:
    """Gives the candidate's metric less the baseline's on the same items. Raises MetricRefused."""
    if kind_of(metric) is Kind.PERCENTILE:
        return _weigh_two_times(sample, confidence)
    figure = figure_of(metric, sample, reading, baseline, needs_bounds=confidence is not None)
    is_share = kind_of(metric) is Kind.MEAN and metric_bounds(metric, reading) == _SHARE
    if is_share and sample.unit is Unit.ITEM:
        first = item_values(metric, sample.candidate, reading)
        second = item_values(metric, sample.baseline, baseline)
        if is_pass_fail((*first, *second)):
            return weigh_table(sample, paired_table(first, second), confidence)
    known = Evidence(observed=figure.observed, sample=sample)
    return known if confidence is None else _weigh_units(known, figure, confidence, seed=seed)


def weigh_table(sample: Sample, table: PairedTable, confidence: float | None) -> Evidence:
    """Gives the difference of two proportions on the same items, with McNemar's exact test."""
    return Evidence(
        observed=table.difference,
        sample=sample,
        interval=None if confidence is None else paired_interval(table, confidence),
        is_pass_fail=True,
        table=table,
        mcnemar_p=mcnemar_p(round(table.only_first), round(table.only_second)),
    )


def weigh_choices(sample: Sample, *, confidence: float | None, seed: int) -> Evidence:
    """Gives the share of items won less the share lost, from scores of 1 (won), 0.5 (tie) and 0 (lost)."""
    scores = [scores_of(repeats) for repeats in sample.candidate]
    if sample.unit is Unit.ITEM:
        won = sum(1 for (score,) in scores if score == 1)
        lost = sum(1 for (score,) in scores if score == 0)
        table = PairedTable(both=0, only_first=won, only_second=lost, neither=sample.n - won - lost)
        return weigh_table(sample, table, confidence)
    figure = mean_figure([2 * mean_of(repeats) - 1 for repeats in scores], sample.units, (-1.0, 1.0))
    known = Evidence(observed=figure.observed, sample=sample)
    return known if confidence is None else _weigh_units(known, figure, confidence, seed=seed)


def _weigh_times(sample: Sample, confidence: float | None) -> Evidence:
    times = times_of(sample.candidate)
    known = Evidence(observed=times.percentile, sample=sample)
    if confidence is None:
        return known
    units = independent_units(sample.units)

    def at(n: float) -> Interval:
        return interval_of_percentile(times, n * units / sample.n, confidence)

    return _with(known, at(sample.n), needed=partial(_items_for_times, known.observed, at))


def _weigh_two_times(sample: Sample, confidence: float | None) -> Evidence:
    first, second = times_of(sample.candidate), times_of(sample.baseline)
    known = Evidence(observed=first.percentile - second.percentile, sample=sample)
    if confidence is None:
        return known
    units = independent_units(sample.units)

    def at(n: float) -> Interval:
        return interval_of_difference(first, second, n * units / sample.n, confidence)

    return _with(known, at(sample.n), needed=partial(_items_for_times, known.observed, at))


def _items_for_times(
    observed: float, interval_at: Callable[[float], Interval], threshold: float, luck: float
) -> int | None:
    """Nothing is assumed of how times are spread beyond those seen, so that no power is told for them."""
    return None if luck else sample_sizes.items_for_interval(observed, interval_at, threshold)


def independent_units(units: Sequence[tuple[int, ...]]) -> float:
    """Gives how many equal units would tell as much, were all items of a unit alike: (Σ size)² / Σ size².

    Kish, L. (1965), Survey Sampling.
    """
    return sum(len(unit) for unit in units) ** 2 / sum(len(unit) ** 2 for unit in units)
