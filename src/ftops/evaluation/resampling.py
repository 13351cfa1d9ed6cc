"""Intervals by resampling whole units: the BCa bootstrap, and the same with a unit that was never seen.

Owns what needs numpy and scipy, which are imported where they are used. Everything is deterministic: the caller seeds it.
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any, Final

from ftops.evaluation.figures import Figure
from ftops.evaluation.intervals import Interval

RESAMPLES: Final = 10_000
FEWEST_FOR_BOOTSTRAP: Final = 30

# Numbers drawn at a time: 2 million float64 are 16 MB, however many units there are.
_BATCH_CELLS: Final = 2_000_000
_DIGITS: Final = 12
_FEW_COLUMNS: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Resampled:
    """What resampling says of a figure: the interval, the standard error, and how far one unseen unit can move it each way."""

    interval: Interval
    error: float
    down: float
    up: float


def bootstrap(figure: Figure, confidence: float, *, seed: int) -> Resampled:
    """Gives the bias-corrected and accelerated bootstrap interval of a figure, from 10,000 resamples of whole units.

    Efron, B. (1987), Better bootstrap confidence intervals, JASA 82, 171–185; as computed by ``scipy.stats.bootstrap``.
    Units that are all alike have the interval that is the figure itself. Where the bias can't be corrected (every resample
    on one side of the figure) the percentiles of the resamples are taken. Memory is bounded by batches.
    """
    import numpy as np
    from scipy import stats

    totals = np.asarray(figure.totals, dtype=np.float64)
    sums, observed = totals.sum(axis=0), figure.observed
    moved = [float(figure.formula(sums + np.asarray(row))) - observed for row in figure.unseen]
    down, up = max(0.0, -min(moved)), max(0.0, *moved)
    if (totals == totals[0]).all():
        return Resampled(interval=Interval(low=observed, high=observed), error=0.0, down=down, up=up)
    units = len(totals)

    def figures_of(drawn: Any, axis: int = -1) -> Any:
        found = figure.formula(_sums(drawn.reshape(-1, drawn.shape[axis]), totals))
        # The correction counts resamples below the figure: those equal to it mustn't depend on a machine's rounding.
        return np.round(found, _DIGITS).reshape(drawn.shape[:-1])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a degenerate correction is dealt with beneath
        found = stats.bootstrap(
            (np.arange(units),),
            figures_of,
            n_resamples=RESAMPLES,
            batch=max(1, _BATCH_CELLS // units),
            vectorized=True,
            confidence_level=confidence,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    low, high = float(found.confidence_interval.low), float(found.confidence_interval.high)
    if math.isnan(low) or math.isnan(high):
        low, high = _percentiles(found.bootstrap_distribution, confidence)
    interval = Interval(low=min(low, observed), high=max(high, observed))
    return Resampled(interval=interval, error=float(found.standard_error), down=down, up=up)


def _sums(drawn: Any, totals: Any) -> Any:
    """Gives the sums of each resample (a row of drawn units). Counting how often each was drawn pays off for many columns."""
    import numpy as np

    units, columns = totals.shape
    if columns <= _FEW_COLUMNS:
        return np.stack([column[drawn].sum(axis=-1) for column in totals.T], axis=-1)
    rows = np.arange(len(drawn))[:, np.newaxis] * units
    counts = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * units).reshape(len(drawn), units)
    return counts @ totals


def _percentiles(resampled: Any, confidence: float) -> tuple[float, float]:
    import numpy as np

    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def with_unseen_unit(figure: Figure, confidence: float, *, seed: int) -> Interval:
    """Gives the interval by random weights on the units seen and one that wasn't: the worst one below, the best above.

    10,000 draws of uniform weights that sum up to 1. Gaffke, N. (2005), Three test statistics for a nonparametric one-sided
    hypothesis on the mean of a nonnegative variable, Mathematical Methods of Statistics 14, 451–467. For 0/1 it is Clopper's
    and Pearson's interval, which keeps its level. That it does so for all means of bounded values, however few or skewed, is
    a conjecture that nobody has broken; for ratios and F1 there is ``bench/gates.py``.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    totals = np.asarray(figure.totals, dtype=np.float64)
    worst_and_best = np.asarray(figure.unseen, dtype=np.float64)
    found: list[Any] = []
    step = max(1, _BATCH_CELLS // len(totals))
    for start in range(0, RESAMPLES, step):
        draws = min(step, RESAMPLES - start)
        seen = rng.standard_exponential((draws, len(totals))) @ totals
        unseen = rng.standard_exponential((draws, 1, 1)) * worst_and_best
        found.append(figure.formula(seen[:, np.newaxis, :] + unseen))
    figures = np.concatenate(found)
    tail = (1 - confidence) / 2
    low = float(np.quantile(figures[:, 0], tail))
    high = float(np.quantile(figures[:, 1], 1 - tail))
    return Interval(low=min(low, figure.observed), high=max(high, figure.observed))
