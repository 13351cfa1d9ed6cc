"""Plans what leads to a model: adopt, upload and train. One row of ``docs/planning.md`` each."""

from collections.abc import Iterator
from typing import Final

from ftops.domain.attempts import Attempt, CancelReason, JobRecord, JobStatus, counting_attempt
from ftops.domain.cancel_steps import plan_cancels
from ftops.domain.changes import training_changes
from ftops.domain.desired import Dataset
from ftops.domain.draft import Draft, InProgress, Planned, Subject, Trained, Training, Untrained
from ftops.domain.manifest import BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.observed import Job, is_same_ledger
from ftops.domain.plan import Adopt, Blocker, Deferred, Notice, Reason, Train, Upload, action_id
from ftops.domain.pricing import training_estimate
from ftops.domain.record_types import ADOPTED
from ftops.domain.records import RevisionRecord

TRANSIENT_ERROR: Final = "server_error"
TRAINING: Final = "training"
PAUSE: Final = frozenset({JobStatus.PAUSED, JobStatus.PAUSING})


def plan_training(subject: Subject, draft: Draft) -> Training:
    """Adds the steps towards the declared revision's model, and says where it stands once they are done."""
    adoption = _adopt(subject, draft)
    plan_cancels(subject, draft)
    attempt = counting_attempt(_attempts(subject))
    is_alive_already = attempt is not None and attempt.job is not None and attempt.job.is_alive
    if adoption is not None and not is_alive_already:
        return _adopted(subject, *adoption, draft)
    if attempt is None or attempt.job is None:
        number = attempt.number if attempt else 1
        takes_over = attempt.open_intent.id if attempt and attempt.open_intent else None
        return _train(subject, draft, number, _reason(subject, number), takes_over)
    job = attempt.job
    if not job.status.is_final:
        return _waiting(subject, JobId(job.id), job.status, draft)
    if job.model is not None and job.is_alive:
        return Untrained() if job.is_missed else Trained(model=ModelId(job.model))
    return _ended(subject, job, draft)


def stall_of(subject: Subject, job: str, status: JobStatus) -> str | None:
    """Why a job that has not ended isn't waited for; None where it is."""
    if job in subject.view.unknown:
        return f"is unknown to {subject.declared.backend.name}"
    return "is paused" if status in PAUSE else None


def _ended(subject: Subject, job: JobRecord, draft: Draft) -> Training:
    """What follows a job that ended without a model, or whose model is lost."""
    name, revision = subject.declared.name, subject.declared.revision
    newest = _attempts(subject)[-1]
    following = newest.number + 1 if newest.job else newest.number
    if subject.record and subject.record.retry_of(revision, subject.declared.backend.name):
        return _train(subject, draft, following, Reason.REQUESTED)
    if job.status is JobStatus.CANCELLED and job.cancel is CancelReason.SUPERSEDED:
        return _train(subject, draft, following, Reason.NEW_REVISION)
    if job.status is JobStatus.FAILED and _may_retry(subject, job):
        return _train(subject, draft, following, Reason.TRANSIENT_FAILURE)
    if not job.is_model_lost:  # reported with the other lost ones
        message = _ended_without_model(name, revision, job)
        draft.notices.append(Notice(fine_tune=name, message=message))
    return Untrained()


def _attempts(subject: Subject) -> tuple[Attempt, ...]:
    known = subject.record.revisions.get(subject.declared.revision) if subject.record else None
    return known.on(subject.declared.backend.name) if known else ()


def _reason(subject: Subject, number: int) -> Reason:
    """Why the attempt of that number is made, or gone on with."""
    declared = subject.declared
    if subject.record and subject.record.retry_of(declared.revision, declared.backend.name):
        return Reason.REQUESTED
    is_retry = any(a.job and a.job.error_code == TRANSIENT_ERROR for a in _attempts(subject) if a.number == number - 1)
    return Reason.TRANSIENT_FAILURE if is_retry else Reason.NEW_REVISION


def _adopted(subject: Subject, job: Job, adopt: Adopt, draft: Draft) -> Training:
    """Where the declared revision stands once a job found at the backend is recorded."""
    if job.status is JobStatus.SUCCEEDED:
        return Planned(by=adopt.id)
    if job.status.is_final:
        return Untrained()  # the plan after the adoption says what follows
    return _waiting(subject, job.id, job.status, draft)


def _waiting(subject: Subject, job: JobId, status: JobStatus, draft: Draft) -> InProgress:
    declared, record = subject.declared, subject.record
    if record is not None and record.is_to_be_cancelled(job):
        return InProgress(job=job, stall="is to be cancelled")
    stall = stall_of(subject, job, status)
    if stall is not None:
        message = f"job {job} of revision {declared.revision} {stall}; ftops does not wait for it"
        if job in subject.view.unknown:
            message += f"; {_last_heard_of(subject, job)}ftops cancel {declared.name} gives it up"
        draft.notices.append(Notice(fine_tune=declared.name, message=message))
        return InProgress(job=job, stall=stall)
    _defer(subject, draft, TRAINING, job)
    return InProgress(job=job)


def _defer(subject: Subject, draft: Draft, what: str, job: JobId) -> None:
    declared = subject.declared
    draft.deferred.append(
        Deferred(
            fine_tune=declared.name,
            backend=declared.backend.name,
            revision=declared.revision,
            what=what,
            waits_for=f"job {job}",
            job=job,
        )
    )


def _may_retry(subject: Subject, job: JobRecord) -> bool:
    failures = sum(1 for a in _attempts(subject) if a.job and a.job.error_code == TRANSIENT_ERROR)
    return job.error_code == TRANSIENT_ERROR and failures <= subject.declared.fine_tune.policy.retries


def _ended_without_model(name: FineTuneName, revision: Revision, job: JobRecord) -> str:
    return (
        f"job {job.id} of revision {revision} {job.ending}; ftops retry {name} starts another attempt, "
        "or declare a new revision (change the data, the method or the seed)"
    )


def _last_heard_of(subject: Subject, job: JobId) -> str:
    known = (one for *_, one in subject.record.jobs() if one.id == job) if subject.record else iter(())
    return next((f"the ledger has it as {one.status.value} since {one.seen_at:%Y-%m-%d}; " for one in known), "")


def _train(
    subject: Subject, draft: Draft, attempt: int, reason: Reason, takes_over: str | None = None
) -> Planned | Untrained:
    declared = subject.declared
    if declared.train.is_gone:
        return _without_data(subject, draft)
    backend = subject.ledger.backend(declared.backend.name)
    files = backend.files if backend else {}
    uploaded = {sha256 for sha256, file in files.items() if file.deleting_at is None}
    datasets = (declared.train, *((declared.validation,) if declared.validation else ()))
    missing = {dataset.sha256: dataset for dataset in reversed(datasets) if dataset.sha256 not in uploaded}
    uploads = [_upload(subject, dataset) for _, dataset in reversed(missing.items())]
    draft.actions += uploads
    revisions = subject.record.revisions if subject.record else {}
    known = [r for _, r in sorted(revisions.items(), key=lambda item: (item[1].declared_at, item[0]))]
    train = Train(
        id=action_id("train", declared.name, declared.revision, attempt),
        fine_tune=declared.name,
        backend=declared.backend.name,
        reason=reason,
        revision=declared.revision,
        changes=training_changes(declared, known[-1] if known else None),
        after=tuple(upload.id for upload in uploads),
        estimate=training_estimate(declared),
        attempt=attempt,
        base_model=declared.fine_tune.base_model,
        takes_over=takes_over,
    )
    draft.actions.append(train)
    return Planned(by=train.id)


def _without_data(subject: Subject, draft: Draft) -> Untrained:
    """Says that an adopted job's data is gone: its manifest has to name other data before anything can be trained."""
    declared = subject.declared
    message = (
        f"revision {declared.revision} can't be trained on {declared.backend.name}: the data of "
        f"{declared.train.path.removeprefix(ADOPTED)} is gone (spec.dataset.adopted_job); "
        "declare spec.dataset.train to train a new revision"
    )
    if declared.backend.is_rehearsal or _attempts(subject):
        draft.notices.append(Notice(fine_tune=declared.name, message=message))
    else:
        draft.blockers.append(Blocker(fine_tune=declared.name, message=message))
    return Untrained()


def _upload(subject: Subject, dataset: Dataset) -> Upload:
    declared = subject.declared
    return Upload(
        id=action_id("upload", declared.backend.name, dataset.sha256[:12]),
        fine_tune=declared.name,
        backend=declared.backend.name,
        reason=Reason.DATASET_NOT_UPLOADED,
        revision=declared.revision,
        path=dataset.path,
        sha256=dataset.sha256,
        size=dataset.size,
        rows=dataset.rows,
    )


def _adopt(subject: Subject, draft: Draft) -> tuple[Job, Adopt] | None:
    """Adopts jobs of this fine-tune that the ledger doesn't know: one of each attempt, others when that one is recorded.

    Gives the one that the declared revision's model will come of, where the ledger has no job of that attempt.
    """
    adopted: dict[tuple[BackendName, Revision, int], tuple[Job, Adopt]] = {}
    for backend, job in unrecorded_jobs(subject):
        revision, attempt = _revision_of(job), attempt_of(job)
        if (backend, revision, attempt) not in adopted:
            adopt = Adopt(
                id=action_id("adopt", subject.declared.name, job.id),
                fine_tune=subject.declared.name,
                backend=backend,
                reason=Reason.FOUND_AT_BACKEND,
                revision=revision,
                job=job.id,
                attempt=attempt,
            )
            draft.actions.append(adopt)
            adopted[backend, revision, attempt] = job, adopt
    ended = {attempt.number for attempt in _attempts(subject) if attempt.job is not None}
    declared = subject.declared.backend.name, subject.declared.revision
    counting = (
        found for (*where, number), found in adopted.items() if tuple(where) == declared and number not in ended
    )
    return next(counting, None)


def unrecorded_jobs(subject: Subject) -> Iterator[tuple[BackendName, Job]]:
    """Gives all jobs of this fine-tune that should be recorded and are not: those that run or succeeded first."""
    for backend, job in _found(subject):
        revision = _revision_of(job)
        known = subject.record.revisions.get(revision) if subject.record else None
        is_expected = known is not None or revision == subject.declared.revision
        if is_expected and _is_of(subject, job) and is_adoptable(job, known, backend, attempt_of(job)):
            yield backend, job


def _revision_of(job: Job) -> Revision:
    return Revision(job.metadata.get("ftops_revision", ""))


def _found(subject: Subject) -> list[tuple[BackendName, Job]]:
    """Gives the jobs that the ledger doesn't know, of every backend that it records: the manifest may have left that one."""
    found = [
        (name, job)
        for name, view in subject.observed.backends.items()
        if is_same_ledger(subject.observed.ledgers[name], subject.ledger)
        for job in view.found
    ]
    return sorted(found, key=lambda one: (not is_alive(one[1]), one[1].created_at, one[1].id))


def is_alive(job: Job) -> bool:
    """Whether a job at a backend leads to a model, or has led to one."""
    return job.status is JobStatus.SUCCEEDED or not job.status.is_final


def is_adoptable(job: Job, known: RevisionRecord | None, backend: BackendName, attempt: int) -> bool:
    """Whether a job that the ledger doesn't know should be recorded as one of this revision's.

    One that lives or succeeded, also where the ledger doesn't know the revision, as after ``ftops forget``; and one that
    failed, where it is what became of an open intent.
    """
    if is_alive(job):
        return True
    intents = (a.open_intent for a in (known.on(backend) if known else ()) if a.number == attempt)
    return any(intent is not None and intent.id == job.metadata.get("ftops_intent") for intent in intents)


def attempt_of(job: Job) -> int:
    """The attempt that a job's metadata names; 1 where it names none that makes sense."""
    text = job.metadata.get("ftops_attempt", "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else 1


def _is_of(subject: Subject, job: Job) -> bool:
    names = {subject.declared.name, *subject.declared.fine_tune.moved_from}
    names |= {FineTuneName(name) for name in subject.record.former_names} if subject.record else set()
    return job.metadata.get("ftops_name") in names
