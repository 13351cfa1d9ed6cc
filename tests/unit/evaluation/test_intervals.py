"""Intervals against scipy and figures from elsewhere, and what must hold for any data."""

import math
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from ftops.evaluation import intervals
from ftops.evaluation.intervals import PairedTable

COUNTS = st.integers(min_value=0, max_value=60)
CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99])
TABLES = st.tuples(COUNTS, COUNTS, COUNTS, COUNTS).filter(any)


def table_of(both: int, only_first: int, only_second: int, neither: int) -> PairedTable:
    return PairedTable(both=both, only_first=only_first, only_second=only_second, neither=neither)


@pytest.mark.parametrize(
    ("counts", "low", "high", "digits"),
    [
        # Cavo et al. (2012), with the limits that a public package's tests give.
        ((59, 6, 16, 80), -0.1186, -0.0046, 4),
        # The others are remembered as examples of the literature; nobody here has looked them up in the papers.
        ((36, 12, 2, 0), 0.0569, 0.3404, 4),
        ((14, 5, 0, 22), 0.011, 0.226, 3),
        ((1, 1, 7, 12), -0.507, -0.026, 3),
    ],
)
def test_newcombe_gives_the_limits_known_from_elsewhere(
    counts: tuple[int, ...], low: float, high: float, digits: int
) -> None:
    interval = intervals.newcombe_paired(table_of(*counts), 0.95)
    assert (round(interval.low, digits), round(interval.high, digits)) == (low, high)


@pytest.mark.parametrize(("threshold", "n"), [(0.90, 35), (0.95, 73), (0.99, 381)])
def test_the_fewest_items_that_clear_a_threshold_with_all_right(threshold: float, n: int) -> None:
    assert intervals.wilson(n, n, 0.95).low >= threshold
    assert intervals.wilson(n - 1, n - 1, 0.95).low < threshold


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Remembered, not looked up; scipy is the judge below.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_limits_known_from_elsewhere(successes: int, n: int, low: float, high: float) -> None:
    interval = intervals.wilson(successes, n, 0.95)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(n=st.integers(1, 500), share=st.floats(0, 1), confidence=CONFIDENCES)
def test_wilson_is_what_scipy_computes(n: int, share: float, confidence: float) -> None:
    successes = round(share * n)
    expected = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    interval = intervals.wilson(successes, n, confidence)
    assert interval.low == pytest.approx(expected.low, abs=1e-12)
    assert interval.high == pytest.approx(expected.high, abs=1e-12)


@given(only_first=st.integers(0, 300), only_second=st.integers(0, 300))
def test_mcnemar_is_what_scipy_computes(only_first: int, only_second: int) -> None:
    expected = binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    assert intervals.mcnemar_p(only_first, only_second) == pytest.approx(expected, rel=1e-9)


@given(n=st.integers(1, 500), mean=st.floats(0, 1), confidence=CONFIDENCES)
def test_wilsons_formula_contains_the_mean_and_mirrors(n: int, mean: float, confidence: float) -> None:
    interval = intervals.wilson_of_mean(mean, n, confidence)
    assert 0 <= interval.low <= mean <= interval.high <= 1
    mirrored = intervals.wilson_of_mean(1 - mean, n, confidence)
    assert mirrored.low == pytest.approx(1 - interval.high, abs=1e-9)


@given(counts=TABLES, confidence=CONFIDENCES)
def test_newcombe_contains_the_difference_and_mirrors(counts: tuple[int, int, int, int], confidence: float) -> None:
    both, only_first, only_second, neither = counts
    table = table_of(*counts)
    interval = intervals.newcombe_paired(table, confidence)
    assert -1 <= interval.low <= table.difference <= interval.high <= 1
    mirrored = intervals.newcombe_paired(table_of(both, only_second, only_first, neither), confidence)
    assert mirrored.low == pytest.approx(-interval.high, abs=1e-9)


@given(only_first=st.integers(0, 40), only_second=st.integers(0, 40))
def test_mcnemar_needs_six_pairs_that_differ(only_first: int, only_second: int) -> None:
    p = intervals.mcnemar_p(only_first, only_second)
    assert 0 < p <= 1
    if only_first + only_second < 6:
        assert p >= 0.05
    assert p == pytest.approx(intervals.mcnemar_p(only_second, only_first))


def test_mcnemar_takes_any_number_of_pairs() -> None:
    assert intervals.mcnemar_p(1_030, 970) == pytest.approx(binomtest(1_030, 2_000).pvalue, rel=1e-9)
    assert intervals.mcnemar_p(500_600, 499_400) == pytest.approx(binomtest(500_600, 1_000_000).pvalue, rel=1e-9)


@pytest.mark.parametrize(("pairs", "p"), [((6, 0), 0.03125), ((5, 0), 0.0625), ((0, 0), 1.0), ((12, 2), 0.0129)])
def test_mcnemars_exact_p(pairs: tuple[int, int], p: float) -> None:
    assert intervals.mcnemar_p(*pairs) == pytest.approx(p, abs=5e-5)


def test_the_bootstrap_is_repeatable_and_follows_its_seed() -> None:
    values = [((i * 37) % 101) / 100 for i in range(200)]
    first = intervals.bootstrap_mean(values, 0.95, seed=1)
    assert first == intervals.bootstrap_mean(values, 0.95, seed=1)
    assert first != intervals.bootstrap_mean(values, 0.95, seed=2)


def test_the_bootstrap_agrees_with_the_normal_approximation_where_that_is_good() -> None:
    values = [((i * 37) % 101) / 100 for i in range(2000)]
    mean = intervals.mean_of(values)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
    interval = intervals.bootstrap_mean(values, 0.95, seed=7)
    assert interval.low == pytest.approx(mean - 1.96 * spread, abs=0.1 * spread)
    assert interval.high == pytest.approx(mean + 1.96 * spread, abs=0.1 * spread)


@pytest.mark.parametrize("values", [[0.5] * 40, [0.25], [1.0] * 31])
def test_equal_values_have_no_width(values: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        interval = intervals.bootstrap_mean(values, 0.95, seed=3)
    assert interval == intervals.Interval(low=values[0], high=values[0])


def test_a_bias_that_cannot_be_corrected_falls_back_on_percentiles(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    from scipy import stats

    class Found:
        confidence_interval = intervals.Interval(low=math.nan, high=math.nan)
        bootstrap_distribution = np.linspace(0.1, 0.9, 10_000)

    monkeypatch.setattr(stats, "bootstrap", lambda *_, **__: Found)
    interval = intervals.bootstrap_mean([0.1, 0.9] * 20, 0.95, seed=3)
    assert (round(interval.low, 2), round(interval.high, 2)) == (0.12, 0.88)


@given(values=st.lists(st.floats(0, 1), min_size=30, max_size=60), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=15)
def test_the_interval_of_a_mean_contains_it_and_is_no_narrower_than_either(values: list[float], seed: int) -> None:
    mean = intervals.mean_of(values)
    interval = intervals.interval_of_mean(values, 0.95, seed=seed)
    formula = intervals.wilson_of_mean(mean, len(values), 0.95)
    assert interval.low <= formula.low <= mean <= formula.high <= interval.high
