"""Evaluations: what recorded scores say of a model, what is still to be measured, and measuring it.

Owns the service that plan and apply use. It writes no ledger: what it measured comes back as events. The rules of judging are
in ``evaluation``, what an evaluation consists of in ``subject``, calls in ``answering``.
"""

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ftops.application.answering import CONCURRENCY, Answers, answer_all, kept_answers
from ftops.application.baselines import Candidate
from ftops.application.measurements import (
    InputDigest,
    Measurement,
    Prepared,
    known_scores,
    prepare,
    sendable_rows,
    to_record,
)
from ftops.application.subject import EvaluationFiles, Subject
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.events import Compared, Evaluated
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import Backend, BackendName, FewShot, FineTuneName
from ftops.domain.record_types import FORMAT_VERSION
from ftops.domain.records import FineTuneRecord
from ftops.evaluation.few_shot import draw_examples
from ftops.evaluation.judging import judge_evaluations
from ftops.evaluation.prompts import PromptProblem, read_prompt
from ftops.ports import BackendSession, Clock, OutputStore

if TYPE_CHECKING:
    from ftops.graders.programs import RunProgram

EvaluationProgress = Callable[[str, int, int], None]

_NO_ANSWERS = Answers(answers={}, failures={}, called=frozenset())


def unknown_inputs(_sha256: str) -> frozenset[str] | None:
    """Knows the inputs of no training set but the declared one."""
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluations:
    """Evaluates models of this project.

    ``sessions`` are the backends that can be called; ``input_digest`` is that of ``datasets.inputs``. ``trained_inputs`` gives
    the input digests of a training set that is not the declared one, by its SHA-256, None where they are not at hand.
    ``programs`` runs python graders; None where this run runs none.
    """

    files: EvaluationFiles
    outputs: OutputStore
    sessions: Mapping[BackendName, BackendSession]
    clock: Clock
    input_digest: InputDigest
    trained_inputs: Callable[[str], frozenset[str] | None] = unknown_inputs
    backends: Mapping[BackendName, Backend] = field(default_factory=dict)
    concurrency: int = CONCURRENCY
    programs: "RunProgram | None" = None

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
            measured, model=candidate.model, revision=candidate.revision, backend=candidate.backend
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
    ) -> tuple[Evaluated | Compared, ...]:
        """Measures what is missing of one evaluation, or of all: the candidate, then its baselines.

        Gives the events for the ledger: each baseline resolved, each measurement with all its items. Failed items of an
        earlier run are measured again, scored ones are not. ``progress`` hears (what, done, all). Raises Interrupted when
        ``stop`` is set; answers so far are kept.
        """
        subject = self.subject(record, declared, candidate)
        name = FineTuneName(record.name)
        events: list[Evaluated | Compared] = []
        for one in _selected(declared, evaluation):
            now = self.clock.now()
            events.extend(Compared(at=now, fine_tune=name, comparison=c) for c in subject.comparisons(one))
            wanted = subject.wanted(one)
            rows = self.files.rows(one.dataset) if wanted else ()
            events.extend(self._measure(subject, m, rows, stop=stop, progress=progress) for m in wanted)
        return tuple(events)

    def rows_to_call(
        self,
        record: FineTuneRecord,
        declared: Declared,
        *,
        candidate: Candidate,
        evaluation: str | None = None,
    ) -> int:
        """Counts the requests that ``evaluate`` would send: neither scored nor kept on this machine. Calls nothing."""
        subject = self.subject(record, declared, candidate)
        total = 0
        for one in _selected(declared, evaluation):
            measurements = subject.wanted(one)
            rows = self.files.rows(one.dataset) if measurements else ()
            for wanted in measurements:
                measurement, prepared = self.prepared(subject, wanted, rows)
                unscored = {} if measurement.problem else prepared.unscored(known_scores(record, measurement))
                total += len(unscored) - len(kept_answers(tuple(unscored), self.outputs))
        return total

    def subject(self, record: FineTuneRecord, declared: Declared, candidate: Candidate) -> Subject:
        """Gives a candidate with all that its evaluations depend on."""
        return Subject(
            record=record,
            declared=declared,
            candidate=candidate,
            files=self.files,
            trained_inputs=self.trained_inputs,
            backends=self.backends,
        )

    def _measure(
        self,
        subject: Subject,
        wanted: Measurement,
        rows: Sequence[Mapping[str, Any]],
        *,
        stop: threading.Event | None,
        progress: EvaluationProgress | None,
    ) -> Evaluated:
        measurement, prepared = self.prepared(subject, wanted, rows)
        known = known_scores(subject.record, measurement)
        answers = _NO_ANSWERS
        if measurement.problem is None:
            what = f"{measurement.declared.spec.name} of {measurement.model}"
            answers = answer_all(
                prepared.unscored(known),
                session=self.sessions.get(measurement.backend),
                outputs=self.outputs,
                concurrency=self.concurrency,
                stop=stop,
                progress=None if progress is None else lambda done, total: progress(what, done, total),
            )
        now = self.clock.now()
        before = measurement.recorded(subject.record)
        measured = to_record(measurement, prepared, answers, known, before=before, at=now, programs=self.programs)
        return Evaluated(at=now, fine_tune=FineTuneName(subject.record.name), evaluation=measured)

    def prepared(
        self, subject: Subject, wanted: Measurement, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[Measurement, Prepared]:
        """Gives the measurement with its prompt read or drawn, and its items."""
        measurement = self._with_prompt(subject, wanted, rows)
        return measurement, prepare(measurement, rows, self.input_digest)

    def _with_prompt(self, subject: Subject, wanted: Measurement, rows: Sequence[Mapping[str, Any]]) -> Measurement:
        if wanted.asks is None:
            return wanted
        if isinstance(wanted.asks, FewShot):
            examples = draw_examples(
                self.files.rows(subject.declared.train),
                sendable_rows(rows, wanted.declared),
                k=wanted.asks.k,
                seed=wanted.asks.seed,
            )
            return dataclasses.replace(wanted, prompt=examples)
        try:
            return dataclasses.replace(wanted, prompt=read_prompt(self.files.text(wanted.asks.path)))
        except PromptProblem as problem:
            return dataclasses.replace(wanted, problem=f"{wanted.asks.path}: {problem}")


def _selected(declared: Declared, evaluation: str | None) -> tuple[DeclaredEval, ...]:
    return tuple(one for one in declared.evals if evaluation in {None, one.spec.name})
