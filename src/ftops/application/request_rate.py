"""How fast one model may be asked, learnt from what its backend answers.

Owns the rule. A backend limits nobody until it refuses a request with 429, or its headers say that little is left; from then
on requests go out one by one, evenly, at a rate that is kept just below what is let through. Each refusal lowers the rate a
little, and quiet raises it, slowly at first and faster the longer it lasts. It waits for nobody and asks nobody: callers pass
times.

A token bucket, large or tiny, and a short window let through what comes evenly: their limit is found within seconds, and is
left alone but for a refusal every few seconds. Where the backend asks for a wait longer than ``_SHORT_WAIT`` it closes for
everybody, as windows of a minute do: nothing is sent before.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ftops.ports import Allowance

# Factors by how many were refused in a row with nothing let through in between: one of two is refused at up to twice the
# limit, two of three at up to three times. So a large step never leads far below the limit.
_STEPS: Final = (0.94, 0.9, 0.8)
# Once the limit is known, and refusals come seconds apart.
_SMALL_STEP: Final = 0.97
# Where the backend asks for a long wait, every refusal costs that: the rate is lowered for good.
_STEP_OF_LONG_WAITS: Final = 0.7
_SETTLED: Final = 1.0
_GROWTH: Final = 0.003
_FIRST_GROWTH: Final = 1.4
_LONGEST_QUIET: Final = 30.0
_SHORT_WAIT: Final = 2.0
_SLOWEST: Final = 0.5
_LEAST_SPAN: Final = 0.25
# Below a tenth of its limit a backend's own count is trusted to say how fast it fills up again.
_LITTLE: Final = 0.1
_BELOW_LIMIT: Final = 0.99
_SHUT: Final = 9
_FASTEST: Final = 10_000.0


@dataclass(kw_only=True, slots=True)
class RequestRate:
    """What is known of one model's limit. Times are seconds of a clock that never goes back; ``rate`` is requests a second.

    ``rate`` is None while nothing limits. Used by one event loop alone.
    """

    rate: float | None = None
    _next: float = 0.0
    _closed_until: float = 0.0
    _lowered_at: float = 0.0
    _grown_at: float = 0.0
    _is_guess: bool = True
    _ease: float = 1.0
    _refused_in_a_row: int = 0
    _sent: deque[float] = field(default_factory=lambda: deque(maxlen=512))
    _let_through: deque[float] = field(default_factory=lambda: deque(maxlen=512))

    def seconds_until_free(self, now: float) -> float:
        """Gives how long the next request has to wait; 0 lets it go now, and counts it as sent."""
        if now < self._closed_until:
            return self._closed_until - now
        if self.rate is not None:
            self._grow(now)
            if now < self._next:
                return self._next - now
            self._next = now + 1 / self.rate
        self._sent.append(now)
        return 0.0

    def answered(self, now: float, allowance: Allowance | None) -> None:
        """Learns from a request that was let through, and from the headers of its answer."""
        self._let_through.append(now)
        if self._refused_in_a_row >= _SHUT:
            # It opens again: the rate that it was asked at while it was shut says nothing.
            self._is_guess = True
            self._grown_at = now
        self._refused_in_a_row = 0
        if allowance is None or allowance.reset <= 0 or allowance.remaining > _LITTLE * allowance.limit:
            return
        # OpenAI's reset is when a bucket is full again: what it lacks divided by that is how fast it fills. Of a window, what
        # is used up divided by the time left is no less than its share.
        told = _BELOW_LIMIT * (allowance.limit - allowance.remaining) / allowance.reset
        if self.rate is None or (self._is_guess and told < self.rate):
            self._set(max(told, _SLOWEST), now)
            self._is_guess = False

    def refused(self, now: float, *, sent_at: float, wait: float | None) -> None:
        """Learns from a 429 for a request sent at ``sent_at``; ``wait`` is what the backend asks for, if it does."""
        if wait is not None and wait > _SHORT_WAIT:
            self._closed_until = max(self._closed_until, now + wait)
            self._ease = max(1.0, wait / _SHORT_WAIT)
        if self.rate is None:
            self._set(_per_second(self._sent, now), now)
        elif (
            sent_at >= self._lowered_at
        ):  # what was under way when the rate was lowered last says nothing of the new one
            # Never below what does come through: a short window that is used up refuses everything until it ends.
            lowered = self._step(now) * min(self.rate, _per_second(self._sent, now))
            self._set(max(lowered, _SMALL_STEP * _per_second(self._let_through, now, span=1.0), _SLOWEST), now)
            self._is_guess = False
            self._refused_in_a_row += 1

    def _step(self, now: float) -> float:
        if self._ease > 1.0:
            return _STEP_OF_LONG_WAITS
        if self._refused_in_a_row == 0 and now - self._lowered_at > _SETTLED:
            return _SMALL_STEP
        return _STEPS[min(self._refused_in_a_row, len(_STEPS) - 1)]

    def _set(self, rate: float, now: float) -> None:
        self.rate = rate
        self._lowered_at = self._grown_at = max(now, self._closed_until)

    def _grow(self, now: float) -> None:
        """Raises the rate for the time since it was raised last."""
        quiet = min(now - self._lowered_at, _LONGEST_QUIET)
        passed = max(0.0, now - self._grown_at)
        growth = _FIRST_GROWTH if self._is_guess else _GROWTH * quiet / self._ease
        self.rate = min(_FASTEST, (self.rate or _SLOWEST) * (1 + growth * min(passed, 1.0)))
        self._grown_at = max(now, self._grown_at)


def _per_second(times: Iterable[float], now: float, *, span: float | None = None) -> float:
    """Gives how many of ``times`` were in the last second, per second of it since the first one (or of ``span``)."""
    recent = [at for at in times if at > now - 1]
    since_first = now - recent[0] if recent else 1.0
    return len(recent) / (span or max(since_first, _LEAST_SPAN))
