"""Figures of a sample that can be resampled: sums over units, and the formula that makes the figure of them.

Owns how a metric, or the difference of one between two models, comes from its units: means, differences of means, F1. A
resample of whole units is then nothing but a weighted sum.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ftops.evaluation.intervals import mean_of
from ftops.evaluation.metrics import Kind, MetricRefused, Reading, classes_of, kind_of, metric_bounds, metric_values
from ftops.evaluation.units import Repeats, Sample


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure and what it is made of.

    ``totals`` has a row of sums for each unit; ``formula`` turns sums of such rows, in arrays of any shape with the columns
    last, into figures. ``unseen`` are rows that a further unit could have, the worst and the best among them. ``observed`` is
    the figure of the sample itself.
    """

    observed: float
    totals: tuple[tuple[float, ...], ...]
    formula: Callable[[Any], Any]
    unseen: tuple[tuple[float, ...], ...]


def item_values(metric: str, items: Sequence[Repeats], reading: Reading) -> tuple[float, ...]:
    """Gives an item's value under a metric of kind mean: the mean over its repeats."""
    answers = [answer for repeats in items for answer in repeats]
    values = iter(metric_values(metric, answers, reading))
    return tuple(mean_of([next(values) for _ in repeats]) for repeats in items)


def figure_of(
    metric: str, sample: Sample, reading: Reading, baseline: Reading | None = None, *, needs_bounds: bool = True
) -> Figure:
    """Gives a metric of a sample, or with ``baseline`` the candidate's less the baseline's.

    Raises MetricRefused where the scores don't have this metric, and where ``needs_bounds`` scores are outside of what the
    grader's can be.
    """
    if kind_of(metric) is Kind.F1:
        return _f1_figure(metric, sample, is_difference=baseline is not None)
    bounds = metric_bounds(metric, reading)
    first = item_values(metric, sample.candidate, reading)
    if baseline is None:
        values, ends = first, bounds
        _require_within(values, bounds if needs_bounds else None)
    else:
        second = item_values(metric, sample.baseline, baseline)
        _require_within((*first, *second), bounds if needs_bounds else None)
        values = tuple(a - b for a, b in zip(first, second, strict=True))
        ends = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    return mean_figure(values, sample.units, ends)


def _require_within(values: Sequence[float], bounds: tuple[float, float] | None) -> None:
    if bounds is None or (min(values) >= bounds[0] and max(values) <= bounds[1]):
        return
    raise MetricRefused(
        f"scores from {min(values):g} to {max(values):g} are outside of {bounds[0]:g} to {bounds[1]:g}: nothing bounds their "
        "mean; scale them in the grader, use pass_rate with a pass_threshold, or leave confidence out"
    )


def mean_figure(values: Sequence[float], units: Sequence[tuple[int, ...]], ends: tuple[float, float] | None) -> Figure:
    """Gives the mean of items' values. Where nothing bounds them (``ends`` None), the most extreme unit seen stands for worse.

    A unit that wasn't seen is as large as an item's own unit is on average, Σ size² / Σ size.
    """
    totals = tuple((math.fsum(values[i] for i in unit), float(len(unit))) for unit in units)
    size = math.fsum(count * count for _, count in totals) / len(values)
    if ends is None:
        means = [total / count for total, count in totals]
        ends = (min(means), max(means))
    return Figure(
        observed=mean_of(values),
        totals=totals,
        formula=_ratio,
        unseen=tuple((size * end, size) for end in ends),
    )


def _ratio(sums: Any) -> Any:
    return sums[..., 0] / sums[..., 1]


def _f1_figure(metric: str, sample: Sample, *, is_difference: bool) -> Figure:
    answers = [answer for repeats in (*sample.candidate, *sample.baseline) for answer in repeats]
    labels = classes_of(metric, answers)
    models = (sample.candidate, sample.baseline) if is_difference else (sample.candidate,)
    rows = [sum((_class_counts(model[i], labels) for model in models), ()) for i in range(sample.n)]
    totals = tuple(
        tuple(math.fsum(column) for column in zip(*(rows[i] for i in unit), strict=True)) for unit in sample.units
    )
    size = math.fsum(len(unit) ** 2 for unit in sample.units) / sample.n
    width = 3 * len(labels)

    def formula(sums: Any) -> Any:
        first = _macro_f1(sums[..., :width])
        return first - _macro_f1(sums[..., width:]) if is_difference else first

    sums = [math.fsum(column) for column in zip(*totals, strict=True)]
    return Figure(
        observed=_value_of(formula, sums),
        totals=totals,
        formula=formula,
        unseen=_extreme_rows(formula, sums, len(labels), size, is_difference=is_difference),
    )


def _class_counts(repeats: Repeats, labels: Sequence[str]) -> tuple[float, ...]:
    """For each class: how often it was rightly given, was due, and was given, in shares of the item's repeats."""
    share = 1 / len(repeats)
    counts: list[float] = []
    for label in labels:
        due, given = ([share * (one == label) for one in ones] for ones in _classes(repeats))
        right = math.fsum(min(a, b) for a, b in zip(due, given, strict=True))
        counts += (right, math.fsum(due), math.fsum(given))
    return tuple(counts)


def _classes(repeats: Repeats) -> tuple[list[str | None], list[str | None]]:
    return [answer.expected for answer in repeats], [answer.mark for answer in repeats]


def _macro_f1(sums: Any) -> Any:
    """Averages F1 = 2 · right / (due + given) over the classes; one that a resample has no item of is left out."""
    import numpy as np

    right, due, given = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
    is_there = due > 0
    scores = np.where(is_there, 2 * right / np.where(is_there, due + given, 1.0), 0.0)
    return scores.sum(axis=-1) / np.maximum(is_there.sum(axis=-1), 1)


def _extreme_rows(
    formula: Callable[[Any], Any], sums: Sequence[float], classes: int, size: float, *, is_difference: bool
) -> tuple[tuple[float, ...], ...]:
    """Gives the units that would lower and raise the figure most: all items due one class, and given another or all right.

    A class of None is one that doesn't count.
    """
    figures: dict[tuple[float, ...], float] = {}

    def figure_with(row: tuple[float, ...]) -> float:
        if row not in figures:
            figures[row] = _value_of(formula, [a + b for a, b in zip(sums, row, strict=True)])
        return figures[row]

    def worse(due: int | None, given: int | None) -> tuple[float, ...]:
        other = _unit_row(classes, size, due, due) if is_difference else ()
        return (*_unit_row(classes, size, due, given), *other)

    def better(due: int | None, given: int | None) -> tuple[float, ...]:
        other = _unit_row(classes, size, due, given) if is_difference else ()
        return (*_unit_row(classes, size, due, due), *other)

    def furthest(make: Callable[[int | None, int | None], tuple[float, ...]], sign: float) -> tuple[float, ...]:
        # F1 of a class changes with what is due or given as that class alone: the worst two of each hold the worst pair.
        places = (None, *range(classes))
        dues = sorted(places, key=lambda due: sign * figure_with(make(due, None)))[:2]
        givens = sorted(places, key=lambda given: sign * figure_with(make(None, given)))[:2]
        pairs = [make(due, given) for due in dues for given in givens if due is None or due != given]
        return min(pairs, key=lambda row: sign * figure_with(row))

    return furthest(worse, 1.0), furthest(better, -1.0)


def _unit_row(classes: int, size: float, due: int | None, given: int | None) -> tuple[float, ...]:
    """Gives one model's sums over ``size`` items of a class that it reads as another, or rightly."""
    row = [0.0] * (3 * classes)
    for place, column in ((due if due == given else None, 0), (due, 1), (given, 2)):
        if place is not None:
            row[3 * place + column] = size
    return tuple(row)


def _value_of(formula: Callable[[Any], Any], sums: Sequence[float]) -> float:
    import numpy as np

    return float(formula(np.asarray(sums, dtype=np.float64)))
