"""Counts what a rule met and what it struck, and says whether a request's turn has come. Safe to use from any thread."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ftops.server.faults.rules import Rule, Throttle

_REQUESTS_KEPT = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A request on its way through the rules. ``struck_by`` fills with the names of those that struck, for the access log."""

    request_id: str
    struck_by: list[str] = field(default_factory=list)


class Tally:
    """A rule and its counts. ``name`` is its own, or its kind and a number."""

    def __init__(self, rule: Rule, *, name: str) -> None:
        self.rule = rule
        self.name = name
        self._lock = threading.Lock()
        self._matched = 0
        self._fired = 0
        self._last_fired_at: int | None = None
        self._request_ids: deque[str] = deque(maxlen=_REQUESTS_KEPT)
        per_second = rule.fault.per_second if isinstance(rule.fault, Throttle) else None
        self._bucket = None if per_second is None else _Bucket(per_second)

        self._turns_taken = 0

    @property
    def fired(self) -> int:
        """How often the rule has struck."""
        return self._fired

    def strike(self, exchange: Exchange | None) -> bool:
        """Counts a match, and tells whether it is struck. None is work that no request is waiting for."""
        turn = self.take_turn(exchange)
        if turn is not None:
            turn.strike()
        return turn is not None

    def take_turn(self, exchange: Exchange | None) -> "Turn | None":
        """Counts a match; None when it isn't to be struck."""
        with self._lock:
            self._matched += 1
            if self._matched <= self.rule.skip or self._fired + self._turns_taken == self.rule.count:
                return None
            if self._bucket is not None and self._bucket.take():
                return None
            self._turns_taken += 1
            return Turn(self, exchange)

    def end_turn(self, exchange: Exchange | None, *, has_struck: bool) -> None:
        """For ``Turn`` alone: counts a strike, or leaves its place to another request."""
        with self._lock:
            self._turns_taken -= 1
            if not has_struck:
                return
            self._fired += 1
            self._last_fired_at = int(time.time())
            if exchange is not None:
                self._request_ids.append(exchange.request_id)
                exchange.struck_by.append(self.name)

    def seconds_to_room(self) -> float:
        """When a throttle with a rate lets the next request through; a second for one without."""
        with self._lock:
            return 1.0 if self._bucket is None else self._bucket.seconds_to_room()

    def report(self) -> Mapping[str, Any]:
        """The counts, as ``GET /faults`` shows them."""
        match = self.rule.match
        with self._lock:
            return {
                "name": self.name,
                "fault": self.rule.kind.value,
                "match": None if match is None else {"method": match.method, "path": match.path},
                "matched": self._matched,
                "fired": self._fired,
                "last_fired_at": self._last_fired_at,
                "request_ids": list(self._request_ids),
            }


class Turn:
    """A rule's turn with one request, held until it is known whether that is struck; at its end, if it wasn't, given back."""

    def __init__(self, tally: Tally, exchange: Exchange | None) -> None:
        self.tally = tally
        self._exchange = exchange
        self._is_over = False

    def strike(self) -> None:
        """Counts the strike; once, however often it is called."""
        self._end(has_struck=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end(has_struck=False)

    def _end(self, *, has_struck: bool) -> None:
        if not self._is_over:
            self._is_over = True
            self.tally.end_turn(self._exchange, has_struck=has_struck)


class _Bucket:
    """Tokens that come back at a rate, at most a second's worth of them, and one at least."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._capacity = max(1.0, per_second)
        self._tokens = self._capacity
        self._filled_at = time.monotonic()

    def take(self) -> bool:
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def seconds_to_room(self) -> float:
        self._fill()
        return max(0.0, 1 - self._tokens) / self._per_second

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
