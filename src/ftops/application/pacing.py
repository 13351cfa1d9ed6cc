"""How often a run looks: soon while things happen, less often while nothing does, and never so often that it does little else.

A round reads and plans everything, so that it costs in proportion to how much there is, and each of as many steps would ask
for one. A rest in proportion to what the last round took keeps a run of a thousand fine-tunes linear.
"""

from dataclasses import dataclass
from typing import Final

from ftops.ports import Clock

FIRST_POLL_SECONDS: Final = 0.5
LAST_POLL_SECONDS: Final = 15.0
# While every worker has something to do, a fifth of the time goes into looking at most; while one is free, half of it.
REST_WHILE_BUSY: Final = 4.0
REST_WHILE_FREE: Final = 1.0


@dataclass(kw_only=True, slots=True)
class Pace:
    """When the next round may begin, and when it has to."""

    clock: Clock
    _poll: float = FIRST_POLL_SECONDS
    _began: float = 0.0
    _ended: float = 0.0

    def begin(self) -> None:
        """Notes that a round begins."""
        self._began = self._ended = self.clock.monotonic()

    def end(self) -> None:
        """Notes that the round has ended."""
        self._ended = self.clock.monotonic()

    def quicken(self) -> None:
        """Something happened: more may follow soon."""
        self._poll = FIRST_POLL_SECONDS

    def poll_seconds(self, *, is_rehearsal: bool) -> float:
        """Gives the pause until the next look at what runs remotely: longer each time; a rehearsal is always asked often."""
        pause, self._poll = self._poll, min(self._poll * 1.5, LAST_POLL_SECONDS)
        return max(FIRST_POLL_SECONDS if is_rehearsal else pause, REST_WHILE_FREE * (self._ended - self._began))

    def is_rested(self, *, is_busy: bool) -> bool:
        """Whether the next round may begin. ``is_busy``: no worker would be free for what it finds."""
        rest = (REST_WHILE_BUSY if is_busy else REST_WHILE_FREE) * (self._ended - self._began)
        return self.clock.monotonic() >= self._ended + rest
