"""The queue: which thread takes which job, and when.

Owns the threads. Validation has one of its own, so that a job on a bad file fails at once however long the queue is; training
has as many as the settings say. Both go round the projects, each in the order of its jobs, so that a project with hundreds of
them keeps no other waiting. What is done to a job stands in ``run``. Jobs that were at work are queued again at start-up,
those that trained first; a job that the disk stopped goes back to its queue after a pause.
"""

import logging
import threading
import time
from collections.abc import Callable

from ftops.server.errors import place_of
from ftops.server.fair_queue import FairQueue
from ftops.server.jobs import turns
from ftops.server.jobs.run import JobRun
from ftops.server.jobs.workshop import Workshop
from ftops.server.storage import jobs
from ftops.server.storage.disk import DISK_ERRORS
from ftops.server.storage.jobs import JobRow, JobStatus

_LOG = logging.getLogger(__name__)


class JobQueue:
    """Starts with ``start``, takes jobs with ``submit``, and ends with ``dismiss`` and ``join``.

    Running jobs then go on at the next start.
    """

    def __init__(self, workshop: Workshop, *, workers: int, retry_seconds: float) -> None:
        self._workshop = workshop
        self._checkers = _Crew(workshop, self._check, name="check", size=1, retry_seconds=retry_seconds)
        self._trainers = _Crew(workshop, JobRun.train, name="train", size=workers, retry_seconds=retry_seconds)

    def start(self) -> None:
        """Queues what an earlier process left at work, and begins to work."""
        with self._workshop.database.read() as connection:
            left_over = jobs.at_work(connection)
        for job in left_over:
            if not self._is_settled(job):
                self.submit(job)
        self._checkers.start()
        self._trainers.start()

    def submit(self, job: JobRow) -> None:
        """Takes a job that is stored. One that trained already goes before those that wait."""
        crew = self._checkers if job.status is JobStatus.VALIDATING else self._trainers
        crew.queue.put(job.id, lane=job.project, is_urgent=job.status in jobs.TRAINING)

    def interrupt(self, job_id: str) -> None:
        """Wakes whoever trains a job, to see that its status has changed."""
        self._trainers.interrupt(job_id)

    def dismiss(self) -> None:
        """Tells the threads to let go of their jobs at the next step."""
        for crew in (self._checkers, self._trainers):
            crew.dismiss()

    def join(self, deadline: float) -> None:
        """Waits for the threads until a time of ``time.monotonic``."""
        for crew in (self._checkers, self._trainers):
            crew.join(deadline)

    def _is_settled(self, job: JobRow) -> bool:
        """Settles at once what was to pause when the last process ended: no thread has it, and it needs none."""
        if job.status is not JobStatus.PAUSING:
            return False
        try:
            return turns.settle_pause(self._workshop, job)
        except DISK_ERRORS as error:
            _LOG.error("job %s is still pausing: %s", job.id, place_of(error))
            return False  # a thread tries again

    def _check(self, run: JobRun) -> None:
        job = run.check()
        if job is not None:
            self.submit(job)


class _Crew:
    """Threads that work on the jobs of one queue."""

    def __init__(
        self, workshop: Workshop, work: Callable[[JobRun], None], *, name: str, size: int, retry_seconds: float
    ) -> None:
        self.queue = FairQueue()
        self._workshop = workshop
        self._carry_on = work
        self._retry_seconds = retry_seconds
        self._interrupts: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, name=f"{name}-{i}", daemon=True) for i in range(size)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def interrupt(self, job_id: str) -> None:
        with self._lock:
            interrupt = self._interrupts.get(job_id)
        if interrupt is not None:
            interrupt.set()

    def dismiss(self) -> None:
        """Tells the threads to end."""
        self._is_stopping.set()
        self.queue.close()
        with self._lock:
            for interrupt in self._interrupts.values():
                interrupt.set()

    def join(self, deadline: float) -> None:
        """Waits for the threads until a time of ``time.monotonic``."""
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (job_id := self.queue.take()) is not None:
            interrupt = threading.Event()
            with self._lock:
                self._interrupts[job_id] = interrupt
                if self._is_stopping.is_set():
                    return
            self._work_on(job_id, interrupt)
            with self._lock:
                del self._interrupts[job_id]
            self.queue.release(job_id)

    def _work_on(self, job_id: str, interrupt: threading.Event) -> None:
        try:
            self._carry_on(JobRun(self._workshop, job_id, interrupt=interrupt, is_stopping=self._is_stopping))
        except DISK_ERRORS as error:
            _LOG.error("job %s is tried again in %g s: %s", job_id, self._retry_seconds, place_of(error))
            # The thread itself pauses: the next job would meet the same disk.
            self._is_stopping.wait(self._retry_seconds)
            self.queue.put(job_id, lane="", is_urgent=True)
        except Exception as error:  # noqa: BLE001 - one job's fault must not end the thread that serves the others
            _LOG.error("job %s stays unfinished until the next start: %s", job_id, place_of(error))
