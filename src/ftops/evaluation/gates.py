"""Judges scores by a gate's conditions: the rules of "Gates" in the evaluation contract.

Owns the verdicts. Figures come from ``intervals``, item counts from ``sample_sizes``, words from ``sentences``; whatever a
verdict rests on is an argument, so that the same scores are judged alike for ever.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from ftops.domain.judgement import ConditionResult, Verdict
from ftops.domain.manifest import Condition, Test
from ftops.domain.scores import ItemScore
from ftops.evaluation import sample_sizes, sentences
from ftops.evaluation.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    Interval,
    PairedTable,
    bootstrap_mean,
    interval_of_mean,
    mcnemar_p,
    mean_of,
    newcombe_paired,
    paired_table,
    wilson,
)
from ftops.evaluation.metrics import MetricRefused, is_pass_fail, metric_values, pair_items


def judge(
    condition: Condition,
    candidate: Sequence[ItemScore],
    baseline: Sequence[ItemScore] | None,
    *,
    seed: int,
    pass_threshold: float | None = None,
) -> ConditionResult:
    """Judges one condition.

    ``baseline`` holds the baseline's items, for a condition that names one; both are paired by row. ``seed`` (from the
    evaluation's digest) fixes the resampling; ``pass_threshold`` is the grader's. An item without a score is an error; no
    item at all is insufficient evidence.
    """
    try:
        if condition.baseline is None:
            values = metric_values(condition.metric, candidate, pass_threshold=pass_threshold)
            return _judge_value(condition, values, seed=seed) if values else _without_items(condition)
        pairs = pair_items(candidate, baseline or ())
        first = metric_values(condition.metric, [item for item, _ in pairs], pass_threshold=pass_threshold)
        second = metric_values(condition.metric, [item for _, item in pairs], pass_threshold=pass_threshold)
    except MetricRefused as refused:
        return condition_error(condition, str(refused))
    return _judge_difference(condition, first, second, seed=seed) if pairs else _without_items(condition)


def condition_error(condition: Condition, why: str, *, n: int = 0) -> ConditionResult:
    """Gives the result of a condition that could not be judged."""
    return ConditionResult(
        condition=condition,
        verdict=Verdict.ERROR,
        observed=None,
        threshold=threshold_of(condition),
        n=n,
        sentence=why,
    )


def threshold_of(condition: Condition) -> float:
    """Gives what a condition holds its value against: min, max, the margin, or minus the margin for non-inferiority."""
    if condition.min is not None:
        return condition.min
    if condition.max is not None:
        return condition.max
    return -condition.margin if condition.test is Test.NON_INFERIORITY else condition.margin


def _without_items(condition: Condition) -> ConditionResult:
    result = condition_error(condition, "no item is left to judge by")
    return dataclasses.replace(result, verdict=Verdict.INSUFFICIENT_EVIDENCE)


def _verdict(observed: float, low: float, threshold: float, *, is_strict: bool = False) -> Verdict:
    """The rule for what should be large: pass by the lower limit, fail by the value itself, else undecided."""
    if low > threshold or (low == threshold and not is_strict):
        return Verdict.PASS
    return Verdict.FAIL if observed < threshold else Verdict.INSUFFICIENT_EVIDENCE


def _judge_value(condition: Condition, values: Sequence[float], *, seed: int) -> ConditionResult:
    observed, threshold, n = mean_of(values), threshold_of(condition), len(values)
    is_binary, confidence = is_pass_fail(values), condition.confidence
    interval = needed_n = None
    # What should be small is judged by the same rule with every sign turned.
    sign = 1.0 if condition.min is not None else -1.0
    if confidence is None:
        verdict = Verdict.PASS if sign * observed >= sign * threshold else Verdict.FAIL
    else:
        verdict, interval = _weigh_value(values, sign, threshold, confidence, seed=seed)
        if verdict is Verdict.INSUFFICIENT_EVIDENCE and sign * observed > sign * threshold:
            needed_n = _items_for_value(values, threshold, confidence)
    return ConditionResult(
        condition=condition,
        verdict=verdict,
        observed=observed,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        threshold=threshold,
        n=n,
        needed_n=needed_n,
        sentence=sentences.describe_value(
            condition,
            verdict=verdict,
            observed=observed,
            n=n,
            interval=interval,
            needed_n=needed_n,
            is_pass_fail=is_binary,
        ),
    )


def _weigh_value(
    values: Sequence[float], sign: float, threshold: float, confidence: float, *, seed: int
) -> tuple[Verdict, Interval]:
    n = len(values)
    observed = mean_of(values)
    is_binary = is_pass_fail(values)
    resampled = None if is_binary else interval_of_mean(values, confidence, seed=seed)
    interval = resampled or wilson(round(sum(values)), n, confidence)
    if not is_binary and n < FEWEST_FOR_BOOTSTRAP:
        return Verdict.INSUFFICIENT_EVIDENCE, interval
    low = interval.low if sign > 0 else -interval.high
    return _verdict(sign * observed, low, sign * threshold), interval


def _items_for_value(values: Sequence[float], threshold: float, confidence: float) -> int | None:
    needed = sample_sizes.items_for_mean(mean_of(values), threshold, confidence)
    if is_pass_fail(values) or needed is None:
        return needed
    by_spread = sample_sizes.items_for_spread(values, threshold, confidence)
    return _more_than(len(values), max(needed, by_spread or 0, FEWEST_FOR_BOOTSTRAP))


def _more_than(n: int, estimate: int | None) -> int | None:
    """An approximation may come out at or below the number that was just not enough."""
    return None if estimate is None else max(estimate, n + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Weighed:
    verdict: Verdict
    interval: Interval | None = None
    needed_n: int | None = None
    mcnemar_p: float | None = None


def _judge_difference(
    condition: Condition, first: Sequence[float], second: Sequence[float], *, seed: int
) -> ConditionResult:
    threshold = threshold_of(condition)
    is_binary = is_pass_fail(first) and is_pass_fail(second)
    table = paired_table(first, second) if is_binary else None
    differences = [a - b for a, b in zip(first, second, strict=True)]
    observed = table.difference if table else mean_of(differences)
    weighed = (
        _weigh_table(condition, table, threshold)
        if table is not None
        else _weigh_differences(condition, differences, threshold, seed=seed)
    )
    return ConditionResult(
        condition=condition,
        verdict=weighed.verdict,
        observed=observed,
        low=weighed.interval.low if weighed.interval else None,
        high=weighed.interval.high if weighed.interval else None,
        threshold=threshold,
        n=len(differences),
        needed_n=weighed.needed_n,
        mcnemar_p=weighed.mcnemar_p,
        sentence=sentences.describe_difference(
            condition,
            verdict=weighed.verdict,
            observed=observed,
            n=len(differences),
            interval=weighed.interval,
            needed_n=weighed.needed_n,
            table=table,
            mcnemar_p=weighed.mcnemar_p,
        ),
    )


def _weigh_table(condition: Condition, table: PairedTable, threshold: float) -> _Weighed:
    """Pass/fail scores: Newcombe's interval; McNemar's exact test decides superiority at margin 0, and is always reported."""
    is_strict = condition.test is not Test.NON_INFERIORITY
    p = mcnemar_p(round(table.only_first), round(table.only_second))
    if condition.confidence is None:
        return _Weighed(verdict=_by_value_alone(table.difference, threshold, is_strict=is_strict), mcnemar_p=p)
    interval = newcombe_paired(table, condition.confidence)
    is_by_test = is_strict and threshold == 0
    if is_by_test and table.difference > 0:
        verdict = Verdict.PASS if p < 1 - condition.confidence else Verdict.INSUFFICIENT_EVIDENCE
    else:
        verdict = _verdict(table.difference, interval.low, threshold, is_strict=is_strict)
    needed_n = None
    if verdict is Verdict.INSUFFICIENT_EVIDENCE:
        needed_n = (
            sample_sizes.items_for_mcnemar(table, condition.confidence)
            if is_by_test
            else sample_sizes.items_for_difference(table, threshold, condition.confidence, is_strict=is_strict)
        )
        needed_n = _more_than(round(table.n), needed_n)
    return _Weighed(verdict=verdict, interval=interval, needed_n=needed_n, mcnemar_p=p)


def _weigh_differences(condition: Condition, differences: Sequence[float], threshold: float, *, seed: int) -> _Weighed:
    """Other scores: the paired bootstrap, which resamples items and so keeps each pair together."""
    is_strict = condition.test is not Test.NON_INFERIORITY
    observed, n = mean_of(differences), len(differences)
    if condition.confidence is None:
        return _Weighed(verdict=_by_value_alone(observed, threshold, is_strict=is_strict))
    interval = bootstrap_mean(differences, condition.confidence, seed=seed)
    verdict = _verdict(observed, interval.low, threshold, is_strict=is_strict)
    if n < FEWEST_FOR_BOOTSTRAP:
        verdict = Verdict.INSUFFICIENT_EVIDENCE
    needed_n = None
    if verdict is Verdict.INSUFFICIENT_EVIDENCE and observed > threshold:
        estimate = sample_sizes.items_for_spread(differences, threshold, condition.confidence)
        needed_n = _more_than(n, estimate)
    return _Weighed(verdict=verdict, interval=interval, needed_n=needed_n)


def _by_value_alone(observed: float, threshold: float, *, is_strict: bool) -> Verdict:
    is_met = observed > threshold if is_strict else observed >= threshold
    return Verdict.PASS if is_met else Verdict.FAIL
