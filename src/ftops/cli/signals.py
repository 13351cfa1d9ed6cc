"""Ears for signals: how a run is interrupted by Ctrl-C, by ``kill``, and by a terminal that was closed.

While nothing is under way the first signal ends the command at once. Once a plan is carried out the first one detaches: the
run records what is paid for, leaves remote jobs running and ends by itself; a second one leaves at once. Whatever hangs then,
be it a backend, a name server or a terminal that nobody reads, the process is gone within 5 seconds.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from ftops.cli.style import tell

INTERRUPTED: Final = 130
LEAVE_SECONDS: Final = 4.8
LEAVE_AT_ONCE_SECONDS: Final = 0.5

# SIGHUP comes when a terminal is closed or a connection is lost; Windows has SIGBREAK for that.
_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Ears:
    """Hears signals. ``stop`` is set by the first one that comes while something is under way."""

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self.stop = threading.Event()
        self._is_underway = False
        self._leave = leave

    @contextmanager
    def underway(self) -> Iterator[None]:
        """While this lasts something may be paid for: the first signal asks for an orderly end."""
        self._is_underway = True
        try:
            yield
        finally:
            self._is_underway = False

    def handle(self, _signal: int, _frame: FrameType | None) -> None:
        """Takes a signal. Raises KeyboardInterrupt where nothing is under way, and at the second one."""
        if self.stop.is_set() or not self._is_underway:
            self._leave_after(LEAVE_AT_ONCE_SECONDS if self.stop.is_set() else LEAVE_SECONDS)
            raise KeyboardInterrupt
        # Before a word is said: the terminal may be what hangs.
        self._leave_after(LEAVE_SECONDS)
        self.stop.set()
        tell("\nDetaching. Once more to leave at once.")

    def _leave_after(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._leave, (INTERRUPTED,))
        timer.daemon = True
        timer.start()


@contextmanager
def listening() -> Iterator[Ears]:
    """Listens until the end of the block. What the environment has us ignore (``nohup``) stays ignored."""
    ears = Ears()
    before = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and (name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN):
            before[number] = signal.signal(number, ears.handle)
    try:
        yield ears
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
