"""Processes that examine parts of a large file side by side.

Owns starting them, once and only for a file that is worth it, and ending them.
"""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from typing import Final

_WORTH_BYTES: Final = 24 << 20  # starting a process takes as long as a few megabytes


class ExaminingProcesses:
    """A pool that is started when first needed; ``close`` ends it.

    ``count`` is how many it has: one less than ``limit``, by default the number of cores, as this process works too.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.count = max(1, limit if limit is not None else _cores()) - 1
        self._pool: ProcessPoolExecutor | None = None

    def for_file(self, size: int) -> ProcessPoolExecutor | None:
        """Gives the pool for a file of ``size`` bytes; None where one process is as quick."""
        if not self.count or size < _WORTH_BYTES:
            return None
        if self._pool is None:
            # Spawned, not forked: this process may have threads, and forking those is not safe.
            self._pool = ProcessPoolExecutor(
                self.count, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_interrupts
            )
        return self._pool

    def close(self) -> None:
        """Ends the processes; what they have not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave_interrupts() -> None:
    """Ctrl-C reaches the whole group: what becomes of it, the first process decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
