"""Models that a backend has lost, or that ftops deleted: what is said of them. Nothing is done about them unasked."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from ftops.domain.attempts import JobRecord, counting_attempt
from ftops.domain.draft import Draft, Subject
from ftops.domain.manifest import BackendName, Revision
from ftops.domain.plan import Notice
from ftops.domain.records import FineTuneRecord, Target

# How long a backend's lists and look-ups may lag: what it did not know before, and does not after that, is not there.
SECOND_LOOK: Final = timedelta(minutes=10)


def report_lost_models(subject: Subject, draft: Draft) -> None:
    """Adds a notice for each lost model that the manifest wants or that an alias points to."""
    record, declared = subject.record, subject.declared
    if record is None:
        return
    for revision, backend, job in _lost(subject, record):
        pointing = [alias for alias, known in sorted(record.aliases.items()) if _is_of(known.target, backend, job)]
        is_standing = backend == declared.backend.name and _is_standing(record, revision, backend, job)
        is_declared = is_standing and revision == declared.revision
        pinned = [alias for alias, to in sorted(declared.fine_tune.aliases.items()) if is_standing and to == revision]
        if not (pointing or pinned or is_declared):
            continue
        message = what_is_lost(record, revision, backend, job)
        if waiting := [alias for alias in pinned if alias not in pointing]:
            message += f"; {', '.join(waiting)} {'is' if len(waiting) == 1 else 'are'} pinned to it"
        if pointing:
            message += f"; {', '.join(pointing)} still point{'s' * (len(pointing) == 1)} to it"
        if is_declared and job.is_model_lost and record.retry_of(revision, backend) is None:
            message += f"; ftops retry {declared.name} trains it again"
        draft.notices.append(Notice(fine_tune=declared.name, message=message))


def what_is_lost(record: FineTuneRecord, revision: Revision, backend: BackendName, job: JobRecord) -> str:
    """Says of a lost or missed model since when, and until when it was there."""
    about = f"model {job.missed or job.model} of revision {revision}"
    if job.deleted_at is not None:
        return f"{about} was deleted at {backend} by ftops on {job.deleted_at:%Y-%m-%d}"
    if job.deleting_at is not None:
        return f"{about} is being deleted at {backend} by ftops, since {job.deleting_at:%Y-%m-%d}"
    seen = f"last seen on {last_seen(record, revision, backend, job):%Y-%m-%d}"
    if job.gone_at is not None:
        return f"{about} is gone at {backend}, {seen}"
    return (
        f"{about} was not found at {backend}, {seen}; a look at least 10 minutes later decides whether it is gone, and until "
        "then nothing is done with it"
    )


def last_seen(record: FineTuneRecord, revision: Revision, backend: BackendName, job: JobRecord) -> datetime:
    """When the ledger last saw a job's model: made, scored, passed or promoted."""
    moments = [job.finished_at or job.seen_at]
    moments += [e.at for e in record.evaluations if e.backend == backend and job.has_model(e.model)]
    moments += [p.at for p in record.passed if p.backend == backend and job.has_model(p.model)]
    for alias in record.aliases.values():
        moments += [
            move.at
            for move in alias.history
            if move.target is not None and move.target.revision == revision and job.has_model(move.target.model)
        ]
    return max(moments)


def _lost(subject: Subject, record: FineTuneRecord) -> Iterator[tuple[Revision, BackendName, JobRecord]]:
    """The lost models among those that somebody may ask for: of revisions declared, pinned, or behind an alias."""
    pointed = {alias.target.revision for alias in record.aliases.values() if alias.target}
    for revision in sorted({subject.declared.revision, *subject.pinned, *pointed} & record.revisions.keys()):
        for backend, attempts in sorted(record.revisions[revision].attempts.items()):
            for job in (attempt.job for attempt in attempts):
                if job is not None and job.model is not None and (job.is_missed or job.is_model_lost):
                    yield Revision(revision), BackendName(backend), job


def _is_of(target: Target | None, backend: BackendName, job: JobRecord) -> bool:
    return target is not None and target.backend == backend and job.has_model(target.model)


def _is_standing(record: FineTuneRecord, revision: Revision, backend: BackendName, job: JobRecord) -> bool:
    attempt = counting_attempt(record.revisions[revision].on(backend))
    return attempt is not None and attempt.job is job
