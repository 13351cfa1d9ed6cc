"""The turns that a job takes from outside its training: it fails, is cancelled, pauses, goes on.

Owns from which status each turn may be taken, and its event. Each is one transaction that starts from the status it expects,
so that of two who want different things one comes first, and a job never has two ends. A job that trains pauses in two turns:
it is ``pausing`` until the thread that has it in hand comes to the end of a step and lets go of it (``run``).
"""

import sqlite3
import time
from collections.abc import Sequence

from ftops.server.jobs.training_files import JobFailure
from ftops.server.jobs.workshop import Workshop
from ftops.server.storage import blobs, checkpoints, deliveries, events, jobs
from ftops.server.storage.deliveries import EventType
from ftops.server.storage.events import Event
from ftops.server.storage.jobs import JobRow, JobStatus

PAUSED = Event(message="Fine-tuning job paused")
_RESUMED = Event(message="Fine-tuning job resumed")
_CANCELLED = Event(message="Fine-tuning job cancelled")


def cancel(workshop: Workshop, job: JobRow) -> bool:
    """Cancels a job; False when it had ended already."""
    return _end(workshop, job, _CANCELLED, expect=jobs.UNFINISHED, status=JobStatus.CANCELLED)


def fail(workshop: Workshop, job: JobRow, failure: JobFailure, *, expect: Sequence[JobStatus]) -> bool:
    """Ends a job that can't go on; False when it had none of the statuses expected any more."""
    event = Event(message=failure.message, level="error", data={"code": failure.code})
    error = {"code": failure.code, "message": failure.message, "param": failure.param}
    return _end(workshop, job, event, expect=expect, status=JobStatus.FAILED, error=error)


def pause(workshop: Workshop, job: JobRow) -> bool:
    """Pauses a job, or asks for it if the job is being trained, once more if need be.

    False when it is paused or has ended already.
    """
    with workshop.database.write() as connection:
        if jobs.change(connection, job, expect=jobs.TRAINING, status=JobStatus.PAUSING, estimated_finish=None):
            return True
        is_paused = jobs.change(
            connection, job, expect=[JobStatus.VALIDATING, JobStatus.QUEUED], status=JobStatus.PAUSED
        )
        if is_paused:
            events.append(connection, job.seq, [PAUSED], now=_now())
        return is_paused


def resume(workshop: Workshop, job: JobRow) -> JobRow | None:
    """Puts a paused job back to where it waits for its turn; None when it isn't paused. Submit what it gives."""
    with workshop.database.write() as connection:
        found = jobs.find(connection, job.id)
        # The files of a job that was paused before they were checked have no steps counted yet.
        is_checked = found is not None and found.total_steps is not None
        status = JobStatus.QUEUED if is_checked else JobStatus.VALIDATING
        if not jobs.change(connection, job, expect=[JobStatus.PAUSED], status=status):
            return None
        events.append(connection, job.seq, [_RESUMED], now=_now())
        return jobs.find(connection, job.id)


def settle_pause(workshop: Workshop, job: JobRow) -> bool:
    """Ends the ``pausing`` of a job that nobody has in hand any more; False when it isn't pausing."""
    with workshop.database.write() as connection:
        is_paused = jobs.change(connection, job, expect=[JobStatus.PAUSING], status=JobStatus.PAUSED)
        if is_paused:
            events.append(connection, job.seq, [PAUSED], now=_now())
        return is_paused


def _end(
    workshop: Workshop,
    job: JobRow,
    event: Event,
    *,
    expect: Sequence[JobStatus],
    status: JobStatus,
    error: dict[str, str | None] | None = None,
) -> bool:
    """Ends a job without a model, and lets go of all that it kept."""
    now = _now()
    is_ended = False

    def end(connection: sqlite3.Connection) -> tuple[str, ...]:
        nonlocal is_ended
        is_ended = jobs.change(
            connection, job, expect=expect, status=status, finished_at=now, estimated_finish=None, error=error
        )
        if not is_ended:
            return ()
        events.append(connection, job.seq, [event], now=now)
        deliveries.announce(
            connection,
            event=EventType(f"fine_tuning.job.{status.value}"),
            project=job.project,
            subject=job.id,
            now=now,
        )
        return (*checkpoints.drop_all(connection, job), *blobs.release(connection, job.id))

    workshop.blobs.clear(end)
    return is_ended


def _now() -> int:
    return int(time.time())
