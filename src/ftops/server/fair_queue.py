"""A queue that is fair between lanes, here projects: each lane has its turn, and within a lane the first come is served first.

Owns the order, and that an item is in one pair of hands at most: what is put while it waits stays where it is, and what is put
while it is in hand waits until it is released. Knows nothing of jobs.
"""

import threading
from collections import OrderedDict, deque


class FairQueue:
    """Safe to use from any thread. Every ``take`` is followed by a ``release``."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, deque[str]] = OrderedDict()
        self._urgent: deque[str] = deque()
        self._waiting: set[str] = set()
        self._in_hand: set[str] = set()
        # What was put while it was in hand: its lane, and whether it is urgent.
        self._put_meanwhile: dict[str, tuple[str, bool]] = {}
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, item: str, *, lane: str, is_urgent: bool = False) -> None:
        """Adds an item at its lane's end, or behind the other urgent ones, which go before all lanes."""
        with self._changed:
            if item in self._in_hand:
                self._put_meanwhile[item] = (lane, is_urgent)
            elif item not in self._waiting:
                self._add(item, lane, is_urgent=is_urgent)

    def take(self) -> str | None:
        """The next item, waited for; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._waiting)
            if self._is_closed:
                return None
            item = self._next()
            self._waiting.remove(item)
            self._in_hand.add(item)
            return item

    def release(self, item: str) -> None:
        """Lets go of an item that was taken."""
        with self._changed:
            self._in_hand.remove(item)
            put_meanwhile = self._put_meanwhile.pop(item, None)
            if put_meanwhile is not None:
                lane, is_urgent = put_meanwhile
                self._add(item, lane, is_urgent=is_urgent)

    def close(self) -> None:
        """Sends home all who wait; what is still queued stays where it is."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _add(self, item: str, lane: str, *, is_urgent: bool) -> None:
        self._waiting.add(item)
        (self._urgent if is_urgent else self._lanes.setdefault(lane, deque())).append(item)
        self._changed.notify()

    def _next(self) -> str:
        if self._urgent:
            return self._urgent.popleft()
        lane, items = next(iter(self._lanes.items()))
        item = items.popleft()
        if items:
            self._lanes.move_to_end(lane)
        else:
            del self._lanes[lane]
        return item
