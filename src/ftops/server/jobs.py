"""The queue: which thread takes which job, and when.

Owns the threads. Validation has one of its own, so that a job on a bad file fails at once however long the queue is; training
has as many as the settings say. What is done to a job stands in ``job_run``. Unfinished jobs are queued again at start-up in
the order of their creation; a job that the disk stopped goes back to its queue after a pause.
"""

import logging
import queue
import threading
from collections.abc import Callable

from ftops.server.errors import place_of
from ftops.server.job_run import JobRun, Workshop
from ftops.server.storage import jobs
from ftops.server.storage.disk import DISK_ERRORS
from ftops.server.storage.jobs import JobRow, JobStatus

_LOG = logging.getLogger(__name__)
_STOP_SECONDS = 10.0


class JobQueue:
    """Starts with ``start``, takes jobs with ``submit``, and ends with ``stop``; running jobs then go on at the next start."""

    def __init__(self, workshop: Workshop, *, workers: int, retry_seconds: float) -> None:
        self._workshop = workshop
        self._retry_seconds = retry_seconds
        self._unchecked: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._untrained: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._interrupts: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(self._unchecked, self._check), name="check", daemon=True)
        ] + [
            threading.Thread(target=self._work, args=(self._untrained, self._train), name=f"train-{i}", daemon=True)
            for i in range(workers)
        ]

    def start(self) -> None:
        """Queues what an earlier process left unfinished, and begins to work."""
        with self._workshop.database.read() as connection:
            left_over = jobs.unfinished(connection)
        # A stable sort: running jobs before those that wait, each in the order of creation.
        for job in sorted(left_over, key=lambda job: job.status is not JobStatus.RUNNING):
            self.submit(job)
        for thread in self._threads:
            thread.start()

    def submit(self, job: JobRow) -> None:
        """Takes a job that is stored."""
        waiting = self._unchecked if job.status is JobStatus.VALIDATING else self._untrained
        waiting.put(job.id)

    def interrupt(self, job_id: str) -> None:
        """Wakes whoever works on a job, to see that its status has changed."""
        with self._lock:
            interrupt = self._interrupts.get(job_id)
        if interrupt is not None:
            interrupt.set()

    def stop(self) -> None:
        """Lets go of all jobs at their next step, and waits for the threads a while."""
        self._is_stopping.set()
        with self._lock:
            for interrupt in self._interrupts.values():
                interrupt.set()
        self._unchecked.put(None)
        for _ in self._threads[1:]:
            self._untrained.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_STOP_SECONDS)

    def _work(self, waiting: "queue.SimpleQueue[str | None]", carry_on: Callable[[JobRun], None]) -> None:
        while (job_id := waiting.get()) is not None and not self._is_stopping.is_set():
            interrupt = threading.Event()
            with self._lock:
                self._interrupts[job_id] = interrupt
                if self._is_stopping.is_set():
                    return
            is_put_off = False
            try:
                carry_on(JobRun(self._workshop, job_id, interrupt))
            except DISK_ERRORS as error:
                is_put_off = True
                _LOG.error("job %s is tried again in %g s: %s", job_id, self._retry_seconds, place_of(error))
            except Exception as error:  # noqa: BLE001 - one job's fault must not end the thread that serves the others
                _LOG.error("job %s stays unfinished until the next start: %s", job_id, place_of(error))
            finally:
                with self._lock:
                    del self._interrupts[job_id]
            if is_put_off:
                # The thread itself pauses: the next job would meet the same disk.
                self._is_stopping.wait(self._retry_seconds)
                waiting.put(job_id)

    def _check(self, run: JobRun) -> None:
        job = run.check()
        if job is not None:
            self.submit(job)

    def _train(self, run: JobRun) -> None:
        run.train()
