"""Evaluations: what recorded scores say of a model, what is still to be measured, and measuring it.

Owns the service that plan and apply use. It writes no ledger: what it measured comes back as events. The rules of judging are
in ``evaluation``, what an evaluation consists of in ``subject``, calls in ``measuring``.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ftops.application.baselines import Candidate
from ftops.application.contests import Contest, SideBySide, kept_side_by_side
from ftops.application.measurements import (
    InputDigest,
    Items,
    Measurement,
    Prepared,
    count_unanswered,
    has_unisolated_scores,
    known_scores,
    prepare,
)
from ftops.application.other_backends import Reach, not_at_hand, sessions_with
from ftops.application.pairwise import Judging, judge_pairs, unjudged
from ftops.application.subject import EvaluationFiles, Subject
from ftops.application.tempo import with_tempo
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.durations import ASKED_AT_ONCE
from ftops.domain.events import Compared, Evaluated, Preferred
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import Backend, BackendName, FewShot, FineTuneName, ModelId
from ftops.domain.preferences import Pair
from ftops.domain.record_types import FORMAT_VERSION
from ftops.domain.records import FineTuneRecord
from ftops.domain.replay import record_after
from ftops.evaluation.judging import judge_evaluations
from ftops.evaluation.known_verdicts import Judged, KnownVerdicts
from ftops.evaluation.pairwise import is_pairwise
from ftops.evaluation.prompts import PromptProblem, read_prompt
from ftops.ports import BackendSession, Clock, OutputStore
from ftops.ports.programs import Programs

if TYPE_CHECKING:
    from ftops.application.line import Patience

EvaluationProgress = Callable[[str, int, int], None]

CONCURRENCY: Final = ASKED_AT_ONCE


def unknown_inputs(_sha256: str) -> frozenset[str] | None:
    """Knows the inputs of no training set but the declared one."""
    return None


def no_training_set(_backend: BackendName, _model: ModelId) -> str | None:
    """Knows no model of another fine-tune."""
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluations:
    """Evaluates models of this project.

    ``sessions`` are the backends that can be called, ``reach`` opens another one for a baseline; ``input_digest`` is that of
    ``datasets.inputs``. ``trained_inputs`` gives the input digests of a training set that is not the declared one, by its
    SHA-256, None where they are not at hand;
    ``training_set`` that SHA-256 of a model which another fine-tune made.
    ``programs`` runs python graders; None where this run runs none. ``concurrency`` bounds the requests under way,
    ``patience`` says how often a failed one is repeated, ``verdicts`` what conditions came to before.
    """

    files: EvaluationFiles
    outputs: OutputStore
    sessions: Mapping[BackendName, BackendSession]
    clock: Clock
    input_digest: InputDigest
    reach: Reach = not_at_hand
    trained_inputs: Callable[[str], frozenset[str] | None] = unknown_inputs
    training_set: Callable[[BackendName, ModelId], str | None] = no_training_set
    backends: Mapping[BackendName, Backend] = field(default_factory=dict)
    concurrency: int = CONCURRENCY
    programs: Programs | None = None
    patience: "Patience | None" = None
    verdicts: KnownVerdicts = field(default_factory=dict[str, Judged])

    def judgement(
        self,
        record: FineTuneRecord | None,
        declared: Declared,
        *,
        candidate: Candidate,
    ) -> Judgement:
        """Judges a model by recorded scores alone: calls nothing, and reads no more than the baselines' prompt files.

        What is missing, or ended in error, is listed in ``missing``.
        """
        known = record or FineTuneRecord(format_version=FORMAT_VERSION, name=declared.name)
        subject = self.subject(known, declared, candidate)
        measured = [subject.measured(one) for one in declared.evals]
        return judge_evaluations(
            measured,
            model=candidate.model,
            revision=candidate.revision,
            backend=candidate.backend,
            known=self.verdicts,
        )

    def evaluate(
        self,
        record: FineTuneRecord,
        declared: Declared,
        *,
        candidate: Candidate,
        evaluation: str | None = None,
        stop: threading.Event | None = None,
        progress: EvaluationProgress | None = None,
    ) -> tuple[Evaluated | Compared | Preferred, ...]:
        """Measures what is missing of one evaluation, or of all: the candidate, its baselines, then what a judge prefers.

        Gives the events for the ledger: each baseline resolved, each measurement with all its items, each comparison. Failed
        items of an earlier run are measured again, scored ones are not. ``progress`` hears (what, done, all). Raises
        Interrupted when ``stop`` is set; answers so far are kept.
        """
        subject = self.subject(record, declared, candidate)
        name = FineTuneName(record.name)
        events: list[Evaluated | Compared | Preferred] = []
        for one in _selected(declared, evaluation):
            now = self.clock.now()
            events.extend(Compared(at=now, fine_tune=name, comparison=c) for c in subject.comparisons(one))
            wanted = subject.wanted(one)
            events.extend(self._measure(subject, m, stop=stop, progress=progress) for m in wanted)
            if is_pairwise(one.spec.grader):
                measured = dataclasses.replace(subject, record=record_after(record, events))
                events.extend(self._compare(measured, one, stop=stop, progress=progress))
        return tuple(events)

    def side_by_side(
        self, record: FineTuneRecord, declared: Declared, *, candidate: Candidate, evaluation: str
    ) -> tuple[tuple[Contest, tuple[SideBySide, ...]], ...]:
        """Gives the candidate's recorded answers beside those of each baseline, with the texts that are kept here."""
        subject = self.subject(record, declared, candidate)
        contests = [c for one in _selected(declared, evaluation) for c in subject.contests(one)]
        return tuple((c, tuple(self._kept(subject, c, c.pairs))) for c in contests)

    def rows_to_call(
        self, record: FineTuneRecord, declared: Declared, *, candidate: Candidate, evaluation: str | None = None
    ) -> int:
        """Counts the requests that ``evaluate`` would send: neither scored nor kept on this machine. Calls nothing."""
        due = self.calls_due(record, declared, candidate=candidate, evaluation=evaluation)
        return sum(count for _, count in due)

    def calls_due(
        self, record: FineTuneRecord, declared: Declared, *, candidate: Candidate, evaluation: str | None = None
    ) -> Iterator[tuple[Measurement, int]]:
        """Gives what ``evaluate`` would measure, each with its prompt and the number of its requests. Calls nothing."""
        subject = self.subject(record, declared, candidate)
        for one in _selected(declared, evaluation):
            for wanted in subject.wanted(one):
                measurement = self._with_prompt(subject, wanted)
                if not measurement.problem:
                    known = known_scores(record, measurement)
                    yield measurement, count_unanswered(self._items(measurement), known, self.outputs)

    def subject(self, record: FineTuneRecord, declared: Declared, candidate: Candidate) -> Subject:
        """Gives a candidate with all that its evaluations depend on."""
        return Subject(
            record=record,
            declared=declared,
            candidate=candidate,
            files=self.files,
            trained_inputs=self.trained_inputs,
            training_set=self.training_set,
            backends=self.backends,
        )

    def _measure(
        self,
        subject: Subject,
        wanted: Measurement,
        *,
        stop: threading.Event | None,
        progress: EvaluationProgress | None,
        again: frozenset[tuple[str, int]] = frozenset(),
    ) -> Evaluated:
        """Measures what is not known; of what is, the rows and repeats of ``again`` once more."""
        # A plan measures nothing.
        from ftops.application.measured import Measured, evaluation_record
        from ftops.application.measuring import Means, measure

        measurement = self._with_prompt(subject, wanted)
        items = self._items(measurement)
        measured = Measured(failed=1, why=measurement.problem or "")
        if measurement.problem is None:
            what = f"{measurement.declared.spec.name} of {measurement.model}"
            sessions, why_not = sessions_with(measurement.backend, self.sessions, self.reach)
            means = Means(
                sessions=sessions,
                why_not=why_not,
                judging=subject.candidate.backend,
                outputs=self.outputs,
                programs=self.programs,
                concurrency=self.concurrency,
                patience=self.patience,
                stop=stop,
                progress=None if progress is None else with_tempo(progress, what, self.clock),
            )
            known = known_scores(subject.record, measurement)
            known = {row: score for row, score in known.items() if row not in again}
            contexts = (item.context for item in self._items(measurement))  # read only where a grader needs them all
            measured = measure(measurement, items, known, means, contexts=contexts)
            if has_unisolated_scores(subject.record, measurement):
                measured.isolation = "none"  # its scores stay in the record, so that stays true of it
        now = self.clock.now()
        before = measurement.recorded(subject.record)
        record = evaluation_record(measurement, measured, items, before=before, at=now)
        return Evaluated(at=now, fine_tune=FineTuneName(subject.record.name), evaluation=record)

    def _items(self, measurement: Measurement) -> Items:
        rows = self.files.each_row(measurement.declared.dataset)
        return Items(measurement=measurement, rows=rows, input_digest=self.input_digest)

    def _compare(
        self,
        subject: Subject,
        one: DeclaredEval,
        *,
        stop: threading.Event | None,
        progress: EvaluationProgress | None,
    ) -> Iterator[Evaluated | Preferred]:
        """Has the judge of a pairwise grader compare what was measured without an error.

        Models whose answers are recorded but no longer kept here, for the judge to read, are asked again first.
        """
        for measurement, rows in tuple(self._gone(subject, one)):
            answered = self._measure(subject, measurement, stop=stop, progress=progress, again=rows)
            subject = dataclasses.replace(subject, record=record_after(subject.record, [answered]))
            yield answered
        for contest in subject.contests(one):
            known = contest.known(subject.record.preferences)
            open_pairs = unjudged(contest.pairs, known)
            if contest.is_failed or not open_pairs:
                continue
            judging = Judging(
                backend=subject.candidate.backend,
                session=self.sessions.get(subject.candidate.backend),
                outputs=self.outputs,
                asked_for=subject.candidate.keeps_for,
                stop=stop,
                progress=None if progress is None else partial(progress, f"{one.spec.name}, pairs"),
            )
            now = self.clock.now()
            said = judge_pairs(contest, known, self._kept(subject, contest, open_pairs), judging, at=now)
            yield Preferred(at=now, fine_tune=FineTuneName(subject.record.name), preferences=said)

    def _gone(self, subject: Subject, one: DeclaredEval) -> Iterator[tuple[Measurement, frozenset[tuple[str, int]]]]:
        """Gives the rows and repeats that a judge has to read, and whose answers are not kept here."""
        for contest in subject.contests(one):
            open_pairs = unjudged(contest.pairs, contest.known(subject.record.preferences))
            wanted = [] if contest.is_failed else [pair for pair in open_pairs if not pair.is_same]
            kept = {side.pair for side in self._kept(subject, contest, wanted)} if wanted else set()
            gone = frozenset((pair.row, pair.repeat) for pair in wanted if pair not in kept)
            if gone:
                yield contest.candidate, gone
                yield contest.baseline, gone

    def _kept(self, subject: Subject, contest: Contest, pairs: Sequence[Pair]) -> Iterator[SideBySide]:
        rows = self.files.rows(contest.candidate.declared.dataset)
        ours, theirs = (self.prepared(subject, m, rows)[1].items for m in (contest.candidate, contest.baseline))
        return kept_side_by_side(pairs, ours=ours, theirs=theirs, outputs=self.outputs)

    def prepared(
        self, subject: Subject, wanted: Measurement, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[Measurement, Prepared]:
        """Gives the measurement with its prompt read or drawn, and its items."""
        measurement = self._with_prompt(subject, wanted)
        return measurement, prepare(measurement, rows, self.input_digest)

    def _with_prompt(self, subject: Subject, wanted: Measurement) -> Measurement:
        """Gives the measurement with its prompt read or drawn."""
        if wanted.asks is None:
            return wanted
        if isinstance(wanted.asks, FewShot):
            return dataclasses.replace(wanted, prompt=subject.examples(wanted.declared, wanted.asks))
        try:
            return dataclasses.replace(wanted, prompt=read_prompt(self.files.text(wanted.asks.path)))
        except PromptProblem as problem:
            return dataclasses.replace(wanted, problem=f"{wanted.asks.path}: {problem}")


def _selected(declared: Declared, evaluation: str | None) -> tuple[DeclaredEval, ...]:
    return tuple(one for one in declared.evals if evaluation in {None, one.spec.name})
