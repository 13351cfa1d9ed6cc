"""Plans which running jobs are cancelled and why, and says which requests have become pointless.

One row of ``docs/planning.md`` for each cancel.
"""

from collections.abc import Container, Iterator

from ftops.domain.attempts import Attempt, JobRecord, RequestKind
from ftops.domain.changes import training_changes
from ftops.domain.draft import Draft, Subject
from ftops.domain.manifest import BackendName, FineTuneName, JobId, Revision
from ftops.domain.plan import Cancel, FieldChange, Notice, Reason, action_id
from ftops.domain.records import FineTuneRecord


def plan_cancels(subject: Subject, draft: Draft) -> None:
    """Cancels what is superseded, what is one too many, and what a person asked to have cancelled."""
    for revision, backend, attempt, job, reason in _unwanted(subject):
        known = subject.record.revisions[revision] if subject.record and reason is Reason.SUPERSEDED else None
        changes = training_changes(subject.declared, known)
        name = subject.declared.name
        draft.actions.append(_cancellation(name, revision, backend, attempt, job, reason, changes))


def plan_requested_cancels(record: FineTuneRecord, backends: Container[str], draft: Draft) -> None:
    """Cancels the jobs of a fine-tune that no manifest declares, where a person asked for that."""
    for revision, backend, attempt, job in record.jobs() if record.requests else ():
        if record.is_to_be_cancelled(job.id) and not job.status.is_final and backend in backends:
            name = FineTuneName(record.name)
            draft.actions.append(_cancellation(name, revision, backend, attempt, job, Reason.REQUESTED))


def report_moot_requests(subject: Subject, draft: Draft) -> None:
    """Says which retries are about another revision or backend than the one that the manifest declares now."""
    declared = subject.declared
    for asked in subject.record.requests if subject.record else ():
        is_declared = (asked.revision, asked.backend) == (declared.revision, declared.backend.name)
        if asked.kind is RequestKind.RETRY and not is_declared:
            message = (
                f"on {asked.at:%Y-%m-%d} another attempt at revision {asked.revision} on {asked.backend} was asked for; "
                f"the manifest declares {declared.revision} on {declared.backend.name} now, so it is not made"
            )
            draft.notices.append(Notice(fine_tune=declared.name, message=message))


def _unwanted(subject: Subject) -> Iterator[tuple[Revision, BackendName, Attempt, JobRecord, Reason]]:
    declared = subject.declared
    for revision, backend, attempt, job in subject.record.jobs() if subject.record else ():
        if job.status.is_final or backend not in subject.observed.backends:
            continue
        is_wanted = revision in subject.pinned or (revision, backend) == (declared.revision, declared.backend.name)
        if subject.record and subject.record.is_to_be_cancelled(job.id):
            yield revision, backend, attempt, job, Reason.REQUESTED
        elif attempt.job is not job or _has_later_job(subject, revision, backend, attempt):
            yield revision, backend, attempt, job, Reason.DUPLICATE
        elif not is_wanted and declared.fine_tune.policy.on_superseded == "cancel":
            yield revision, backend, attempt, job, Reason.SUPERSEDED


def _has_later_job(subject: Subject, revision: Revision, backend: BackendName, attempt: Attempt) -> bool:
    """Whether a later attempt's job lives or succeeded: this one was found after that one had been recorded."""
    attempts = subject.record.revisions[revision].on(backend) if subject.record else ()
    return any(a.number > attempt.number and a.job is not None and a.job.is_alive for a in attempts)


def _cancellation(
    name: FineTuneName,
    revision: Revision,
    backend: BackendName,
    attempt: Attempt,
    job: JobRecord,
    reason: Reason,
    changes: tuple[FieldChange, ...] = (),
) -> Cancel:
    return Cancel(
        id=action_id("cancel", name, job.id),
        fine_tune=name,
        backend=backend,
        reason=reason,
        revision=revision,
        changes=changes,
        job=JobId(job.id),
        attempt=attempt.number,
    )
