"""The rate and the time left, as a live line tells them."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from ftops.application.tempo import Tempo, with_tempo


@dataclass
class HandClock:
    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.mark.parametrize(
    ("rate", "total", "told"),
    [
        (40, 1600, "40/s, 20 s left"),
        (4, 1000, "4.0/s, 4 min left"),
        (4, 80, "4.0/s"),
        (1, 10_000, "1.0/s, 3 h left"),
    ],
)
def test_what_is_told(rate: int, total: int, told: str) -> None:
    clock = HandClock()
    tempo = Tempo(clock=clock)
    assert tempo.told(0, total) == ""
    last = ""
    for step in range(1, 21):
        clock.sleep(1)
        last = tempo.told(rate * step, total)
    assert last == told


def test_what_was_there_already_is_soon_forgotten() -> None:
    clock = HandClock()
    tempo = Tempo(clock=clock)
    tempo.told(0, 2000)
    clock.sleep(1)
    assert tempo.told(1000, 2000).startswith("1000/s")
    for done in range(1010, 1310, 10):
        clock.sleep(1)
        last = tempo.told(done, 2000)
    assert last == "10/s, 70 s left"


def test_a_rate_below_one_a_second_is_told_by_the_minute() -> None:
    clock = HandClock()
    tempo = Tempo(clock=clock)
    tempo.told(0, 100)
    clock.sleep(4)
    assert tempo.told(2, 100) == "30/min, 3 min left"


def test_what_is_told_goes_with_what_is_done() -> None:
    clock, seen = HandClock(), list[tuple[str, int, int]]()
    tell = with_tempo(lambda *told: seen.append(told), "intent", clock)
    tell(0, 20)
    clock.sleep(1)
    tell(10, 20)
    assert seen == [("intent", 0, 20), ("10/s, 1 s left, intent", 10, 20)]


def test_nothing_is_told_while_nothing_moves() -> None:
    clock = HandClock()
    tempo = Tempo(clock=clock)
    tempo.told(5, 10)
    clock.sleep(3)
    assert tempo.told(5, 10) == ""
