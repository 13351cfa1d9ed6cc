"""How many items it takes: held to the tests themselves, exactly or by drawing."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from ftops.domain.judgement import Verdict
from ftops.domain.manifest import Condition
from ftops.domain.scores import ItemScore
from ftops.evaluation import resampling, sample_sizes
from ftops.evaluation.figures import mean_figure
from ftops.evaluation.gates import judge
from ftops.evaluation.intervals import PairedTable, mcnemar_p, paired_interval, wilson
from ftops.evaluation.resampling import with_unseen_unit

LUCK = sample_sizes.luck_of(0.8)


@pytest.mark.parametrize(("true", "threshold"), [(0.95, 0.9), (0.6, 0.5), (0.85, 0.8), (0.97, 0.95)])
def test_four_of_five_evaluations_pass_by_wilsons_interval(true: float, threshold: float) -> None:
    n = sample_sizes.items_for_mean(true, threshold, 0.95, LUCK)
    assert n is not None
    fewest = next(right for right in range(n + 1) if wilson(right, n, 0.95).low >= threshold)
    assert binom.sf(fewest - 1, n, true) == pytest.approx(0.8, abs=0.05)


def table(*shares: float) -> PairedTable:
    return PairedTable(both=shares[0], only_first=shares[1], only_second=shares[2], neither=shares[3])


def test_four_of_five_evaluations_pass_by_mcnemars_test() -> None:
    """Five points more where the models differ on a fifth of the items: about 660 items, as the literature has it."""
    shares = (0.5, 0.125, 0.075, 0.3)
    n = sample_sizes.items_for_mcnemar(table(*shares), 0.95, LUCK)
    assert n == pytest.approx(660, abs=30)
    drawn = np.random.default_rng(1).multinomial(n, shares, size=2_000)
    passing = sum(better > worse and mcnemar_p(int(better), int(worse)) < 0.05 for _, better, worse, _ in drawn)
    assert passing / 2_000 == pytest.approx(0.8, abs=0.03)


def test_four_of_five_evaluations_pass_by_the_paired_interval() -> None:
    shares = (0.6, 0.1, 0.08, 0.22)
    n = sample_sizes.items_for_difference(table(*shares), -0.03, 0.95, is_strict=False, luck=LUCK)
    assert n is not None
    drawn = np.random.default_rng(1).multinomial(n, shares, size=500)
    passing = sum(paired_interval(table(*map(float, row)), 0.95).low >= -0.03 for row in drawn)
    assert passing / 500 == pytest.approx(0.8, abs=0.05)


def test_four_of_five_evaluations_pass_with_an_unseen_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 500)
    spread, reach = math.sqrt(1 / 48), 0.75
    n = sample_sizes.units_for_resampled(0.05, 0.95, spread=spread, reach=reach, luck=LUCK)
    assert n is not None
    rng = np.random.default_rng(1)
    units = [(index,) for index in range(n)]
    passing = 0
    for seed in range(100):
        values = rng.uniform(0.5, 1.0, size=n).tolist()
        passing += with_unseen_unit(mean_figure(values, units, (0.0, 1.0)), 0.95, seed=seed).low >= 0.7
    assert passing / 100 == pytest.approx(0.8, abs=0.1)


def test_luck_is_asked_of_more_items() -> None:
    assert pytest.approx(0.8416, abs=1e-4) == LUCK
    assert sample_sizes.units_for_spread(0.6, 0.5, 0.95, 0.04) == math.ceil(1.96**2 * 4)
    assert sample_sizes.units_for_spread(0.6, 0.5, 0.95, 0.04, LUCK) == math.ceil((1.96 + LUCK) ** 2 * 4)


def test_both_numbers_are_told() -> None:
    answers = [ItemScore(row=f"{row:016x}", score=float(row < 95), output=None) for row in range(100)]
    result = judge(Condition(min=0.92, confidence=0.95), answers, None, seed=1)
    assert result.verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert result.needed_n == sample_sizes.items_for_mean(0.95, 0.92, 0.95)
    likely = sample_sizes.items_for_mean(0.95, 0.92, 0.95, LUCK)
    assert result.sentence.endswith(
        f"it would take about {result.needed_n} items at this value, and {likely} for four of five evaluations to pass "
        "if it is the true one"
    )
