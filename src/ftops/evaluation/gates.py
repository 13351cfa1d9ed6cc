"""Judges scores by a gate's conditions: the rules of "Gates" in the evaluation contract.

Owns the verdicts. What scores show comes from ``evidence``, words from ``sentences``; whatever a verdict rests on is an
argument, so that the same scores are judged alike for ever.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

from ftops.domain.judgement import ConditionResult, Verdict
from ftops.domain.manifest import Condition, Test
from ftops.domain.scores import ItemScore
from ftops.evaluation import sample_sizes, sentences
from ftops.evaluation.evidence import Evidence, weigh_choices, weigh_difference, weigh_value
from ftops.evaluation.intervals import PairedTable
from ftops.evaluation.metrics import MetricRefused, Reading, is_less_better
from ftops.evaluation.units import sample_of

_AS_RECORDED = Reading()

POWER: Final = 0.8
"""How often a model that is as good as it looks is to pass, for the number of items that is told."""


def judge(
    condition: Condition,
    candidate: Sequence[ItemScore],
    baseline: Sequence[ItemScore] | None,
    *,
    seed: int,
    reading: Reading = _AS_RECORDED,
    baseline_reading: Reading = _AS_RECORDED,
    compared: int = 1,
) -> ConditionResult:
    """Judges one condition.

    ``baseline`` holds the baseline's answers, for a condition that names one; both are paired by row. ``seed`` (from the
    evaluation's digest) fixes the resampling. ``reading`` is what a model's scores are read with. Where the candidate was
    chosen by these items among ``compared`` models, it is judged at 1 − (1 − confidence) / compared. An item without a score
    is an error; no item at all is insufficient evidence.
    """
    is_alone = condition.baseline is None
    sample = sample_of(candidate, None if is_alone else baseline or ())
    confidence = stricter(condition.confidence, compared)
    if condition.metric == "win_rate":
        return condition_error(condition, "win_rate needs choices between the two models' answers", n=sample.n)
    if not sample.n:
        return _without_items(condition)
    try:
        if is_alone:
            evidence = weigh_value(condition.metric, sample, reading, confidence=confidence, seed=seed)
        else:
            evidence = weigh_difference(
                condition.metric, sample, reading, baseline_reading, confidence=confidence, seed=seed
            )
    except MetricRefused as refused:
        return condition_error(condition, str(refused), n=sample.n)
    return _result(condition, evidence, confidence=confidence, compared=compared)


def judge_choices(
    condition: Condition, choices: Sequence[ItemScore], *, seed: int, compared: int = 1
) -> ConditionResult:
    """Judges a condition on ``win_rate`` by choices between the candidate's answers and the baseline's.

    A choice is scored 1 where the candidate's answer was preferred, 0.5 for a tie, 0 where the baseline's was. min and max
    are held against the mean w; a comparison against d = 2w − 1, the share won less the share lost.
    """
    sample, confidence = sample_of(choices), stricter(condition.confidence, compared)
    if not sample.n:
        return _without_items(condition)
    try:
        evidence = weigh_value("win_rate", sample, _AS_RECORDED, confidence=confidence, seed=seed)
        if condition.baseline is not None:
            evidence = weigh_choices(sample, confidence=confidence, seed=seed)
    except MetricRefused as refused:
        return condition_error(condition, str(refused), n=sample.n)
    return _result(condition, evidence, confidence=confidence, compared=compared)


def stricter(confidence: float | None, compared: int) -> float | None:
    """Gives the confidence at which one of ``compared`` models is judged that was chosen by the same items (Bonferroni)."""
    return None if confidence is None else 1 - (1 - confidence) / compared


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
    """Gives what a condition holds its value against: min, max, or the margin on the side where it has to be passed.

    That is the margin for superiority, and minus the margin for non-inferiority; the other way round where less is better.
    """
    if condition.min is not None:
        return condition.min
    if condition.max is not None:
        return condition.max
    margin = -condition.margin if condition.test is Test.NON_INFERIORITY else condition.margin
    return -margin if is_less_better(condition.metric) else margin


def _without_items(condition: Condition) -> ConditionResult:
    result = condition_error(condition, "no item is left to judge by")
    return dataclasses.replace(result, verdict=Verdict.INSUFFICIENT_EVIDENCE)


def _result(condition: Condition, evidence: Evidence, *, confidence: float | None, compared: int) -> ConditionResult:
    verdict = verdict_of(condition, evidence, confidence)
    needed_n = likely_n = None
    if verdict is Verdict.INSUFFICIENT_EVIDENCE and confidence is not None:
        needed_n = _needed(condition, evidence, confidence)
        likely_n = _needed(condition, evidence, confidence, luck=sample_sizes.luck_of(POWER))
    interval = evidence.interval
    return ConditionResult(
        condition=condition,
        verdict=verdict,
        observed=evidence.observed,
        low=_finite(interval.low) if interval else None,
        high=_finite(interval.high) if interval else None,
        threshold=threshold_of(condition),
        n=evidence.sample.n,
        needed_n=needed_n,
        mcnemar_p=evidence.mcnemar_p,
        sentence=sentences.describe(
            condition,
            evidence,
            verdict=verdict,
            needed_n=needed_n,
            likely_n=likely_n,
            stricter=confidence if compared > 1 else None,
            compared=compared,
        ),
    )


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def verdict_of(condition: Condition, evidence: Evidence, confidence: float | None) -> Verdict:
    """Pass by the limit, fail by the value itself, else undecided. What should be small is judged with every sign turned."""
    sign, is_strict = sign_of(condition), condition.test is Test.SUPERIORITY
    observed, threshold = sign * evidence.observed, sign * threshold_of(condition)
    interval = evidence.interval
    if interval is None or confidence is None:
        is_met = observed > threshold if is_strict else observed >= threshold
        return Verdict.PASS if is_met else Verdict.FAIL
    if not evidence.is_enough:
        return Verdict.INSUFFICIENT_EVIDENCE
    if _is_by_mcnemar(condition, evidence) and observed > 0:
        p = evidence.mcnemar_p
        return Verdict.PASS if p is not None and p < 1 - confidence else Verdict.INSUFFICIENT_EVIDENCE
    low = interval.low if sign > 0 else -interval.high
    if low > threshold or (low == threshold and not is_strict):
        return Verdict.PASS
    return Verdict.FAIL if observed < threshold else Verdict.INSUFFICIENT_EVIDENCE


def sign_of(condition: Condition) -> float:
    """Gives 1 where a condition wants a large value or difference, −1 where it wants a small one."""
    if condition.baseline is None:
        return 1.0 if condition.min is not None else -1.0
    return -1.0 if is_less_better(condition.metric) else 1.0


def _is_by_mcnemar(condition: Condition, evidence: Evidence) -> bool:
    return evidence.table is not None and condition.test is Test.SUPERIORITY and condition.margin == 0


def _needed(condition: Condition, evidence: Evidence, confidence: float, *, luck: float = 0.0) -> int | None:
    """Gives the items at which the value observed would pass: more than there are, where any number would do.

    With ``luck`` they are those at which such a model is likely to pass (``sample_sizes``).
    """
    sign, threshold = sign_of(condition), threshold_of(condition)
    if sign * evidence.observed <= sign * threshold:
        return None
    if evidence.table is None:
        found = evidence.needed(threshold, luck)
    else:
        table: PairedTable = evidence.table if sign > 0 else evidence.table.swapped()
        found = (
            sample_sizes.items_for_mcnemar(table, confidence, luck)
            if _is_by_mcnemar(condition, evidence)
            else sample_sizes.items_for_difference(
                table, sign * threshold, confidence, is_strict=condition.test is Test.SUPERIORITY, luck=luck
            )
        )
    # An approximation may come out at or below the number that was just not enough.
    return None if found is None else max(found, evidence.sample.n + 1)
