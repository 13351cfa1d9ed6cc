"""Which batch is worked on when.

Owns one thread, which gives each unfinished batch a slice of its time after the other: a small batch doesn't wait for a large
one. One thread is enough, since answers are computed, not waited for, and chat shall find the processor free. A batch that the
disk stopped is taken up again after a pause.
"""

import logging
import queue
import threading

from ftops.server.batch_results import Office
from ftops.server.batch_run import BatchRun
from ftops.server.errors import place_of
from ftops.server.storage import batches
from ftops.server.storage.disk import DISK_ERRORS

_LOG = logging.getLogger(__name__)
_STOP_SECONDS = 10.0


class BatchQueue:
    """Starts with ``start``, takes batches with ``submit``, ends with ``stop``; the rest goes on at the next start."""

    def __init__(self, office: Office, *, retry_seconds: float) -> None:
        self._office = office
        self._retry_seconds = retry_seconds
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)

    def start(self) -> None:
        """Queues what an earlier process left unfinished, and begins to work."""
        with self._office.database.read() as connection:
            left_over = batches.unfinished(connection)
        self._office.folder.clear(unfinished=left_over)
        for batch_id in left_over:
            self.submit(batch_id)
        self._thread.start()

    def submit(self, batch_id: str) -> None:
        """Takes a batch that is stored."""
        self._waiting.put(batch_id)

    def stop(self) -> None:
        """Lets go of the batch at its next request, and waits for the thread a while."""
        self._is_stopping.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while (batch_id := self._waiting.get()) is not None and not self._is_stopping.is_set():
            try:
                is_unfinished = BatchRun(self._office, batch_id, self._is_stopping).go_on()
            except DISK_ERRORS as error:
                is_unfinished = True
                _LOG.error("batch %s is tried again in %g s: %s", batch_id, self._retry_seconds, place_of(error))
                self._is_stopping.wait(self._retry_seconds)
            except Exception as error:  # noqa: BLE001 - one batch's fault must not end the thread that serves the others
                is_unfinished = False
                _LOG.error("batch %s stays unfinished until the next start: %s", batch_id, place_of(error))
            if is_unfinished:
                self.submit(batch_id)
