"""How long a claim to create a job may be relied on by the run that wrote it.

Other runs take a claim over 150 s after they first saw it (``train.TAKE_OVER_SECONDS``), which can't be before it was sent.
So its owner may begin the POST at most 40 s after that: the POST takes 100 s at most (10 for a free connection, 10 for TCP, 10
for TLS, 10 to send, 60 for the answer; ``adapters.backend_timing``), and 40 + 100 = 140 < 150. A machine can sleep in between,
and a process can be stopped.
"""

from datetime import datetime
from typing import Final

from ftops.ports import Clock

LEASE_SECONDS: Final = 40.0
# Older than this, a claim is looked up in the ledger before it is relied on: writing one takes a moment, not seconds.
FRESH_SECONDS: Final = 10.0


class Claim:
    """An intent that this run has written, and when it went out."""

    def __init__(self, intent: str, clock: Clock) -> None:
        self.intent = intent
        self._clock = clock
        self._wall: datetime = clock.now()
        self._monotonic = clock.monotonic()

    def send(self) -> None:
        """Notes that the claim is about to be written; again where others wrote first."""
        self._wall, self._monotonic = self._clock.now(), self._clock.monotonic()

    @property
    def age(self) -> float:
        """Seconds since it went out, by the clock that went further.

        The monotonic clock of Linux stands still while the machine is suspended, and the wall clock may be set back.
        """
        wall = (self._clock.now() - self._wall).total_seconds()
        return max(wall, self._clock.monotonic() - self._monotonic)

    @property
    def is_fresh(self) -> bool:
        """Whether nobody can have taken it over: it went out a moment ago."""
        return self.age <= FRESH_SECONDS

    @property
    def is_expired(self) -> bool:
        """Whether it is too late to send the POST, whatever the ledger says: another run may be about to take over."""
        return self.age > LEASE_SECONDS
