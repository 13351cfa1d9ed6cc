"""Has a judge compare two models' answers, pair by pair and in both orders.

Owns which pairs are judged at all: those that have no judgement yet, or that failed; two answers that are the very same are a
tie without asking. How two judgements become a win is ``evaluation.pairwise``'s; how judges are asked ``grading``'s.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ftops.application.contests import Contest, SideBySide, preference_record
from ftops.application.grading import grade_all
from ftops.domain.manifest import BackendName
from ftops.domain.preferences import KnownPreferences, Pair, PairItem, PreferenceRecord
from ftops.evaluation.graders import GraderProblem
from ftops.evaluation.pairwise import both_orders, label_of, parse_pairwise, win_of
from ftops.graders.samples import sample_context
from ftops.ports import BackendSession, ChatAnswer, OutputStore

if TYPE_CHECKING:
    from ftops.graders.grading import Grade
    from ftops.graders.kinds import Grader, LabelModel

_LONGEST_REASON: Final = 1000
_GONE: Final = "the answers are not kept on this machine any more"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judging:
    """Where judges are asked, and where their replies are kept; ``progress`` hears (pairs judged, all).

    ``asked_for`` is the candidate: what an undated judge said counts for no other one. ``session`` is that of ``backend``.
    """

    backend: BackendName
    session: BackendSession | None
    outputs: OutputStore
    asked_for: str
    stop: threading.Event | None = None
    progress: Callable[[int, int], None] | None = None


def unjudged(pairs: Iterable[Pair], known: KnownPreferences) -> tuple[Pair, ...]:
    """Gives the pairs that no judge has a preference for: never asked, or failed."""
    return tuple(pair for pair in pairs if (item := known.items.get(pair)) is None or item.win is None)


def judge_pairs(
    contest: Contest, known: KnownPreferences, sides: Iterable[SideBySide], judging: Judging, *, at: datetime
) -> PreferenceRecord:
    """Asks about every pair that is not judged yet, each twice, and gives the record of all pairs of the contest.

    ``sides`` are the texts of pairs to be asked about, as far as they are kept. A pair whose judge failed in either order, or
    whose texts are gone, has no win, and makes the record an error: it is asked about again by the next run. Raises
    Interrupted when ``stop`` is set; what judges replied so far is kept.
    """
    open_pairs = unjudged(contest.pairs, known)
    items = {pair: item for pair, item in known.items.items() if item.win is not None}
    items |= {pair: _item(pair, 0.5, is_order_dependent=False) for pair in open_pairs if pair.is_same}
    asked = [pair for pair in open_pairs if not pair.is_same]
    before = next((r for r in reversed(known.records) if r.digest == contest.candidate.declared.digest), None)
    try:
        grader = parse_pairwise(contest.candidate.declared.spec.grader)
    except GraderProblem as problem:
        return _record(contest, items, before, {}, why=str(problem), at=at)
    grades = _ask(grader, sides, judging, len(asked))
    problems: list[str] = []
    for pair in asked:
        win, is_dependent, why = _judged(grader, grades.get(_key(pair, "straight")), grades.get(_key(pair, "turned")))
        items[pair] = _item(pair, win, is_order_dependent=is_dependent)
        problems += [why] if why else []
    why = f"{len(problems)} of {len(contest.pairs)} pairs without a judgement: {problems[0]}" if problems else None
    return _record(contest, items, before, grades, why=why, at=at)


def _ask(grader: "LabelModel", sides: Iterable[SideBySide], judging: Judging, total: int) -> "Mapping[str, Grade]":
    progress = judging.progress
    return grade_all(
        _work(grader, sides),
        session=judging.session,
        outputs=judging.outputs,
        backend=judging.backend,
        asked_for=judging.asked_for,
        stop=judging.stop,
        progress=None if progress is None else lambda done: progress(done // 2, total),
    )


def _work(grader: "LabelModel", sides: Iterable[SideBySide]) -> "Iterator[tuple[str, Grader, Mapping[str, Any]]]":
    for one in sides:
        if one.pair.is_same:
            continue
        orders = both_orders(one.item.context, candidate=_sample(one.ours), baseline=_sample(one.theirs))
        yield _key(one.pair, "straight"), grader, orders.straight
        yield _key(one.pair, "turned"), grader, orders.turned


def _judged(
    grader: "LabelModel", straight: "Grade | None", turned: "Grade | None"
) -> tuple[float | None, bool, str | None]:
    """Gives the win, whether the order made the difference, and why there is no win."""
    if straight is None or turned is None:
        return None, False, _GONE
    labels = label_of(straight, grader.labels), label_of(turned, grader.labels)
    if labels[0] is None or labels[1] is None:
        return None, False, straight.why or turned.why or "the judge's answer is none of the labels"
    return *win_of(labels[0], labels[1]), None


def _record(
    contest: Contest,
    items: Mapping[Pair, PairItem],
    before: PreferenceRecord | None,
    grades: "Mapping[str, Grade]",
    *,
    why: str | None,
    at: datetime,
) -> PreferenceRecord:
    replies = [reply for grade in grades.values() for reply in grade.replies]
    return preference_record(
        contest,
        (items[pair] for pair in contest.pairs if pair in items),
        grader=contest.candidate.grader,
        at=at,
        judge_calls=len(replies) + (before.judge_calls if before else 0),
        judge_input_tokens=sum(r.prompt_tokens for r in replies) + (before.judge_input_tokens if before else 0),
        judge_output_tokens=sum(r.completion_tokens for r in replies) + (before.judge_output_tokens if before else 0),
        error=why[:_LONGEST_REASON] if why else None,
    )


def _item(pair: Pair, win: float | None, *, is_order_dependent: bool) -> PairItem:
    return PairItem(
        row=pair.row,
        repeat=pair.repeat,
        candidate=pair.candidate,
        baseline=pair.baseline,
        win=win,
        is_order_dependent=is_order_dependent,
    )


def _key(pair: Pair, order: str) -> str:
    return f"{pair.row} {pair.repeat} {pair.candidate} {pair.baseline} {order}"


def _sample(answer: ChatAnswer) -> Mapping[str, Any]:
    return sample_context(answer.text, answer.tool_calls)
