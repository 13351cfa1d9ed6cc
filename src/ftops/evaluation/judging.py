"""Puts the conditions of all evaluations of one model together into its judgement.

Owns what a missing or failed measurement means for the verdict; ``gates`` judges each condition.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ftops.domain.desired import DeclaredEval
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Missing, MissingReason, worst
from ftops.domain.manifest import WIN_RATE, BackendName, Condition, ModelId, Price, Revision
from ftops.domain.preferences import KnownPreferences
from ftops.domain.scores import EvaluationRecord, ItemScore, Outcome
from ftops.evaluation.gates import condition_error, judge, judge_choices
from ftops.evaluation.graders import pass_threshold_of
from ftops.evaluation.intervals import mean_of
from ftops.evaluation.known_verdicts import KnownVerdicts, judge_once
from ftops.evaluation.metrics import Reading, score_bounds
from ftops.evaluation.win_rates import is_unjudged, judge_error, judge_preferences


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineScores:
    """What a declared baseline was resolved to, and its scores: None where they were never measured.

    ``price`` is what calling it costs, USD per million tokens; None is unknown. ``preferences`` is what was said of its
    answers and the candidate's, for a condition on win_rate.
    """

    model: ModelId
    backend: BackendName
    record: EvaluationRecord | None
    note: str | None = None
    price: Price | None = None
    preferences: KnownPreferences | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredEval:
    """One evaluation with what is recorded of it.

    ``baselines`` has one entry for each condition of the gate: None for min and max, and for a baseline never resolved.
    ``missing_reason`` says why the candidate's scores are missing, where they are. ``price`` is what calling the candidate
    costs, USD per million tokens, None where unknown. ``compared`` is the number of models among which these items chose it.
    """

    declared: DeclaredEval
    candidate: EvaluationRecord | None
    baselines: tuple[BaselineScores | None, ...] = ()
    missing_reason: MissingReason = MissingReason.NOT_EVALUATED
    price: Price | None = None
    compared: int = 1


def seed_of(digest: str) -> int:
    """Gives the seed of an evaluation's resampling: the first 64 bits of its digest."""
    return int(digest[:16], 16)


def judge_evaluations(
    measured: Sequence[MeasuredEval],
    *,
    model: ModelId,
    revision: Revision | None,
    backend: BackendName,
    known: KnownVerdicts | None = None,
) -> Judgement:
    """Gives the judgement of a model: each condition that can be judged, what is missing, and the enforced verdict.

    The verdict is None while scores that an enforced condition needs were never measured. Scores that were measured and
    ended in error make it an error, and stand in ``missing`` too, because the next apply measures them again. What is
    ``known`` is not judged again, and what is judged is remembered there.
    """
    remembered: KnownVerdicts = {} if known is None else known
    judged = tuple(_judge_evaluation(one, remembered) for one in measured)
    missing = tuple(lack for one in measured for lack in _missing(one))
    has_gate = any(one.declared.spec.is_enforced for one in measured)
    enforced = [result.verdict for evaluation in judged for result in evaluation.conditions if result.is_enforced]
    expected = sum(1 for one in measured for condition in one.declared.spec.gate if not condition.shadow)
    return Judgement(
        model=model,
        revision=revision,
        backend=backend,
        evals=judged,
        verdict=worst(enforced) if len(enforced) == expected else None,
        has_gate=has_gate,
        missing=missing,
    )


def _judge_evaluation(one: MeasuredEval, known: KnownVerdicts) -> EvalJudgement:
    record, spec = one.candidate, one.declared.spec
    if record is None:
        return EvalJudgement(name=spec.name, digest=one.declared.digest, is_measured=False)
    results = tuple(
        result
        for condition, baseline in zip(spec.gate, _aligned(one), strict=True)
        if (result := _judge_condition(one, record, condition, baseline, known)) is not None
    )
    scores = [item.score for item in record.items if item.score is not None]
    return EvalJudgement(
        name=spec.name,
        digest=one.declared.digest,
        is_measured=True,
        conditions=results,
        n=len(scores) if scores else sum(item.output is not None for item in record.items if record.error is None),
        left_out=record.left_out,
        is_training_unknown=_is_training_unknown(one),
        mean=mean_of(scores) if scores else None,
        outcomes=Counter(item.outcome for item in record.items if item.outcome is not Outcome.OK),
        error=record.error,
    )


def _is_training_unknown(one: MeasuredEval) -> bool:
    """Whether nobody knows which rows the candidate or a baseline was trained on: none of these could be left out."""
    records = (one.candidate, *(scores.record for scores in one.baselines if scores is not None))
    return any(record is not None and record.is_training_unknown for record in records)


def _aligned(one: MeasuredEval) -> tuple[BaselineScores | None, ...]:
    return one.baselines or (None,) * len(one.declared.spec.gate)


def _judge_condition(
    one: MeasuredEval,
    record: EvaluationRecord,
    condition: Condition,
    baseline: BaselineScores | None,
    known: KnownVerdicts,
) -> ConditionResult | None:
    """Judges one condition; None where its baseline was never resolved or measured."""
    if record.error is not None:
        result = condition_error(condition, f"the evaluation ended in error: {record.error}", n=len(record.items))
    elif one.declared.spec.opponent(condition) is None:
        return _judge_scores(one, record, condition, None, known)
    elif baseline is None or baseline.record is None:
        return None
    elif baseline.record.error is not None:
        result = condition_error(condition, f"the baseline ended in error: {baseline.record.error}")
    elif condition.metric == WIN_RATE:
        return _judge_wins(one, record, condition, baseline, known)
    else:
        result = _judge_scores(one, record, condition, baseline, known)
    if baseline is None:
        return result
    return dataclasses.replace(
        result, baseline_model=baseline.model, baseline_backend=baseline.backend, note=baseline.note
    )


def _judge_scores(
    one: MeasuredEval,
    record: EvaluationRecord,
    condition: Condition,
    baseline: BaselineScores | None,
    known: KnownVerdicts,
) -> ConditionResult:
    """Judges recorded scores, against a measured baseline's or alone."""
    ours, seed = _reading(one, one.price), seed_of(one.declared.digest)
    items = theirs = None
    if baseline is not None and baseline.record is not None:
        items, theirs = baseline.record.items, _reading(one, baseline.price)
    weigh = partial(judge, condition, record.items, items, seed=seed, reading=ours, compared=one.compared)
    if theirs is not None:
        weigh = partial(weigh, baseline_reading=theirs)
    return judge_once(known, condition, weigh, by=(record.items, items, ours, theirs, seed, one.compared))


def _judge_wins(
    one: MeasuredEval, record: EvaluationRecord, condition: Condition, baseline: BaselineScores, verdicts: KnownVerdicts
) -> ConditionResult | None:
    """Judges a win rate; None where a judge was never asked about all pairs."""
    spec, known = one.declared.spec, baseline.preferences
    why = judge_error(known)
    is_open = baseline.record is None or is_unjudged(spec, known, record, baseline.record)
    if known is None or (is_open and why is None):
        return None
    if why is not None:
        result = condition_error(condition, f"the comparison ended in error: {why}", n=len(known.items))
    else:
        seed = seed_of(one.declared.digest)

        def choose(choices: Sequence[ItemScore]) -> ConditionResult:
            weigh = partial(judge_choices, condition, choices, seed=seed, compared=one.compared)
            return judge_once(verdicts, condition, weigh, by=(choices, seed, one.compared))

        result = judge_preferences(spec, known, record, choose)
    return dataclasses.replace(
        result, baseline_model=baseline.model, baseline_backend=baseline.backend, note=baseline.note
    )


def _reading(one: MeasuredEval, price: Price | None) -> Reading:
    grader = one.declared.spec.grader
    return Reading(pass_threshold=pass_threshold_of(grader), bounds=score_bounds(grader), price=price)


def _missing(one: MeasuredEval) -> tuple[Missing, ...]:
    """Lists what an evaluate action would measure: the candidate first, then each baseline once."""
    found: list[Missing] = []
    name, record = one.declared.spec.name, one.candidate
    if record is None:
        found.append(Missing(eval=name, reason=one.missing_reason))
    elif record.error is not None:
        found.append(Missing(eval=name, reason=MissingReason.EVALUATION_ERROR))
    for condition, scores in zip(one.declared.spec.gate, _aligned(one), strict=True):
        opponent = one.declared.spec.opponent(condition)
        if opponent is None:
            continue
        reason = None
        if scores is None or scores.record is None:
            reason = MissingReason.NOT_EVALUATED if record is None else one.missing_reason
        elif scores.record.error is not None or judge_error(scores.preferences) is not None:
            reason = MissingReason.EVALUATION_ERROR
        elif condition.metric == WIN_RATE and record is not None and record.error is None:
            is_missing = is_unjudged(one.declared.spec, scores.preferences, record, scores.record)
            reason = MissingReason.NOT_EVALUATED if is_missing else None
        lack = Missing(eval=name, reason=reason, baseline=opponent) if reason else None
        if lack and lack not in found:
            found.append(lack)
    return tuple(found)
