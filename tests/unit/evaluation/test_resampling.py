"""Resampled intervals: the bootstrap as scipy has it, and the unit that was never seen."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ftops.evaluation.figures import Figure, mean_figure
from ftops.evaluation.intervals import Interval, mean_of
from ftops.evaluation.resampling import bootstrap, with_unseen_unit

VALUES = [math.sin(i) ** 2 for i in range(200)]


def figure(values: list[float], *, size: int = 1, ends: tuple[float, float] | None = (0.0, 1.0)) -> Figure:
    units = [tuple(range(start, min(start + size, len(values)))) for start in range(0, len(values), size)]
    return mean_figure(values, units, ends)


@pytest.mark.parametrize("values", [VALUES, VALUES[:30], [0.0] * 5 + [1.0] * 26])
def test_the_bootstrap_of_a_mean_is_scipys_to_the_last_digits(values: list[float]) -> None:
    expected = stats.bootstrap(
        (np.asarray(values),), np.mean, n_resamples=10_000, confidence_level=0.9, rng=np.random.default_rng(5)
    )
    found = bootstrap(figure(values), 0.9, seed=5)
    assert found.interval.low == pytest.approx(expected.confidence_interval.low, abs=1e-11)
    assert found.interval.high == pytest.approx(expected.confidence_interval.high, abs=1e-11)
    assert found.error == pytest.approx(expected.standard_error, rel=1e-9)


def test_whole_clusters_are_resampled_as_scipy_resamples_pairs_of_sums_and_sizes() -> None:
    made = figure(VALUES[:151], size=4)
    sums, sizes = (np.asarray(column) for column in zip(*made.totals, strict=True))

    def ratio(total: np.ndarray, size: np.ndarray, axis: int) -> np.ndarray:
        return total.sum(axis=axis) / size.sum(axis=axis)

    expected = stats.bootstrap(
        (sums, sizes), ratio, paired=True, vectorized=True, n_resamples=10_000, rng=np.random.default_rng(5)
    )
    found = bootstrap(made, 0.95, seed=5)
    assert found.interval.low == pytest.approx(expected.confidence_interval.low, abs=1e-11)
    assert found.interval.high == pytest.approx(expected.confidence_interval.high, abs=1e-11)
    assert made.observed == mean_of(VALUES[:151])


def test_resampling_is_repeatable_and_follows_its_seed() -> None:
    made = figure(VALUES)
    for draw in (bootstrap, with_unseen_unit):
        first = draw(made, 0.95, seed=1)
        assert first == draw(made, 0.95, seed=1)
        assert first != draw(made, 0.95, seed=2)


@pytest.mark.parametrize("values", [[0.5] * 40, [0.25], [1.0] * 31])
def test_equal_values_have_no_width_in_the_bootstrap(values: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap(figure(values), 0.95, seed=3)
    assert found.interval == Interval(low=values[0], high=values[0])
    assert found.error == 0


def test_a_bias_that_cannot_be_corrected_falls_back_on_percentiles(monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        confidence_interval = Interval(low=math.nan, high=math.nan)
        bootstrap_distribution = np.linspace(0.1, 0.9, 10_000)
        standard_error = 0.1

    monkeypatch.setattr(stats, "bootstrap", lambda *_, **__: Found)
    interval = bootstrap(figure([0.1, 0.9] * 20), 0.95, seed=3).interval
    assert (round(interval.low, 2), round(interval.high, 2)) == (0.12, 0.88)


@pytest.mark.parametrize(("right", "n"), [(40, 40), (57, 60), (30, 60), (1, 35)])
def test_an_unseen_unit_makes_clopper_and_pearson_of_passes_and_failures(right: int, n: int) -> None:
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="exact")
    found = with_unseen_unit(figure([1.0] * right + [0.0] * (n - right)), 0.95, seed=3)
    assert found.low == pytest.approx(expected.low, abs=0.006)
    assert found.high == pytest.approx(expected.high, abs=0.006)


def test_an_unseen_unit_is_as_large_as_items_find_their_own_on_average() -> None:
    made = mean_figure([1.0] * 6, [(0,), (1,), (2, 3, 4, 5)], (0.0, 1.0))
    assert made.unseen == ((0.0, 3.0), (3.0, 3.0))
    assert mean_figure([1.0, 3.0], [(0,), (1,)], None).unseen == ((1.0, 1.0), (3.0, 1.0))


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=40), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=15)
def test_both_intervals_hold_the_figure_and_stay_within_its_ends(values: list[float], seed: int) -> None:
    made = figure(values)
    for interval in (bootstrap(made, 0.95, seed=seed).interval, with_unseen_unit(made, 0.95, seed=seed)):
        assert -1e-9 <= interval.low <= made.observed <= interval.high <= 1 + 1e-9
