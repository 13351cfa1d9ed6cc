"""Preferences as the ledger records them: which of two models' answers to the same row is the better one.

Owns the record, by whom it was said (a judging model or people) and which of it still counts: what was said of two answers
counts as long as these are the recorded ones. How judgements become wins is ``evaluation.pairwise``'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from ftops.domain.record_types import Count, Digest, Id, ItemDigest, Moment, Name, Record, Text
from ftops.domain.scores import EvaluationRecord

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class PairItem(msgspec.Struct, frozen=True, array_like=True):
    """What was said of a candidate's and a baseline's answer to one row.

    ``candidate`` and ``baseline`` are the answers' digests. ``win`` is 1 where the candidate's is preferred, 0 where the
    baseline's is, 0.5 where neither is; None where the judge failed. ``is_order_dependent`` where the judge preferred another
    one, or none, once the two had changed places. ``votes`` counts the people who chose.
    """

    row: ItemDigest
    repeat: Count
    candidate: ItemDigest
    baseline: ItemDigest
    win: Share | None
    is_order_dependent: bool = False
    votes: Count = 0


class PreferenceRecord(Record, frozen=True, kw_only=True):
    """The preferences between two models under one evaluation, said by one judge or by people (``grader`` None).

    ``digest`` is the evaluation's; ``sent`` and ``baseline_sent`` are those of the two models' evaluation records. People's
    ``agreement`` is the share of pairs of choices about one item that are the same, None where no two chose for one item.
    """

    name: Name
    digest: Digest
    grader: Digest | None = None
    candidate: Id
    backend: Name
    sent: Digest
    baseline: Id
    baseline_backend: Name
    baseline_sent: Digest
    at: Moment
    items: tuple[PairItem, ...] = ()
    annotators: Count = 0
    agreement: Share | None = None
    judge_calls: Count = 0
    judge_input_tokens: Count = 0
    judge_output_tokens: Count = 0
    error: Text | None = None

    @property
    def about(self) -> tuple[str, ...]:
        """What two such records are about alike: the later one takes the other's place."""
        return (self.digest, self.grader or "", *self.between)

    @property
    def between(self) -> tuple[str, ...]:
        """The two models, as they were asked."""
        return self.candidate, self.backend, self.sent, self.baseline, self.baseline_backend, self.baseline_sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The recorded answers of a candidate and a baseline to one row, by their digests."""

    row: str
    repeat: int
    candidate: str
    baseline: str

    @property
    def is_same(self) -> bool:
        """Whether both said the very same."""
        return self.candidate == self.baseline


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPreferences:
    """What counts of recorded preferences: by pair, and how many were said of answers that are no longer the recorded ones."""

    items: Mapping[Pair, PairItem]
    stale: int = 0
    records: tuple[PreferenceRecord, ...] = ()


def with_preferences(known: Sequence[PreferenceRecord], new: PreferenceRecord) -> tuple[PreferenceRecord, ...]:
    """Gives the records with a new one, in place of that about the same."""
    return (*(old for old in known if old.about != new.about), new)


def is_between(record: PreferenceRecord, candidate: EvaluationRecord, baseline: EvaluationRecord) -> bool:
    """Whether preferences are about the models of two evaluation records, asked in the same way."""
    ours, theirs = ((e.model, e.backend, e.sent) for e in (candidate, baseline))
    return record.between == (*ours, *theirs)


def known_preferences(
    records: Iterable[PreferenceRecord],
    candidate: EvaluationRecord,
    baseline: EvaluationRecord,
    pairs: Iterable[Pair],
    *,
    grader: str | None,
) -> KnownPreferences:
    """Gives what one judge, by its grader's digest, or people (None) said of these pairs; the newest word counts.

    It counts under whichever evaluation it was said: what is compared are two answers, whatever else was scored.
    """
    wanted = {(pair.row, pair.repeat, pair.candidate, pair.baseline): pair for pair in pairs}
    rows = {key[:2] for key in wanted}
    used = tuple(r for r in records if r.grader == grader and is_between(r, candidate, baseline))
    found: dict[Pair, PairItem] = {}
    stale: set[tuple[str, int]] = set()
    for item in (item for record in used for item in record.items):
        pair = wanted.get((item.row, item.repeat, item.candidate, item.baseline))
        if pair is not None:
            found[pair] = item
        elif (item.row, item.repeat) in rows:
            stale.add((item.row, item.repeat))
    stale -= {(pair.row, pair.repeat) for pair in found}
    return KnownPreferences(items=found, stale=len(stale), records=used)
