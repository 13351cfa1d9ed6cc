"""Forgets jobs that ended long ago: their events, checkpoints and result files. Their models stay, and so do uploaded files.

Owns the pace: each transaction is small, and a run has a bounded number of them, so that no request waits for long. A job goes
with its last events; whatever interrupts this, the next run goes on.
"""

import sqlite3
from collections.abc import Iterable

from ftops.server.storage import checkpoints, events, files, jobs
from ftops.server.storage.blobs import Blobs
from ftops.server.storage.jobs import JobRow

_DAY = 24 * 3600
_EVENTS_AT_ONCE = 500
_CHANGES_AT_ONCE = 100


class Retention:
    """For ``Upkeep``. Jobs that haven't ended, paused ones among them, are never forgotten; ``days`` None forgets none."""

    def __init__(self, blobs: Blobs, *, days: float | None) -> None:
        self._blobs = blobs
        self._seconds = None if days is None else days * _DAY

    def forget_finished(self, now: int) -> None:
        """Forgets jobs that ended more than the given days ago, or a part of them."""
        if self._seconds is None:
            return
        for _ in range(_CHANGES_AT_ONCE):
            if not self._forget_some(now - self._seconds, now):
                return

    def _forget_some(self, moment: float, now: int) -> bool:
        """Does a little of it; False when no job is left that ended before the moment."""
        job: JobRow | None = None

        def forget(connection: sqlite3.Connection) -> Iterable[str]:
            nonlocal job
            job = jobs.first_ended_before(connection, moment)
            return () if job is None else _forget_some(connection, job, now)

        self._blobs.clear(forget)
        return job is not None


def _forget_some(connection: sqlite3.Connection, job: JobRow, now: int) -> Iterable[str]:
    """Removes some events, or the job once none is left; gives the blobs that nothing of it needs any more."""
    if events.delete_some(connection, job, limit=_EVENTS_AT_ONCE):
        return ()
    unused = [*checkpoints.drop_all(connection, job)]
    if job.result_file is not None:
        unused.extend(files.delete(connection, job.result_file, now=now))
    jobs.delete(connection, job, now=now)
    return unused
