"""What became of single items: which the candidate won and lost against its baselines, and which came out worst.

Owns putting recorded scores, the dataset's rows and the kept answers together again. It calls nobody: an answer that is kept
no more is reported as gone.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ftops.application.baselines import Candidate
from ftops.application.evaluate import Evaluations
from ftops.application.measurements import Item
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.manifest import BackendName, ModelId
from ftops.domain.records import FineTuneRecord
from ftops.domain.scores import EvaluationRecord, ItemScore
from ftops.evaluation.graders import pass_threshold_of
from ftops.evaluation.identity import row_digest, short_digest
from ftops.evaluation.intervals import mean_of
from ftops.evaluation.pairwise import is_pairwise
from ftops.evaluation.rows import EvalRow, RowProblem, read_row
from ftops.evaluation.win_rates import with_wins
from ftops.ports import ChatAnswer

WORST: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A row: its line in the dataset, counted from 1, and its digest. Several equal rows count as one, at the first."""

    line: int
    row: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Against:
    """Rows that both models have scores of, by who did better. ``asks`` is the baseline's own prompt in words, "" for none."""

    model: ModelId
    backend: BackendName
    asks: str
    won: tuple[Place, ...]
    lost: tuple[Place, ...]
    tied: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One item: its place, the mean score over its repeats, what was sent, and the answer; None where it is kept no more.

    ``read`` is the row as it was sent, None where it can't be read. ``score`` is None where a repeat has none. ``is_lost``
    says that a baseline did better.
    """

    place: Place
    item: ItemScore
    score: float | None
    is_lost: bool
    read: EvalRow | None
    answer: ChatAnswer | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemReport:
    """One evaluation's items. ``worst`` begins with the lowest score, among equal ones with what a baseline did
    better on; perfect items are never among them. ``unscored`` are rows of which an answer has no score, in order.

    ``failed`` is None where nothing says which scores fail. ``commonest`` is the share of the answer that was given most
    often, ``commonest_reference`` that of the reply that is due most often (1 where rows have none).
    """

    name: str
    path: str
    count: int
    failed: int | None
    unscored: tuple[Place, ...]
    against: tuple[Against, ...]
    worst: tuple[Told, ...]
    commonest: float
    commonest_reference: float


def item_reports(
    evaluations: Evaluations, record: FineTuneRecord, declared: Declared, candidate: Candidate
) -> tuple[ItemReport, ...]:
    """Reports on each evaluation of which the candidate's scores are recorded."""
    found = (_Scored.of(evaluations, record, declared, candidate, one) for one in declared.evals)
    return tuple(scored.report() for scored in found if scored is not None)


def failed_items(
    evaluations: Evaluations, record: FineTuneRecord, declared: Declared, candidate: Candidate
) -> Iterator[tuple[DeclaredEval, tuple[Told, ...] | None]]:
    """Gives, for each evaluation that is recorded, the items that failed, in the dataset's order.

    None where scores are graded and no ``pass_threshold`` says which of them fail.
    """
    for one in declared.evals:
        scored = _Scored.of(evaluations, record, declared, candidate, one)
        if scored is not None:
            yield one, None if scored.passing is None else tuple(scored.tell(place) for place in scored.failing())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scored:
    """One evaluation with its rows: where each stands, what was asked of the candidate, and what the ledger has."""

    evaluations: Evaluations
    one: DeclaredEval
    record: EvaluationRecord
    baselines: tuple[tuple[str, EvaluationRecord], ...]
    places: Mapping[str, Place]
    rows: Sequence[Mapping[str, Any]]
    asked: Mapping[tuple[str, int], Item]
    worst_of: Mapping[str, ItemScore]
    scores: Mapping[str, float | None]

    @classmethod
    def of(
        cls,
        evaluations: Evaluations,
        record: FineTuneRecord,
        declared: Declared,
        candidate: Candidate,
        one: DeclaredEval,
    ) -> "_Scored | None":
        subject = evaluations.subject(record, declared, candidate)
        own, *others = subject.measurements(one)
        recorded = own.recorded(record)
        if recorded is None:
            return None
        rows = evaluations.files.rows(one.dataset)
        _, prepared = evaluations.prepared(subject, own, rows)
        asked = {item.identity: item for item in prepared.items}
        places: dict[str, Place] = {}
        for line, row in enumerate(rows, 1):
            digest = row_digest(row)
            places.setdefault(digest, Place(line=line, row=digest))
        compared = [
            (m.asks.in_words if m.asks else "", known) for m in others if (known := m.recorded(record)) is not None
        ]
        baselines = tuple(known for _, known in compared)
        if is_pairwise(one.spec.grader):
            recorded, baselines = with_wins(one.spec, record.preferences, recorded, baselines)
        return cls(
            evaluations=evaluations,
            one=one,
            record=recorded,
            baselines=tuple(zip((asks for asks, _ in compared), baselines, strict=True)),
            places=places,
            rows=rows,
            asked=asked,
            worst_of=_worst_repeats(recorded),
            scores=_mean_scores(recorded),
        )

    def report(self) -> ItemReport:
        failing = self.failing() if self.passing is not None else None
        against = tuple(self._against(asks, baseline) for asks, baseline in self.baselines)
        lost = {place.row for one in against for place in one.lost}

        def from_worst(place: Place) -> tuple[float, bool, int]:
            return _low(self.scores.get(place.row)), place.row not in lost, place.line

        order = sorted(self._imperfect(), key=from_worst)
        return ItemReport(
            name=self.one.spec.name,
            path=self.one.dataset.path,
            count=len(self.scores),
            failed=None if failing is None else len(failing),
            unscored=tuple(self._unscored()),
            against=against,
            worst=tuple(self.tell(place, lost) for place in order[:WORST]),
            commonest=_largest_share(item.output for item in self.worst_of.values()),
            commonest_reference=_largest_share(self._references()),
        )

    @property
    def passing(self) -> float | None:
        """The score from which on an item passes; None where nothing says so, as where answers are compared."""
        if is_pairwise(self.one.spec.grader):
            return None
        threshold = pass_threshold_of(self.one.spec.grader)
        if threshold is not None:
            return threshold
        scores = {item.score for item in self.record.items if item.score is not None}
        return 1.0 if scores <= {0.0, 1.0} else None

    def failing(self) -> tuple[Place, ...]:
        """The rows of which a repeat failed, in the dataset's order. Those without a score are no failures."""
        passing = 1.0 if self.passing is None else self.passing
        failed = {item.row for item in self.record.items if item.score is not None and item.score < passing}
        return tuple(place for row, place in self.places.items() if row in failed)

    def _unscored(self) -> Iterator[Place]:
        """The rows of which an answer has no score; where nothing was compared yet for want of answers, those without one."""
        items = self.record.items
        awaits = is_pairwise(self.one.spec.grader) and any(item.output is None for item in items)
        lacking = {item.row for item in items if (item.output if awaits else item.score) is None}
        return (place for row, place in self.places.items() if row in lacking)

    def tell(self, place: Place, lost: Container[str] = ()) -> Told:
        """Tells of a row's worst answer; ``lost`` are rows that a baseline did better on."""
        item = self.worst_of[place.row]
        asked = self.asked.get((item.row, item.repeat))
        return Told(
            place=place,
            item=item,
            is_lost=place.row in lost,
            score=self.scores.get(place.row),
            read=self._read(place),
            answer=self.evaluations.outputs.get(asked.key) if asked is not None and asked.key else None,
        )

    def _read(self, place: Place) -> EvalRow | None:
        try:
            return read_row(self.rows[place.line - 1], input_messages=self.one.spec.input)
        except RowProblem:
            return None

    def _references(self) -> Iterator[str | None]:
        for place in self.places.values():
            read = self._read(place)
            context = read.context if read is not None else {}
            due = {name: context[name] for name in ("reference", "reference_tools") if name in context}
            yield short_digest(due) if due else None

    def _imperfect(self) -> Iterator[Place]:
        """The rows that could have come out better: failed ones where something says which fail, else those below the best."""
        if self.passing is not None:
            return iter(self.failing())
        best = max((score for score in self.scores.values() if score is not None), default=0.0)
        known = ((place, self.scores.get(row)) for row, place in self.places.items())
        return (place for place, score in known if score is not None and score < max(best, 1.0))

    def _against(self, asks: str, baseline: EvaluationRecord) -> Against:
        threshold = pass_threshold_of(self.one.spec.grader)
        ours, theirs = _mean_scores(self.record, threshold), _mean_scores(baseline, threshold)
        pairs = [
            (place, first, second)
            for row, place in self.places.items()
            if (first := ours.get(row)) is not None and (second := theirs.get(row)) is not None
        ]
        return Against(
            model=ModelId(baseline.model),
            backend=BackendName(baseline.backend),
            asks=asks,
            won=tuple(place for place, first, second in pairs if first > second),
            lost=tuple(place for place, first, second in pairs if first < second),
            tied=sum(first == second for _, first, second in pairs),
        )


def _worst_repeats(record: EvaluationRecord) -> dict[str, ItemScore]:
    """Gives each row's answer with the lowest score, the first of several."""
    found: dict[str, ItemScore] = {}
    for item in record.items:
        known = found.get(item.row)
        if known is None or _low(item.score) < _low(known.score):
            found[item.row] = item
    return found


def _mean_scores(record: EvaluationRecord, threshold: float | None = None) -> dict[str, float | None]:
    """Gives each row's mean over its repeats; with a threshold of passes and failures. None where one has no score."""
    found: defaultdict[str, list[float | None]] = defaultdict(list)
    for item in record.items:
        score = item.score
        found[item.row].append(score if score is None or threshold is None else float(score >= threshold))
    return {
        row: None if None in scores else mean_of([s for s in scores if s is not None]) for row, scores in found.items()
    }


def _largest_share(values: Iterable[str | None]) -> float:
    """Gives the share of the value that occurs most often; 1 where one is missing, or there are none."""
    counts = Counter(values)
    return 1.0 if not counts or None in counts else max(counts.values()) / counts.total()


def _low(score: float | None) -> float:
    """Sorts what has no score before all others."""
    return float("-inf") if score is None else score
