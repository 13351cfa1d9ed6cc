"""How fast something goes on, and how long it still takes, in words for a live line.

Owns that sentence. The last seconds count alone: what was there already goes by faster than what has to be asked for.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ftops.ports import Clock

_SPAN: Final = 15.0
_STEP: Final = 0.5


@dataclass(kw_only=True, slots=True)
class Tempo:
    """Remembers how much was done when. Used by one thread."""

    clock: Clock
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    def told(self, done: int, total: int) -> str:
        """Gives the rate and the time left, such as ``41/s, 2 min left``; "" while nothing can be said."""
        now, marks = self.clock.monotonic(), self._marks
        if not marks or now - marks[-1][0] >= _STEP:
            marks.append((now, done))
        while len(marks) > 2 and now - marks[0][0] > _SPAN:
            marks.popleft()
        began, before = marks[0]
        if now - began < _STEP or done <= before:
            return ""
        rate = (done - before) / (now - began)
        if done >= total:
            return _rate(rate)
        return f"{_rate(rate)}, {_duration((total - done) / rate)} left"


def with_tempo(progress: Callable[[str, int, int], None], what: str, clock: Clock) -> Callable[[int, int], None]:
    """Gives what takes (done, all) and tells ``progress`` (what, done, all), ``what`` after the rate and the time left.

    They stand first, as a narrow terminal cuts long names of models off.
    """
    tempo = Tempo(clock=clock)

    def tell(done: int, total: int) -> None:
        told = tempo.told(done, total)
        progress(f"{told}, {what}" if told else what, done, total)

    return tell


def _rate(rate: float) -> str:
    return f"{rate:.0f}/s" if rate >= 9.5 else f"{rate:.1f}/s" if rate >= 0.95 else f"{60 * rate:.0f}/min"


def _duration(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 99.5 else f"{minutes / 60:.0f} h"
