"""Which batch is worked on when.

Owns one thread, which goes round the projects and gives one batch of each a slice of its time: a small batch doesn't wait for
a large one, nor a project for another that has hundreds. One thread is enough, since answers are computed, not waited for, and
chat shall find the processor free. A batch that the disk stopped is taken up again after a pause.
"""

import logging
import threading
import time

from ftops.server.batches.results import Office
from ftops.server.batches.run import BatchRun
from ftops.server.errors import place_of
from ftops.server.fair_queue import FairQueue
from ftops.server.storage import batches
from ftops.server.storage.batches import NewBatch
from ftops.server.storage.disk import DISK_ERRORS

_LOG = logging.getLogger(__name__)


class BatchQueue:
    """Starts with ``start``, takes batches with ``submit``, and ends with ``dismiss`` and ``join``.

    Batches that haven't ended go on at the next start.
    """

    def __init__(self, office: Office, *, retry_seconds: float) -> None:
        self._office = office
        self._retry_seconds = retry_seconds
        self._queue = FairQueue()
        self._projects: dict[str, str] = {}
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)

    def start(self) -> None:
        """Queues what an earlier process left unfinished, and begins to work."""
        with self._office.database.read() as connection:
            left_over = batches.unfinished(connection)
        self._office.folder.clear(unfinished=[batch.id for batch in left_over])
        for batch in left_over:
            self.submit(batch)
        self._thread.start()

    def submit(self, batch: NewBatch) -> None:
        """Takes a batch that is stored."""
        self._projects[batch.id] = batch.project
        self._queue.put(batch.id, lane=batch.project)

    def dismiss(self) -> None:
        """Tells the thread to let go of its batch at the next request."""
        self._is_stopping.set()
        self._queue.close()

    def join(self, deadline: float) -> None:
        """Waits for the thread until a time of ``time.monotonic``."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (batch_id := self._queue.take()) is not None:
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
                self._queue.put(batch_id, lane=self._projects[batch_id])
            else:
                del self._projects[batch_id]
            self._queue.release(batch_id)
