"""One look for all threads that wait for one: each is served by a look that began after it had asked."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Seen = TypeVar("Seen")


class SharedLooks(Generic[Seen]):
    """Makes looks one after the other. One that fails fails for its thread alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._newest: tuple[int, Seen] | None = None

    def look(self, make: Callable[[], Seen]) -> Seen:
        """Gives what ``make`` gave, called by this thread or by one that got there first, but not before this call."""
        asked = self._begun
        with self._lock:
            if self._newest is not None and self._newest[0] > asked:
                return self._newest[1]
            self._begun += 1
            number = self._begun
            seen = make()
            self._newest = number, seen
            return seen
