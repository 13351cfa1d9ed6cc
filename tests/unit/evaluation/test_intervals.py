"""Intervals against scipy and figures from elsewhere, and what must hold for any data."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

from ftops.evaluation import intervals
from ftops.evaluation.intervals import PairedTable

COUNTS = st.integers(min_value=0, max_value=60)
CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99])
TABLES = st.tuples(COUNTS, COUNTS, COUNTS, COUNTS).filter(any)


def table_of(both: int, only_first: int, only_second: int, neither: int) -> PairedTable:
    return PairedTable(both=both, only_first=only_first, only_second=only_second, neither=neither)


# Limits that the tests of the R package contingencytables 3 expect (chapter 8): Cavo et al. (2012), and tables at the edge.
CAVO = (59, 6, 16, 80)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        (CAVO, -0.1186, -0.0046),
        ((1, 0, 0, 1), -0.5734, 0.5734),
        # Altman et al. (2000), Statistics with Confidence, table 6.2, as remembered.
        ((14, 5, 0, 22), 0.0115, 0.2265),
    ],
)
def test_newcombe_gives_the_limits_known_from_elsewhere(counts: tuple[int, ...], low: float, high: float) -> None:
    interval = intervals.newcombe_paired(table_of(*counts), 0.95)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [(CAVO, -0.1240, -0.0054), ((0, 3, 0, 0), -0.1230, 1.0), ((0, 0, 3, 0), -1.0, 0.1230)],
)
def test_tango_gives_the_limits_known_from_elsewhere(counts: tuple[int, ...], low: float, high: float) -> None:
    interval = intervals.tango_paired(table_of(*counts), 0.95)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(counts=TABLES, confidence=CONFIDENCES)
@settings(max_examples=30)
def test_tangos_limits_are_where_the_likeliest_table_is_z_away(
    counts: tuple[int, int, int, int], confidence: float
) -> None:
    """A second way to them: the share of only-second is found by maximising the likelihood itself, not by its formula."""
    table = table_of(*counts)
    n, better, worse = table.n, table.only_first, table.only_second
    interval = intervals.tango_paired(table, confidence)
    for limit in (interval.low, interval.high):
        if abs(limit) > 0.999:
            continue

        def against(q: float, limit: float = limit) -> float:
            shares = ((better, q + limit), (worse, q), (n - better - worse, 1 - 2 * q - limit))
            return -sum(count * math.log(max(share, 1e-300)) for count, share in shares if count)

        least, most = max(0.0, -limit), (1 - limit) / 2
        q = minimize_scalar(against, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
        q = min((least, q, most), key=against)
        error = math.sqrt(n * (2 * q + limit - limit * limit))
        z = intervals.quantile(confidence)
        assert abs(better - worse - n * limit) == pytest.approx(z * error, rel=2e-3, abs=1e-3)


@given(counts=TABLES, confidence=CONFIDENCES)
def test_the_interval_of_a_paired_difference_holds_both(counts: tuple[int, int, int, int], confidence: float) -> None:
    table = table_of(*counts)
    both = intervals.paired_interval(table, confidence)
    for one in (intervals.tango_paired(table, confidence), intervals.newcombe_paired(table, confidence)):
        assert both.low <= one.low <= table.difference + 1e-12
        assert both.high >= one.high >= table.difference - 1e-12


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


@pytest.mark.parametrize(
    ("pairs", "p"), [((6, 0), 0.03125), ((5, 0), 0.0625), ((0, 0), 1.0), ((12, 2), 0.0129), ((6, 16), 0.052479)]
)
def test_mcnemars_exact_p(pairs: tuple[int, int], p: float) -> None:
    """(12, 2) and (6, 16) are what statsmodels 0.15 computes, the latter what contingencytables tests too."""
    assert intervals.mcnemar_p(*pairs) == pytest.approx(p, abs=5e-5)


def test_a_mean_of_what_sums_up_to_no_number() -> None:
    assert intervals.mean_of([1e308] * 4) == 1e308
    assert intervals.mean_of([1e308, 1e308, -1e308, -1e308]) == 0
