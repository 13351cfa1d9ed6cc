"""What the ledger holds: one record of the project and one of each fine-tune, as they stand in the branch's files.

Owns the shapes, their JSON form (``schemas/ledger.v1.json`` is generated from them) and the questions that can be answered
from them alone. ``domain.events`` changes them; ``adapters.git_ledger`` stores them. The ledger is foreign input: decoding
checks every id's pattern, and a record that breaks it is refused whole.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from ftops.domain.attempts import Attempt, JobRecord, JobStatus, Request, RequestKind
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.preferences import PreferenceRecord
from ftops.domain.record_types import Address, Count, Digest, Id, Moment, Name, Record, ShortDigest, Text, TrainedOn
from ftops.domain.scores import Comparison, EvaluationRecord


class DatasetRecord(Record, frozen=True, kw_only=True):
    """A dataset that a revision was trained on."""

    path: Text
    sha256: TrainedOn
    rows: Count
    tokens: Count = 0


class RevisionRecord(Record, frozen=True, kw_only=True):
    """One revision of a fine-tune: what it stands for, and its attempts on each backend."""

    spec: dict[str, Any]
    train: DatasetRecord
    validation: DatasetRecord | None = None
    declared_at: Moment
    commit: Id | None = None
    attempts: dict[Name, tuple[Attempt, ...]] = {}

    def on(self, backend: BackendName) -> tuple[Attempt, ...]:
        """The attempts on one backend, oldest first."""
        return self.attempts.get(backend, ())

    def latest(self, backend: BackendName) -> Attempt | None:
        """The newest attempt on a backend."""
        attempts = self.on(backend)
        return attempts[-1] if attempts else None

    def trained_job(self, backend: BackendName) -> JobRecord | None:
        """The job whose model this revision has on that backend: the newest one that has not lost it."""
        jobs = (attempt.job for attempt in reversed(self.on(backend)))
        return next((job for job in jobs if job and _has_model(job)), None)


def _has_model(job: JobRecord) -> bool:
    return job.status is JobStatus.SUCCEEDED and job.model is not None and not job.is_model_lost


class Target(Record, frozen=True, kw_only=True):
    """What an alias points to."""

    backend: Name
    revision: ShortDigest
    model: Id


class AliasMove(Record, frozen=True, kw_only=True):
    """One step in an alias's history; ``target`` is None where it was retired."""

    at: Moment
    target: Target | None
    reason: Text
    commit: Id | None = None
    override: Text | None = None


class AliasRecord(Record, frozen=True, kw_only=True):
    """An alias and where it has pointed, oldest first."""

    history: tuple[AliasMove, ...] = ()

    @property
    def target(self) -> Target | None:
        """What the alias points to now."""
        return self.history[-1].target if self.history else None

    @property
    def is_retired(self) -> bool:
        """Whether its line was removed from the manifest."""
        return bool(self.history) and self.history[-1].target is None


class Passed(Record, frozen=True, kw_only=True):
    """A model that passed the gates of its day: what a pin may go back to although the gates have changed."""

    backend: Name
    revision: ShortDigest
    model: Id
    at: Moment


class FineTuneRecord(Record, frozen=True, kw_only=True):
    """All that the ledger knows of one fine-tune: ``projects/PROJECT/fine-tunes/NAME.json``."""

    format_version: Literal["1"]
    name: Name
    former_names: tuple[Name, ...] = ()
    is_protected: bool = False
    revisions: dict[ShortDigest, RevisionRecord] = {}
    evaluations: tuple[EvaluationRecord, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    preferences: tuple[PreferenceRecord, ...] = ()
    passed: tuple[Passed, ...] = ()
    aliases: dict[Name, AliasRecord] = {}
    requests: tuple[Request, ...] = ()

    def jobs(self) -> Iterator[tuple[Revision, BackendName, Attempt, JobRecord]]:
        """Every job that counts or once counted, surplus ones too, in the order of revision, backend and attempt."""
        for revision, record in sorted(self.revisions.items()):
            for backend, attempts in sorted(record.attempts.items()):
                for attempt in attempts:
                    for job in attempt.jobs:
                        yield Revision(revision), BackendName(backend), attempt, job

    def retry_of(self, revision: Revision, backend: BackendName) -> Request | None:
        """The standing request for another attempt at a revision on a backend."""
        about = (RequestKind.RETRY, revision, backend)
        return next((r for r in self.requests if (r.kind, r.revision, r.backend) == about), None)

    def is_to_be_cancelled(self, job: str) -> bool:
        """Whether a person asked for a job to be cancelled."""
        return any(r.kind is RequestKind.CANCEL and r.job == job for r in self.requests)

    def revision_of_model(self, backend: BackendName, model: str) -> Revision | None:
        """The revision whose job made that model on that backend."""
        return next((rev for rev, where, _, job in self.jobs() if where == backend and job.has_model(model)), None)

    def target_of(self, alias: AliasName) -> Target | None:
        """What an alias points to; None where it doesn't exist, never pointed anywhere, or is retired."""
        record = self.aliases.get(alias)
        return record.target if record else None

    def evaluation(
        self, *, digest: str, sent: str, model: ModelId, backend: BackendName, for_model: ModelId | None
    ) -> EvaluationRecord | None:
        """The newest scores of a model under an evaluation."""
        return next(
            (
                record
                for record in reversed(self.evaluations)
                if (record.digest, record.sent, record.model, record.backend) == (digest, sent, model, backend)
                and record.for_model in {None, for_model}
            ),
            None,
        )


class FileRecord(Record, frozen=True, kw_only=True):
    """A file that this ledger uploaded."""

    id: Id
    name: Text
    size: Count
    uploaded_at: Moment
    deleting_at: Moment | None = None


class Blocked(Record, frozen=True, kw_only=True):
    """When and how a backend said that this organisation may not train any more."""

    at: Moment
    message: Text


class BackendRecord(Record, frozen=True, kw_only=True):
    """A backend's identity as first seen, the files uploaded to it (by SHA-256), and whether it still lets us train."""

    base_url: Address
    organization: Text | None = None
    blocked: Blocked | None = None
    files: dict[Digest, FileRecord] = {}


class Applied(Record, frozen=True, kw_only=True):
    """The commit that was applied last."""

    commit: Id | None
    at: Moment
    owner: Text
    run_url: Text | None = None


class ForgottenCost(Record, frozen=True, kw_only=True):
    """What a job of a forgotten fine-tune cost, and since when it counts; until the ledger knows that job again."""

    job: Id
    at: Moment
    usd: float


class Forgotten(Record, frozen=True, kw_only=True):
    """A fine-tune that the ledger let go of, and the backends that may have jobs of it. What it cost still counts."""

    name: Name
    at: Moment
    costs: tuple[ForgottenCost, ...] = ()
    backends: tuple[Name, ...] = ()


class ProjectRecord(Record, frozen=True, kw_only=True):
    """What the ledger knows of the project: ``projects/PROJECT/project.json``."""

    format_version: Literal["1"]
    name: Text
    ledger_id: Id
    backends: dict[Name, BackendRecord] = {}
    applied: Applied | None = None
    forgotten: tuple[Forgotten, ...] = ()


class LedgerState(Record, frozen=True, kw_only=True, dict=True):
    """A project's folder of the ledger at one commit. ``project`` is None where nothing was ever recorded.

    ``inputs`` are the training sets whose rows' digests lie beside the records; these are read where they are needed.

    What is asked of it for each of a thousand fine-tunes is looked up in an index, made when it is asked for first.
    """

    project: ProjectRecord | None = None
    fine_tunes: dict[Name, FineTuneRecord] = {}
    inputs: frozenset[Digest] = frozenset()

    def named(self, name: FineTuneName) -> FineTuneRecord | None:
        """The record of a fine-tune, by its present or a former name."""
        record = self.fine_tunes.get(name)
        return record if record is not None else self._by_former_name.get(name)

    def backend(self, name: BackendName) -> BackendRecord | None:
        """A backend's record."""
        return self.project.backends.get(name) if self.project else None

    def has_forgotten(self, name: FineTuneName) -> bool:
        """Whether a fine-tune of that name was let go of: the backend may still have jobs of it."""
        return self.project is not None and any(past.name == name for past in self.project.forgotten)

    def knows_job(self, job: JobId) -> bool:
        """Whether that job is recorded anywhere in this folder."""
        return job in self._job_ids

    def unsettled(self, backend: BackendName) -> Iterator[tuple[FineTuneName, Revision, Attempt]]:
        """The attempts on a backend that something may still come of, in the order of fine-tune, revision and attempt."""
        return ((name, revision, attempt) for name, revision, where, attempt in self._unsettled if where == backend)

    @cached_property
    def _unsettled(self) -> tuple[tuple[FineTuneName, Revision, BackendName, Attempt], ...]:
        return tuple(
            (FineTuneName(name), Revision(revision), BackendName(backend), attempt)
            for name, record in sorted(self.fine_tunes.items())
            for revision, known in sorted(record.revisions.items())
            for backend, attempts in sorted(known.attempts.items())
            for attempt in attempts
            if not attempt.is_settled
        )

    @cached_property
    def _by_former_name(self) -> Mapping[str, FineTuneRecord]:
        # Of several with one former name the first by its present name counts.
        backwards = sorted(self.fine_tunes.items(), reverse=True)
        return {former: record for _, record in backwards for former in record.former_names}

    @cached_property
    def _job_ids(self) -> frozenset[str]:
        return frozenset(
            job.id
            for record in self.fine_tunes.values()
            for known in record.revisions.values()
            for attempts in known.attempts.values()
            for attempt in attempts
            for job in attempt.jobs
        )


def ledger_schema() -> Mapping[str, Any]:
    """JSON Schema 2020-12 of the ledger's two kinds of files."""
    (project, fine_tune), components = msgspec.json.schema_components(
        (ProjectRecord, FineTuneRecord), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The ledger's files, projects/PROJECT/project.json and projects/PROJECT/fine-tunes/NAME.json",
        "anyOf": [project, fine_tune],
        "$defs": components,
    }
