"""How a limit is found: against buckets and windows in simulated time, with and without what headers say."""

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from ftops.application.request_rate import RequestRate
from ftops.ports import Allowance

RATE = 20.0
UNDER_WAY = 32

Wait = Callable[[float], float | None]


def in_whole_seconds(wait: float) -> float | None:
    return float(math.ceil(wait))


def exactly(wait: float) -> float | None:
    return wait


def unsaid(_: float) -> float | None:
    return None


class Limiter(Protocol):
    def take(self, now: float) -> tuple[bool, float | None, Allowance | None]: ...


@dataclass
class Bucket:
    """Fills evenly up to ``burst``."""

    burst: float
    wait: Wait
    tells: bool = False
    left: float = -1.0
    at: float = 0.0

    def take(self, now: float) -> tuple[bool, float | None, Allowance | None]:
        self.left = self.burst if self.left < 0 else min(self.burst, self.left + (now - self.at) * RATE)
        self.at = now
        if self.left < 1:
            return False, self.wait((1 - self.left) / RATE), None
        self.left -= 1
        told = Allowance(limit=int(self.burst), remaining=int(self.left), reset=(self.burst - self.left) / RATE)
        return True, None, told if self.tells else None


@dataclass
class Window:
    """Lets so many through in each stretch of ``seconds``."""

    seconds: float
    wait: Wait
    used: int = 0
    number: int = -1

    def take(self, now: float) -> tuple[bool, float | None, Allowance | None]:
        number = int(now // self.seconds)
        if number != self.number:
            self.number, self.used = number, 0
        if self.used < RATE * self.seconds:
            self.used += 1
            return True, None, None
        return False, self.wait((number + 1) * self.seconds - now), None


@dataclass
class Sliding:
    """Lets twenty through in any second."""

    wait: Wait
    let_through: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> tuple[bool, float | None, Allowance | None]:
        while self.let_through and self.let_through[0] <= now - 1:
            self.let_through.popleft()
        if len(self.let_through) < RATE:
            self.let_through.append(now)
            return True, None, None
        return False, self.wait(self.let_through[0] + 1 - now), None


@dataclass
class Drive:
    """Sends ``items`` requests, up to 32 at once, each under way for ``latency`` seconds; refused ones come back.

    A refusal takes no longer than the way there and back.
    """

    limiter: Limiter
    items: int
    latency: float
    rate: RequestRate = field(default_factory=RequestRate)
    refused: int = 0
    last: float = 0.0

    def run(self) -> "Drive":
        events: list[tuple[float, int, float | None]] = [(0.0, 0, None)]
        results: dict[int, tuple[bool, float | None, Allowance | None]] = {}
        number, free, ready, done, woken_at = 0, UNDER_WAY, self.items, 0, -1.0
        while done < self.items:
            now, which, sent_at = heapq.heappop(events)
            if sent_at is not None:
                free += 1
                is_through, wait, allowance = results.pop(which)
                if is_through:
                    done, self.last = done + 1, now
                    self.rate.answered(now, allowance)
                else:
                    self.refused += 1
                    self.rate.refused(now, sent_at=sent_at, wait=wait)
                    number += 1
                    heapq.heappush(events, (now + (0.5 if wait is None else wait), -number, None))
            elif which < 0:
                ready += 1
            while free and ready:
                pause = self.rate.seconds_until_free(now)
                number += 1
                if pause > 0:
                    if woken_at <= now:
                        woken_at = now + pause + 0.0005
                        heapq.heappush(events, (woken_at, 0, None))
                    break
                free, ready = free - 1, ready - 1
                results[number] = self.limiter.take(now)
                heapq.heappush(events, (now + (self.latency if results[number][0] else 0.01), number, now))
        return self


@pytest.mark.parametrize("latency", [0.01, 0.2])
@pytest.mark.parametrize(
    ("limiter", "burst"),
    [
        pytest.param(lambda: Bucket(burst=20, wait=in_whole_seconds), 20, id="bucket"),
        pytest.param(lambda: Bucket(burst=20, wait=exactly), 20, id="bucket, exact wait"),
        pytest.param(lambda: Bucket(burst=20, wait=unsaid), 20, id="bucket, silent"),
        pytest.param(lambda: Bucket(burst=20, wait=in_whole_seconds, tells=True), 20, id="bucket with headers"),
        pytest.param(lambda: Bucket(burst=200, wait=in_whole_seconds), 200, id="large bucket"),
        pytest.param(lambda: Bucket(burst=5, wait=in_whole_seconds), 5, id="small bucket"),
        pytest.param(lambda: Bucket(burst=2, wait=unsaid), 2, id="tiny bucket, silent"),
        pytest.param(lambda: Bucket(burst=1, wait=in_whole_seconds), 1, id="no burst at all"),
        pytest.param(lambda: Window(seconds=1, wait=in_whole_seconds), 20, id="window of a second"),
        pytest.param(lambda: Window(seconds=1, wait=unsaid), 20, id="window of a second, silent"),
        pytest.param(lambda: Window(seconds=10, wait=in_whole_seconds), 200, id="window of ten seconds"),
        pytest.param(lambda: Sliding(wait=in_whole_seconds), 20, id="any second"),
    ],
)
def test_nine_tenths_of_any_limit_are_used(limiter: Callable[[], Limiter], burst: int, latency: float) -> None:
    drive = Drive(limiter(), items=1000, latency=latency).run()
    assert drive.items / (RATE * drive.last + burst) >= 0.9
    assert drive.refused < 600


def test_what_is_not_limited_is_not_held_back() -> None:
    rate = RequestRate()
    assert [rate.seconds_until_free(0.0) for _ in range(1000)] == [0.0] * 1000
    assert rate.rate is None


def test_a_long_wait_closes_for_everybody() -> None:
    rate = RequestRate()
    assert rate.seconds_until_free(0.0) == 0.0
    rate.refused(1.0, sent_at=0.5, wait=40.0)
    assert rate.seconds_until_free(1.0) == 40.0
    assert rate.seconds_until_free(40.0) == 1.0
    assert rate.seconds_until_free(41.0) == 0.0


def test_little_left_slows_down_before_anything_is_refused() -> None:
    rate = RequestRate()
    rate.answered(0.0, Allowance(limit=1200, remaining=900, reset=15.0))
    assert rate.rate is None
    rate.answered(0.0, Allowance(limit=1200, remaining=60, reset=57.0))
    assert rate.rate == pytest.approx(0.99 * 20)


def test_requests_under_way_when_the_rate_was_lowered_lower_it_no_further() -> None:
    rate = RequestRate()
    for _ in range(50):
        rate.seconds_until_free(0.0)
    rate.refused(0.1, sent_at=0.0, wait=None)
    lowered = rate.rate
    for _ in range(31):
        rate.refused(0.1, sent_at=0.0, wait=None)
    assert rate.rate == lowered


def test_a_door_that_stays_shut_is_knocked_at_ever_less_and_then_tried_anew() -> None:
    rate = RequestRate()
    now = 0.0
    for _ in range(60):
        now += rate.seconds_until_free(now)
        rate.seconds_until_free(now)
        rate.refused(now, sent_at=now, wait=None)
        now += 0.01
    shut = rate.rate or 0.0
    assert shut < 1.0
    rate.answered(now, None)
    for _ in range(40):
        now += rate.seconds_until_free(now) + 0.001
        rate.seconds_until_free(now)
    assert (rate.rate or 0.0) > 10 * shut
