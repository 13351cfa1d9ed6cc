"""Two models' answers to the same rows, side by side: what a judge or people choose between.

Owns how recorded answers are found again among those kept on this machine. It asks nobody, and reads no choice.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ftops.application.measurements import Item, Measurement, output_digest
from ftops.domain.preferences import KnownPreferences, Pair, PairItem, PreferenceRecord
from ftops.domain.scores import EvaluationRecord
from ftops.evaluation.pairwise import recorded_pairs
from ftops.evaluation.win_rates import said_of
from ftops.ports import ChatAnswer, OutputStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """A candidate and a baseline under one evaluation, and what is recorded of both."""

    candidate: Measurement
    baseline: Measurement
    ours: EvaluationRecord
    theirs: EvaluationRecord

    @property
    def is_failed(self) -> bool:
        """Whether one of the two has no answer to some row: there is nothing to compare yet."""
        return self.ours.error is not None or self.theirs.error is not None

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of recorded answers, in the order of the candidate's."""
        return recorded_pairs(self.ours.items, self.theirs.items)

    @property
    def between(self) -> tuple[str, ...]:
        """The two models, as they were asked."""
        return tuple(word for e in (self.ours, self.theirs) for word in (e.model, e.backend, e.sent))

    def known(self, records: Iterable[PreferenceRecord]) -> KnownPreferences:
        """Gives what was said of these pairs by whoever is to choose."""
        return said_of(self.candidate.declared.spec, tuple(records), self.ours, self.theirs)


@dataclass(frozen=True, kw_only=True, slots=True)
class SideBySide:
    """One pair with its texts. ``item`` is the candidate's: the row's context, and what was asked before any own prompt."""

    pair: Pair
    item: Item
    ours: ChatAnswer
    theirs: ChatAnswer


def kept_side_by_side(
    pairs: Iterable[Pair],
    *,
    ours: Iterable[Item],
    theirs: Iterable[Item],
    outputs: OutputStore,
) -> Iterator[SideBySide]:
    """Gives those of ``pairs`` whose answers are kept here, in their order.

    ``ours`` and ``theirs`` are the items of both measurements. What is kept under a row's request counts only where it is
    the recorded answer: a model that was asked again may have said something else.
    """
    mine, others = _by_identity(ours), _by_identity(theirs)
    for pair in pairs:
        item, other = mine.get((pair.row, pair.repeat)), others.get((pair.row, pair.repeat))
        if item is None or other is None:
            continue
        answers = outputs.get(item.key), outputs.get(other.key)
        if answers[0] is None or answers[1] is None:
            continue
        if (output_digest(answers[0]), output_digest(answers[1])) == (pair.candidate, pair.baseline):
            yield SideBySide(pair=pair, item=item, ours=answers[0], theirs=answers[1])


def preference_record(contest: Contest, items: Iterable[PairItem], **about: object) -> PreferenceRecord:
    """Makes the record of a contest's preferences; ``about`` are its other fields."""
    return PreferenceRecord(
        name=contest.candidate.declared.spec.name,
        digest=contest.candidate.declared.digest,
        candidate=contest.ours.model,
        backend=contest.ours.backend,
        sent=contest.ours.sent,
        baseline=contest.theirs.model,
        baseline_backend=contest.theirs.backend,
        baseline_sent=contest.theirs.sent,
        items=tuple(items),
        **about,  # type: ignore[arg-type]
    )


def _by_identity(items: Iterable[Item]) -> Mapping[tuple[str, int], Item]:
    return {item.identity: item for item in items if item.request is not None}
