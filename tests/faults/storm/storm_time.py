"""Virtual time for runs that go on at the same time: one of them moves at any moment, and time passes when all wait.

Each run has a thread of its own, but a baton says whose turn it is: whoever waits hands it to the one that wakes first. So any
number of runs interleave at their calls, in an order that depends on how long each call takes and on nothing else.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
# Time passes at each wait, however short: a sum of floats may otherwise stand still.
MOMENT = 1e-6


@dataclass(order=True)
class _Wake:
    """Who or what goes on at a moment: a thread that waits for its baton, or an effect."""

    at: float
    order: int
    baton: threading.Semaphore | None = field(compare=False, default=None)
    effect: Callable[[], None] | None = field(compare=False, default=None)


class VirtualTime:
    """A clock. ``sleep`` lets others go on; ``after`` makes something happen later, when somebody waits for long enough."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._waiting: list[_Wake] = []
        self._order = itertools.count()
        self._threads = 0
        self._all_ended = threading.Semaphore(0)

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def after(self, seconds: float, effect: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, _Wake(self._elapsed + seconds, next(self._order), effect=effect))

    def sleep(self, seconds: float) -> None:
        mine = _Wake(self._elapsed + max(seconds, MOMENT), next(self._order), baton=threading.Semaphore(0))
        heapq.heappush(self._waiting, mine)
        if self._wake_next() is not mine:
            assert mine.baton is not None
            mine.baton.acquire()

    def together(self, runs: Sequence[tuple[float, Callable[[], None]]]) -> None:
        """Carries out runs that each start after so many seconds; returns when all have ended. Runs must not raise."""
        for seconds, run in runs:
            wake = _Wake(self._elapsed + seconds, next(self._order), baton=threading.Semaphore(0))
            heapq.heappush(self._waiting, wake)
            self._threads += 1
            threading.Thread(target=self._carry_out, args=(wake, run), daemon=True).start()
        if self._threads:
            self._wake_next()
            self._all_ended.acquire()

    def _carry_out(self, wake: _Wake, run: Callable[[], None]) -> None:
        assert wake.baton is not None
        wake.baton.acquire()
        try:
            run()
        finally:
            self._threads -= 1
            if self._threads:
                self._wake_next()
            else:
                self._all_ended.release()

    def _wake_next(self) -> _Wake:
        """Moves time on to whoever wakes first, and hands over to that one; effects on the way happen."""
        while True:
            first = heapq.heappop(self._waiting)
            self._elapsed = max(self._elapsed, first.at)
            if first.effect is not None:
                first.effect()
                continue
            assert first.baton is not None
            first.baton.release()
            return first
