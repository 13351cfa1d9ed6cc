"""What a backend said of a fine-tune's jobs, oldest first; and on, until a job has ended.

Reads ledger and backend, writes neither. Which job is meant is decided here; how its events are shown is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ftops.domain.attempts import Attempt, JobRecord, JobStatus
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import BackendName, JobId, Revision
from ftops.domain.near_misses import hint
from ftops.domain.records import FineTuneRecord
from ftops.errors import FtopsError, UsageProblem
from ftops.ports import Clock, JobEvent, JobReader

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedJob:
    """A job of one attempt, ``attempt`` of ``attempts`` at a revision on a backend, as the ledger knows it."""

    revision: Revision
    backend: BackendName
    attempt: int
    attempts: int
    job: JobRecord


def jobs_of(record: FineTuneRecord, *, declared: Revision | None, wanted: str | None) -> tuple[LoggedJob, ...]:
    """Gives the jobs of one revision, oldest attempt first, on the backend where its newest one is.

    ``wanted`` is a revision or the beginning of one; without it the declared one is meant, or where that has no job, the one
    whose job is newest. Raises UsageProblem for a revision that isn't known, and FtopsError where there is no job.
    """
    chosen = _revision(record, declared, wanted)
    found = _newest_backend(record, chosen) if chosen is not None else None
    if chosen is None or found is None:
        about = f"revision {chosen} of {record.name}" if wanted else record.name
        raise FtopsError(f"{about} has no job yet", remedy="ftops plan tells what an apply would do")
    backend, attempts = found
    return tuple(
        LoggedJob(revision=chosen, backend=backend, attempt=attempt.number, attempts=len(attempts), job=job)
        for attempt in attempts
        for job in attempt.jobs
    )


def events_of(jobs: JobReader, job: JobId, *, since: datetime | None) -> list[JobEvent]:
    """Gives what was said of a job so far, oldest first. Raises BackendError."""
    found = []
    for event in jobs.events(job):  # newest first
        if since is not None and event.at is not None and event.at < since:
            break
        found.append(event)
    return found[::-1]


def follow(jobs: JobReader, job: JobId, clock: Clock, *, since: datetime | None) -> Iterator[JobEvent | JobStatus]:
    """Gives each event once, as it comes, and last how the job ended. Raises BackendError.

    Looks again after a second, and ever less often while nothing is said. Whether the job has ended is asked before its
    events are, so that the last of them are not missed.
    """
    seen: set[str] = set()
    pause = FIRST_PAUSE
    while True:
        status = jobs.retrieve(job).status
        fresh = _fresh(jobs, job, seen, since)
        yield from fresh
        if status.is_final:
            yield status
            return
        pause = FIRST_PAUSE if fresh else min(pause * 1.5, LONGEST_PAUSE)
        clock.sleep(pause)


def _fresh(jobs: JobReader, job: JobId, seen: set[str], since: datetime | None) -> list[JobEvent]:
    """Gives the events that were not seen yet, oldest first; asks for no page beyond the first that was."""
    found = []
    for event in jobs.events(job):
        if event.id in seen or (since is not None and event.at is not None and event.at < since):
            break
        found.append(event)
    seen.update(event.id for event in found)
    return found[::-1]


def _revision(record: FineTuneRecord, declared: Revision | None, wanted: str | None) -> Revision | None:
    if wanted is not None:
        matching = [revision for revision in record.revisions if wanted and revision.startswith(wanted)]
        if len(matching) != 1:
            what = f"{len(matching)} revisions begin with" if matching else "the ledger knows no revision"
            known = matching or record.revisions
            raise UsageProblem(f"{what} {visible(wanted)} of {record.name}", remedy=hint(wanted, known))
        return Revision(matching[0])
    if declared is not None and declared in record.revisions and _newest_backend(record, declared) is not None:
        return declared
    newest = max(record.jobs(), key=lambda found: (_moment(found[3]), found[0]), default=None)
    return newest[0] if newest is not None else None


def _newest_backend(record: FineTuneRecord, revision: Revision) -> tuple[BackendName, tuple[Attempt, ...]] | None:
    known = record.revisions[revision].attempts
    newest = {
        name: max(map(_moment, jobs)) for name, all_ in known.items() if (jobs := [j for a in all_ for j in a.jobs])
    }
    if not newest:
        return None
    backend = max(newest, key=lambda name: (newest[name], name))
    return BackendName(backend), known[backend]


def _moment(job: JobRecord) -> datetime:
    return job.created_at or job.seen_at
