"""Agreement of a grader with people: counts, rates, κ and their intervals."""

import math

import pytest
from scipy import stats

from ftops.evaluation.agreement import Agreement, agreement


def of(both: int, people: int, neither: int, grader: int) -> Agreement:
    return Agreement(true_passes=both, missed_passes=people, true_fails=neither, missed_fails=grader, confidence=0.95)


def test_pairs_are_counted_by_what_people_said() -> None:
    pairs = [(True, True)] * 4 + [(True, False)] * 3 + [(False, False)] * 2 + [(False, True)]
    found = agreement(pairs)
    assert (found.true_passes, found.missed_passes, found.true_fails, found.missed_fails) == (4, 3, 2, 1)
    assert found.count == 10
    assert found.true_positive_rate.value == pytest.approx(4 / 7)
    assert found.true_negative_rate.value == pytest.approx(2 / 3)
    assert found.observed.value == pytest.approx(0.6)


def test_kappa_of_a_table_of_the_textbooks() -> None:
    # Two readers of 50 grant proposals: both yes 20, both no 15, first only 5, second only 10; κ = 0.40.
    found = of(20, 5, 15, 10)
    assert found.by_chance == pytest.approx(0.5)
    assert found.kappa == pytest.approx(0.4)


def test_rates_have_wilson_intervals() -> None:
    rate = of(45, 5, 40, 10).true_positive_rate
    expected = stats.binomtest(45, 50).proportion_ci(confidence_level=0.95, method="wilson")
    assert rate.interval is not None
    assert (rate.interval.low, rate.interval.high) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_kappa_comes_to_cohens_own_for_many_labels() -> None:
    found = of(4500, 500, 4000, 1000)
    observed, by_chance, n = 0.85, found.by_chance, 10_000
    assert by_chance is not None
    error = math.sqrt(observed * (1 - observed) / (n * (1 - by_chance) ** 2))
    assert found.kappa is not None
    assert found.kappa_interval is not None
    assert found.kappa_interval.low == pytest.approx(found.kappa - 1.96 * error, abs=5e-4)
    assert found.kappa_interval.high == pytest.approx(found.kappa + 1.96 * error, abs=5e-4)


def test_perfect_agreement_on_a_few_labels_is_no_certainty() -> None:
    found = of(10, 0, 10, 0)
    assert found.kappa == 1.0
    assert found.kappa_interval is not None
    assert found.kappa_interval.low < 0.7
    assert found.kappa_interval.high == pytest.approx(1.0)
    assert found.has_few_labels
    assert not of(30, 0, 30, 0).has_few_labels


def test_labels_of_one_kind_alone_give_no_other_rate_and_no_kappa() -> None:
    found = of(12, 0, 0, 0)
    assert (found.true_negative_rate.value, found.true_negative_rate.interval) == (None, None)
    assert (found.kappa, found.kappa_interval) == (None, None)


def test_nothing_has_no_figures() -> None:
    found = agreement([])
    assert (found.by_chance, found.kappa, found.kappa_interval, found.observed.value) == (None, None, None, None)


def test_no_interval_of_kappa_goes_below_its_least_value() -> None:
    found = of(1, 1, 0, 1)
    assert found.kappa == pytest.approx(-0.5)
    assert found.kappa_interval is not None
    assert found.kappa_interval.low == -1.0
