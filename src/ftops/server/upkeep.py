"""Does what nobody asks for: what is due by time.

Owns one thread, which runs each task every few seconds. A task is idempotent and short; what it fails to do now it does the
next time.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from ftops.server.errors import place_of

_LOG = logging.getLogger(__name__)

Task = Callable[[int], None]
"""Called with the time in seconds since 1970."""


class Upkeep:
    """Starts with ``start``, ends with ``dismiss`` and ``join``."""

    def __init__(self, tasks: Sequence[Task], *, every_seconds: float) -> None:
        self._tasks = tasks
        self._every_seconds = every_seconds
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="upkeep", daemon=True)

    def start(self) -> None:
        """Runs all tasks at once, and then again and again."""
        self._thread.start()

    def dismiss(self) -> None:
        """Tells the thread to end after the task under way."""
        self._is_stopping.set()

    def join(self, deadline: float) -> None:
        """Waits for the thread until a time of ``time.monotonic``."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def run(self) -> None:
        """Runs each task once."""
        for task in self._tasks:
            try:
                task(int(time.time()))
            except Exception as error:  # noqa: BLE001 - one task's fault, a full disk say, must not stop the others
                _LOG.error("upkeep is tried again in %g s: %s", self._every_seconds, place_of(error))

    def _work(self) -> None:
        while not self._is_stopping.is_set():
            self.run()
            self._is_stopping.wait(self._every_seconds)
