"""Verdicts: the contract's Gates section, case by case."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.domain.judgement import ConditionResult, Verdict
from ftops.domain.manifest import Baseline, Condition, Test
from ftops.domain.scores import ItemScore
from ftops.evaluation import sample_sizes
from ftops.evaluation.gates import judge
from ftops.evaluation.intervals import Interval, PairedTable, paired_interval, wilson_of_mean
from ftops.evaluation.metrics import Reading

FAIL, INSUFFICIENT, PASS = Verdict.FAIL, Verdict.INSUFFICIENT_EVIDENCE, Verdict.PASS
BASE = Baseline(base=True)


def items(scores: Sequence[float | None], *, start: int = 0) -> list[ItemScore]:
    return [ItemScore(row=f"{start + i:016x}", score=score, output="0" * 16) for i, score in enumerate(scores)]


def right(successes: int, n: int) -> list[ItemScore]:
    return items([1.0] * successes + [0.0] * (n - successes))


def judged(condition: Condition, candidate: Sequence[ItemScore], **reading: float) -> ConditionResult:
    return judge(condition, candidate, None, seed=1, reading=Reading(**reading))


def paired(both: int, better: int, worse: int, neither: int) -> tuple[list[ItemScore], list[ItemScore]]:
    candidate = [1.0] * (both + better) + [0.0] * (worse + neither)
    baseline = [1.0] * both + [0.0] * better + [1.0] * worse + [0.0] * neither
    return items(candidate), items(baseline)


@pytest.mark.parametrize(
    ("successes", "n", "verdict", "needed"),
    [
        (35, 35, PASS, None),
        (34, 34, INSUFFICIENT, 35),
        (117, 120, PASS, None),
        (108, 120, INSUFFICIENT, None),  # x = T: no number would do
        (107, 120, FAIL, None),
        (0, 5, FAIL, None),
    ],
)
def test_min_with_confidence(successes: int, n: int, verdict: Verdict, needed: int | None) -> None:
    result = judged(Condition(min=0.9, confidence=0.95), right(successes, n))
    assert (result.verdict, result.needed_n, result.n) == (verdict, needed, n)


@pytest.mark.parametrize(("threshold", "needed"), [(0.9, 35), (0.95, 73), (0.99, 381)])
def test_the_items_needed_when_all_are_right(threshold: float, needed: int) -> None:
    assert judged(Condition(min=threshold, confidence=0.95), right(20, 20)).needed_n == needed


@pytest.mark.parametrize(
    ("successes", "n", "verdict", "needed"),
    [(0, 35, PASS, None), (0, 34, INSUFFICIENT, 35), (12, 120, INSUFFICIENT, None), (13, 120, FAIL, None)],
)
def test_max_mirrors_min(successes: int, n: int, verdict: Verdict, needed: int | None) -> None:
    result = judged(Condition(max=0.1, confidence=0.95), right(successes, n))
    assert (result.verdict, result.needed_n) == (verdict, needed)


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        (Condition(min=0.9), PASS),
        (Condition(min=0.91), FAIL),
        (Condition(max=0.9), PASS),
        (Condition(max=0.89), FAIL),
    ],
)
def test_without_confidence_the_value_alone_decides(condition: Condition, verdict: Verdict) -> None:
    result = judged(condition, right(108, 120))
    assert (result.verdict, result.low, result.high, result.needed_n) == (verdict, None, None, None)


@pytest.mark.parametrize(
    ("condition", "scores", "sentence"),
    [
        (
            Condition(min=0.9, confidence=0.95),
            right(117, 120),
            "117 of 120 right; the true rate is between 92.9 % and 99.1 %; 0.90 is cleared",
        ),
        (
            Condition(min=0.9, metric="pass_rate", confidence=0.95),
            right(34, 34),
            (
                "34 of 34 passed; the true rate is between 89.8 % and 100.0 %; "
                "that it reaches 0.90 is not shown: it would take about 35 items at this value"
            ),
        ),
        (
            Condition(max=0.1, confidence=0.95),
            right(12, 120),
            (
                "12 of 120 right; the true rate is between 5.8 % and 16.7 %; "
                "that it stays within 0.10 is not shown, and no number of items would show it at this value"
            ),
        ),
        (Condition(min=0.985), right(1, 2), "1 of 2 right; that is below 0.985"),
        (Condition(max=0.1), right(1, 2), "1 of 2 right; that is above 0.10"),
        (Condition(max=0.5), right(1, 2), "1 of 2 right; 0.50 is kept"),
        (Condition(min=0.2), items([0.25, 0.5]), "mean 0.375 over 2 items; 0.20 is cleared"),
    ],
)
def test_sentences_for_values(condition: Condition, scores: list[ItemScore], sentence: str) -> None:
    assert judged(condition, scores).sentence == sentence


def test_a_mean_is_bounded_by_the_wider_of_bootstrap_and_wilson() -> None:
    scores = [0.9 + 0.01 * (i % 5) for i in range(100)]
    result = judged(Condition(min=0.9, confidence=0.95), items(scores))
    formula = wilson_of_mean(0.92, 100, 0.95)
    assert result.low == pytest.approx(formula.low)
    assert result.verdict is INSUFFICIENT
    assert result.needed_n is not None
    assert result.needed_n > 100
    assert "the true mean is between" in result.sentence


def test_fewer_than_thirty_items_are_no_evidence_for_a_bootstrapped_figure() -> None:
    result = judged(Condition(min=0.2, confidence=0.95), items([0.9, 0.8] * 14))
    assert result.verdict is INSUFFICIENT
    assert result.needed_n == 30
    assert judged(Condition(min=0.2, confidence=0.95), items([0.9, 0.8] * 15)).verdict is PASS


@pytest.mark.parametrize("metric", ["pass_rate", "accuracy"])
def test_a_pass_threshold_turns_scores_into_pass_and_fail(metric: str) -> None:
    scores = items([0.8, 0.79, 0.9, 1.0])
    result = judged(Condition(metric=metric, min=0.75), scores, pass_threshold=0.8)
    assert (result.observed, result.verdict) == (0.75, PASS)
    assert judged(Condition(min=0.8), scores, pass_threshold=0.8).observed == pytest.approx(0.8725)


@pytest.mark.parametrize(
    ("condition", "scores", "why"),
    [
        (Condition(metric="accuracy", min=0.5), [0.5, 1.0], "pass_threshold"),
        (Condition(metric="macro_f1", min=0.5), [0.0, 1.0], "macro_f1"),
        (Condition(min=0.5), [1.0, None, None], "2 of 3 items have no score"),
    ],
)
def test_what_cannot_be_judged_is_an_error(condition: Condition, scores: list[float | None], why: str) -> None:
    result = judged(condition, items(scores))
    assert result.verdict is Verdict.ERROR
    assert why in result.sentence


def test_no_item_is_no_evidence() -> None:
    assert judged(Condition(min=0.5), []).verdict is INSUFFICIENT
    against = Condition(baseline=BASE, test=Test.SUPERIORITY)
    assert judge(against, right(1, 2), items([1.0], start=9), seed=1).verdict is INSUFFICIENT
    assert judge(against, right(1, 2), None, seed=1).verdict is INSUFFICIENT


def superiority(margin: float = 0.0, confidence: float | None = 0.95) -> Condition:
    return Condition(baseline=BASE, test=Test.SUPERIORITY, margin=margin, confidence=confidence)


def non_inferiority(margin: float = 0.0, confidence: float | None = 0.95) -> Condition:
    return Condition(baseline=BASE, test=Test.NON_INFERIORITY, margin=margin, confidence=confidence)


@pytest.mark.parametrize(
    ("counts", "condition", "verdict"),
    [
        ((36, 12, 2, 0), superiority(), PASS),
        ((36, 12, 2, 0), superiority(0.05), PASS),
        ((36, 12, 2, 0), superiority(0.06), INSUFFICIENT),
        ((36, 12, 2, 0), superiority(0.2), INSUFFICIENT),
        ((36, 12, 2, 0), superiority(0.21), FAIL),
        ((36, 2, 12, 0), superiority(), FAIL),
        ((90, 5, 0, 5), superiority(), INSUFFICIENT),  # five pairs: p = 0.0625
        ((90, 6, 0, 4), superiority(), PASS),
        ((50, 3, 3, 44), superiority(), INSUFFICIENT),
        ((50, 3, 3, 44), non_inferiority(0.1), PASS),
        ((50, 3, 3, 44), non_inferiority(0.01), INSUFFICIENT),
        ((50, 3, 6, 41), non_inferiority(0.01), FAIL),
        ((36, 12, 2, 0), superiority(0.19, None), PASS),
        ((36, 12, 2, 0), superiority(0.2, None), FAIL),
        ((50, 3, 5, 42), non_inferiority(0.02, None), PASS),
        ((50, 3, 6, 41), non_inferiority(0.02, None), FAIL),
    ],
)
def test_pass_fail_against_a_baseline(
    counts: tuple[int, int, int, int], condition: Condition, verdict: Verdict
) -> None:
    candidate, baseline = paired(*counts)
    result = judge(condition, candidate, baseline, seed=1)
    assert result.verdict is verdict
    assert result.mcnemar_p is not None
    assert (result.low is None) == (condition.confidence is None)


def test_a_difference_in_words() -> None:
    candidate, baseline = paired(36, 12, 2, 0)
    assert judge(superiority(), candidate, baseline, seed=1).sentence == (
        "better on 12 and worse on 2 of 50 items, +20.0 points; the true difference is between +5.7 and +34.5; "
        "exact McNemar p = 0.013; better than the baseline: shown"
    )
    assert judge(superiority(0.3, None), candidate, baseline, seed=1).sentence.endswith(
        "better than the baseline by more than 0.30: it is not"
    )
    assert "no worse than the baseline by more than 0.02: not shown: it would take about" in (
        judge(non_inferiority(0.02), *paired(50, 3, 3, 44), seed=1).sentence
    )


def test_the_items_needed_for_a_difference_would_do() -> None:
    table = PairedTable(both=50, only_first=8, only_second=3, neither=39)
    candidate, baseline = paired(50, 8, 3, 39)
    result = judge(superiority(0.01), candidate, baseline, seed=1)
    assert result.needed_n is not None
    assert paired_interval(table.scaled(result.needed_n), 0.95).low > 0.01
    assert paired_interval(table.scaled(result.needed_n - 1), 0.95).low <= 0.01
    by_test = judge(superiority(), candidate, baseline, seed=1)
    assert by_test.needed_n is not None
    assert by_test.needed_n > 100


def test_other_scores_are_compared_by_the_paired_bootstrap() -> None:
    baseline = items([0.5 + 0.01 * (i % 7) for i in range(60)])
    better = items([0.6 + 0.01 * (i % 5) for i in range(60)])
    result = judge(superiority(), better, baseline, seed=1)
    assert (result.verdict, result.mcnemar_p) == (PASS, None)
    assert result.sentence.startswith("a mean difference of +0.091 over 60 items; the true difference is between +0.02")
    assert judge(superiority(), baseline, better, seed=1).verdict is FAIL
    assert judge(superiority(confidence=None), better, baseline, seed=1).verdict is PASS
    few = judge(superiority(), better[:29], baseline[:29], seed=1)
    assert (few.verdict, few.needed_n) == (INSUFFICIENT, 44)


def test_equal_scores_show_no_more_than_their_number_can() -> None:
    """Nothing differs on 40 items: one that wasn't seen may, so that some margin is needed."""
    scores = items([0.5] * 40)
    nothing = judge(non_inferiority(), scores, scores, seed=1)
    assert (nothing.verdict, nothing.needed_n) == (INSUFFICIENT, None)
    within = judge(non_inferiority(0.1), scores, scores, seed=1)
    assert (within.verdict, within.observed) == (PASS, 0.0)
    assert within.low == pytest.approx(-(1 - 0.025 ** (1 / 40)), abs=0.01)
    short = judge(non_inferiority(0.05), scores, scores, seed=1)
    assert (short.verdict, short.needed_n) == (INSUFFICIENT, 72)
    assert judge(superiority(), scores, scores, seed=1).verdict is INSUFFICIENT


def test_pairs_are_found_by_row_whatever_was_left_out_and_however_often_a_row_stands() -> None:
    candidate = [*items([1.0, 0.0]), *items([0.0])]
    baseline = [*items([0.0]), *items([1.0, 0.0])]
    result = judge(superiority(confidence=None), candidate, baseline, seed=1)
    # Row 0 stands twice in both: (1, 0) and (0, 1). Row 1: (0, 0).
    assert (result.n, result.observed) == (3, 0.0)


@given(
    successes=st.integers(0, 80),
    n=st.integers(1, 80),
    thresholds=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    confidence=st.sampled_from([None, 0.9, 0.95]),
)
def test_a_higher_bar_never_gives_a_better_verdict(
    successes: int, n: int, thresholds: tuple[float, float], confidence: float | None
) -> None:
    scores = right(min(successes, n), n)
    easy, hard = (judged(Condition(min=t, confidence=confidence), scores).verdict for t in sorted(thresholds))
    order = list(Verdict)
    assert order.index(hard) <= order.index(easy)


@given(
    counts=st.tuples(*[st.integers(0, 30)] * 4).filter(any),
    margins=st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)),
)
def test_a_wider_margin_of_non_inferiority_never_gives_a_worse_verdict(
    counts: tuple[int, int, int, int], margins: tuple[float, float]
) -> None:
    narrow, wide = (judge(non_inferiority(m), *paired(*counts), seed=1).verdict for m in sorted(margins))
    order = list(Verdict)
    assert order.index(narrow) <= order.index(wide)


@given(
    mean=st.floats(0, 1),
    threshold=st.floats(0.01, 0.99),
    confidence=st.sampled_from([0.9, 0.95, 0.99]),
)
def test_the_items_needed_are_enough(mean: float, threshold: float, confidence: float) -> None:
    if abs(mean - threshold) < 1e-3:
        return
    n = sample_sizes.items_for_mean(mean, threshold, confidence)
    assert n is not None
    interval = wilson_of_mean(mean, n, confidence)
    assert interval.low >= threshold if mean > threshold else interval.high <= threshold


def test_sizes_where_no_number_would_do() -> None:
    assert sample_sizes.items_for_mean(0.9, 0.9, 0.95) is None
    assert sample_sizes.items_for_mean(0.9 + 1e-12, 0.9, 0.95) is None
    even = PairedTable(both=1, only_first=1, only_second=1, neither=1)
    assert sample_sizes.items_for_mcnemar(even, 0.95) is None
    assert sample_sizes.items_for_difference(even, 0.0, 0.95, is_strict=True) is None
    assert sample_sizes.units_for_spread(0.5, 0.5, 0.95, 0.1) is None
    assert sample_sizes.units_for_spread(0.5, 0.5 - 1e-9, 0.95, 0.1) is None
    assert sample_sizes.units_for_resampled(0.0, 0.95, spread=0.1, reach=1.0) is None
    assert sample_sizes.items_for_interval(0.5, lambda _: Interval(low=0.0, high=1.0), 0.5) is None
    hair = PairedTable(both=1, only_first=1 + 1e-9, only_second=1, neither=1)
    assert sample_sizes.items_for_difference(hair, 0.0, 0.95, is_strict=True) is None
