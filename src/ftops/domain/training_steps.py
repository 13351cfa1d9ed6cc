"""Plans what leads to a model: adopt, cancel, upload and train. One row of ``docs/planning.md`` each."""

from collections.abc import Iterator

from ftops.domain.attempts import Attempt, CancelReason, JobRecord, JobStatus
from ftops.domain.changes import field_changes
from ftops.domain.desired import Dataset
from ftops.domain.draft import Draft, InProgress, Planned, Subject, Trained, Training, Untrained
from ftops.domain.manifest import BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.observed import Job
from ftops.domain.plan import Adopt, Cancel, Deferred, Notice, Reason, Train, Upload, action_id
from ftops.domain.pricing import training_estimate
from ftops.domain.records import RevisionRecord

TRANSIENT_ERROR = "server_error"


def plan_training(subject: Subject, draft: Draft) -> Training:
    """Adds the steps towards the declared revision's model, and says where it stands once they are done."""
    declared = subject.declared
    adopted = _adopt(subject, draft)
    _cancel(subject, draft)
    attempt = _latest_attempt(subject)
    if adopted is not None and not _has_live_job(attempt):
        return adopted
    if attempt is None or attempt.job is None:
        number = attempt.number if attempt else 1
        takes_over = attempt.open_intent.id if attempt and attempt.open_intent else None
        return _train(subject, draft, number, Reason.NEW_REVISION, takes_over)
    job = attempt.job
    match job.status:
        case JobStatus.SUCCEEDED if job.model:
            return Trained(model=ModelId(job.model))
        case JobStatus.CANCELLED if job.cancel is CancelReason.SUPERSEDED:
            return _train(subject, draft, attempt.number + 1, Reason.NEW_REVISION)
        case JobStatus.FAILED if _may_retry(subject, job):
            return _train(subject, draft, attempt.number + 1, Reason.TRANSIENT_FAILURE)
        case JobStatus.FAILED | JobStatus.CANCELLED | JobStatus.SUCCEEDED:
            draft.notices.append(Notice(fine_tune=declared.name, message=_ended_without_model(declared.revision, job)))
            return Untrained()
        case JobStatus.PAUSED | JobStatus.PAUSING:
            message = f"job {job.id} of revision {declared.revision} is paused; ftops does not wait for it"
            draft.notices.append(Notice(fine_tune=declared.name, message=message))
            return InProgress(job=JobId(job.id), is_paused=True)
        case _:
            _defer(subject, draft, "training", JobId(job.id))
            return InProgress(job=JobId(job.id))


def _latest_attempt(subject: Subject) -> Attempt | None:
    known = subject.record.revisions.get(subject.declared.revision) if subject.record else None
    return known.latest(subject.declared.backend.name) if known else None


def _has_live_job(attempt: Attempt | None) -> bool:
    job = attempt.job if attempt else None
    return job is not None and (not job.status.is_final or job.status is JobStatus.SUCCEEDED)


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
    known = subject.record.revisions[subject.declared.revision] if subject.record else None
    attempts = known.on(subject.declared.backend.name) if known else ()
    failures = sum(1 for a in attempts if a.job and a.job.error_code == TRANSIENT_ERROR)
    return job.error_code == TRANSIENT_ERROR and failures <= subject.declared.fine_tune.policy.retries


def _ended_without_model(revision: Revision, job: JobRecord) -> str:
    why = f": {job.error_message}" if job.error_message else ""
    return (
        f"job {job.id} of revision {revision} {job.status.value}{why}; "
        "declare a new revision to train again (change the data, the method or the seed)"
    )


def _train(subject: Subject, draft: Draft, attempt: int, reason: Reason, takes_over: str | None = None) -> Planned:
    declared = subject.declared
    backend = subject.ledger.backend(declared.backend.name)
    uploaded = backend.files if backend else {}
    datasets = (declared.train, *((declared.validation,) if declared.validation else ()))
    uploads = [_upload(subject, dataset) for dataset in datasets if dataset.sha256 not in uploaded]
    draft.actions += uploads
    known = subject.record.revisions.values() if subject.record else ()
    train = Train(
        id=action_id("train", declared.name, declared.revision, attempt),
        fine_tune=declared.name,
        backend=declared.backend.name,
        reason=reason,
        revision=declared.revision,
        changes=field_changes(declared, max(known, key=lambda r: r.declared_at, default=None)),
        after=tuple(upload.id for upload in uploads),
        estimate=training_estimate(declared),
        attempt=attempt,
        base_model=declared.fine_tune.base_model,
        takes_over=takes_over,
    )
    draft.actions.append(train)
    return Planned(by=train.id)


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


def _adopt(subject: Subject, draft: Draft) -> Training | None:
    """Adopts jobs of this fine-tune that the ledger doesn't know; gives where the declared revision stands then."""
    training: Training | None = None
    for job in sorted(subject.view.found, key=lambda job: (job.created_at, job.id)):
        if _is_of(subject, job) and (revision := Revision(job.metadata.get("ftops_revision", ""))):
            known = subject.record.revisions.get(revision) if subject.record else None
            attempt = attempt_of(job)
            if known is None or not is_adoptable(job, known, subject.declared.backend.name, attempt):
                continue
            adopt = Adopt(
                id=action_id("adopt", subject.declared.name, job.id),
                fine_tune=subject.declared.name,
                backend=subject.declared.backend.name,
                reason=Reason.FOUND_AT_BACKEND,
                revision=revision,
                job=job.id,
                attempt=attempt,
            )
            draft.actions.append(adopt)
            if revision == subject.declared.revision:
                training = Planned(by=adopt.id)
    return training


def is_adoptable(job: Job, known: RevisionRecord, backend: BackendName, attempt: int) -> bool:
    """Whether a job that the ledger doesn't know should be recorded as one of this revision's.

    One that lives or succeeded; and one that failed, where it is what became of an open intent.
    """
    if job.status is JobStatus.SUCCEEDED or not job.status.is_final:
        return True
    intents = (a.open_intent for a in known.on(backend) if a.number == attempt)
    return any(intent is not None and intent.id == job.metadata.get("ftops_intent") for intent in intents)


def attempt_of(job: Job) -> int:
    """The attempt that a job's metadata names; 1 where it names none that makes sense."""
    text = job.metadata.get("ftops_attempt", "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else 1


def _is_of(subject: Subject, job: Job) -> bool:
    names = {subject.declared.name, *subject.declared.fine_tune.moved_from}
    names |= {FineTuneName(name) for name in subject.record.former_names} if subject.record else set()
    return job.metadata.get("ftops_name") in names


def _cancel(subject: Subject, draft: Draft) -> None:
    for revision, backend, attempt, job, reason in _unwanted(subject):
        draft.actions.append(
            Cancel(
                id=action_id("cancel", subject.declared.name, job.id),
                fine_tune=subject.declared.name,
                backend=backend,
                reason=reason,
                revision=revision,
                job=JobId(job.id),
                attempt=attempt.number,
            )
        )


def _unwanted(subject: Subject) -> Iterator[tuple[Revision, BackendName, Attempt, JobRecord, Reason]]:
    declared = subject.declared
    for revision, backend, attempt, job in subject.record.jobs() if subject.record else ():
        if job.status.is_final or backend not in subject.observed.backends:
            continue
        is_wanted = revision in subject.pinned or (revision, backend) == (declared.revision, declared.backend.name)
        if attempt.job is not job:
            yield revision, backend, attempt, job, Reason.DUPLICATE
        elif not is_wanted and declared.fine_tune.policy.on_superseded == "cancel":
            yield revision, backend, attempt, job, Reason.SUPERSEDED
