"""Judges win rates: what is recorded of preferences, as the scores that a gate weighs.

Owns when preferences are missing, in error or too few, and the words for that; ``gates`` reaches the verdict over the wins.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from ftops.domain.judgement import ConditionResult, Verdict
from ftops.domain.manifest import EvalSpec
from ftops.domain.preferences import KnownPreferences, Pair, PairItem, PreferenceRecord, known_preferences
from ftops.domain.scores import EvaluationRecord, ItemScore
from ftops.evaluation.identity import grader_digest
from ftops.evaluation.pairwise import is_pairwise, recorded_pairs

Judge = Callable[[Sequence[ItemScore]], ConditionResult]
"""Judges a condition by choices: scores of 1 for a win, 0.5 for a tie, 0 for a loss."""


def said_of(
    spec: EvalSpec, records: Sequence[PreferenceRecord], candidate: EvaluationRecord, baseline: EvaluationRecord
) -> KnownPreferences:
    """Gives what counts of the preferences between two models: the judge's of a pairwise grader, else people's."""
    pairs = recorded_pairs(candidate.items, baseline.items)
    grader = grader_digest(spec.grader) if is_pairwise(spec.grader) else None
    return known_preferences(records, candidate, baseline, pairs, grader=grader)


def is_unjudged(
    spec: EvalSpec, known: KnownPreferences | None, candidate: EvaluationRecord, baseline: EvaluationRecord
) -> bool:
    """Whether a pairwise grader has pairs left that its judge was never asked about. People are never asked by ftops."""
    if not is_pairwise(spec.grader):
        return False
    pairs = recorded_pairs(candidate.items, baseline.items)
    return known is None or any(pair not in known.items for pair in pairs)


def judge_error(known: KnownPreferences | None) -> str | None:
    """Gives why a judge has no preference for some pair although it was asked; None where it has one for all."""
    newest = known.records[-1].error if known and known.records else None
    failed = sum(item.win is None for item in known.items.values()) if known else 0
    return newest or (f"{failed} pair{'' if failed == 1 else 's'} without a judgement" if failed else None)


def judge_preferences(
    spec: EvalSpec, known: KnownPreferences, candidate: EvaluationRecord, judge: Judge
) -> ConditionResult:
    """Judges a win rate by the pairs that have a preference.

    Where people are to choose and have not, the result is insufficient evidence, and says how to ask them.
    """
    wins = _by_answer(known.items)
    ours = [item for item in candidate.items if (item.row, item.repeat, item.output) in wins]
    scored = [_scored(item, wins[item.row, item.repeat, item.output or ""].win) for item in ours]
    result = judge(scored)
    if not scored:
        result = dataclasses.replace(result, verdict=Verdict.INSUFFICIENT_EVIDENCE, sentence=_nobody_chose(spec))
    sentence = "; ".join([result.sentence, *_remarks(spec, known, candidate, len(scored))])
    return dataclasses.replace(result, sentence=sentence)


def with_comparisons(candidate: EvaluationRecord, known: Iterable[KnownPreferences | None]) -> EvaluationRecord:
    """Gives a candidate's record with what judges took who compared it, each comparison counted once."""
    said = {record.about: record for one in known if one is not None for record in one.records if record.grader}
    return msgspec.structs.replace(
        candidate,
        judge_calls=candidate.judge_calls + sum(record.judge_calls for record in said.values()),
        judge_input_tokens=candidate.judge_input_tokens + sum(r.judge_input_tokens for r in said.values()),
        judge_output_tokens=candidate.judge_output_tokens + sum(r.judge_output_tokens for r in said.values()),
    )


def with_wins(
    spec: EvalSpec,
    records: Sequence[PreferenceRecord],
    candidate: EvaluationRecord,
    baselines: Sequence[EvaluationRecord],
) -> tuple[EvaluationRecord, tuple[EvaluationRecord, ...]]:
    """Gives evaluation records of a pairwise grader with what their items won as scores, for who lists items.

    The candidate's are its wins against the first baseline; each baseline's differ from them by d = 2w − 1, as gates have it.
    """
    ours: EvaluationRecord | None = None
    theirs: list[EvaluationRecord] = []
    for baseline in baselines:
        wins = _by_answer(said_of(spec, records, candidate, baseline).items)
        found = {(row, repeat): item.win for (row, repeat, _), item in wins.items()}
        ours = ours or _rescored(candidate, found)
        own = {(item.row, item.repeat): item.score for item in ours.items}
        theirs.append(_rescored(baseline, {key: _less(own.get(key), win) for key, win in found.items()}))
    return ours or candidate, tuple(theirs)


def _less(own: float | None, win: float | None) -> float | None:
    return None if own is None or win is None else own - (2 * win - 1)


def _rescored(record: EvaluationRecord, scores: Mapping[tuple[str, int], float | None]) -> EvaluationRecord:
    items = tuple(msgspec.structs.replace(item, score=scores.get((item.row, item.repeat))) for item in record.items)
    return msgspec.structs.replace(record, items=items)


def _by_answer(items: Mapping[Pair, PairItem]) -> Mapping[tuple[str, int, str | None], PairItem]:
    return {(pair.row, pair.repeat, pair.candidate): item for pair, item in items.items()}


def _scored(item: ItemScore, win: float | None) -> ItemScore:
    return msgspec.structs.replace(item, score=win, mark=None, expected=None)


def _nobody_chose(spec: EvalSpec) -> str:
    if is_pairwise(spec.grader):
        return "no item is left to judge by"
    return (
        f"nobody has chosen between these answers: ftops eval NAME --eval {spec.name} --export-pairs FILE writes them for "
        "people, and --import-labels FILE takes what they chose"
    )


def _remarks(spec: EvalSpec, known: KnownPreferences, candidate: EvaluationRecord, n: int) -> Iterator[str]:
    """Says what a win rate rests on: how often the order decided, who chose, what does not count."""
    if is_pairwise(spec.grader):
        dependent = sum(item.is_order_dependent for item in known.items.values())
        if dependent:
            yield f"{dependent} of {n} pairs depended on the order and count half"
        return
    if n:
        unchosen = sum(item.output is not None for item in candidate.items) - n
        votes = sum(item.votes for item in known.items.values())
        yield f"chosen by people, {votes} choices" + (f"; {unchosen} items without one" if unchosen else "")
    if known.stale:
        yield f"{known.stale} choices don't count: their answers are no longer the recorded ones"
