"""Which backends a run leaves alone for now, and which it has given up.

A backend that could not be asked is looked at again in every round; one that turned a step away (throttled, out of order)
gets no other step for a while that grows. Neither keeps the other backends waiting, and patience with both is bounded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ftops.domain.manifest import BackendName
from ftops.errors import BackendError, Unauthorized
from ftops.ports import Clock

PATIENCE_SECONDS: Final = 300.0
FIRST_REST_SECONDS: Final = 2.0
LAST_REST_SECONDS: Final = 60.0


@dataclass(kw_only=True, slots=True)
class Outages:
    """What is wrong with the backends now. A run that is not ``is_patient`` gives up at once."""

    clock: Clock
    is_patient: bool
    _down: Mapping[BackendName, BackendError] = field(default_factory=dict)
    _since: dict[BackendName, float] = field(default_factory=dict)
    _rests: dict[BackendName, float] = field(default_factory=dict)
    _until: dict[BackendName, float] = field(default_factory=dict)

    def observe(self, failures: Mapping[BackendName, BackendError]) -> None:
        """Notes which backends could not be asked in this round."""
        self._down = failures
        self._since = {name: self._since.get(name, self.clock.monotonic()) for name in failures}

    def turn_away(self, backends: Iterable[BackendName]) -> float:
        """Notes that backends turned a step away; gives the seconds for which they are left alone."""
        now, rest = self.clock.monotonic(), 0.0
        for name in backends:
            if self._until.get(name, 0.0) > now:  # several steps met the same trouble
                rest = self._until[name] - now
                continue
            rest = min(2 * self._rests.get(name, FIRST_REST_SECONDS / 2), LAST_REST_SECONDS)
            self._rests[name], self._until[name] = rest, now + rest
        return rest

    def recover(self, backend: BackendName) -> None:
        """Notes that a step at a backend came through."""
        self._rests.pop(backend, None)
        self._until.pop(backend, None)

    @property
    def closed(self) -> frozenset[BackendName]:
        """The backends at which nothing is started now."""
        now = self.clock.monotonic()
        return frozenset(self._down) | {name for name, until in self._until.items() if until > now}

    @property
    def given_up(self) -> Mapping[BackendName, BackendError]:
        """The backends that nothing is hoped for any more in this run, with why: a refused key, or silence for too long."""
        return {name: error for name, error in self._down.items() if not self._has_hope(name, error)}

    @property
    def is_hoping(self) -> bool:
        """Whether a backend that could not be asked may still come back."""
        return len(self.given_up) < len(self._down)

    def seconds_closed(self) -> float:
        """How long it is until the first backend that turned a step away may be tried again; 0 where none did."""
        now = self.clock.monotonic()
        return min((until - now for until in self._until.values() if until > now), default=0.0)

    def _has_hope(self, name: BackendName, error: BackendError) -> bool:
        if not self.is_patient or isinstance(error, Unauthorized):
            return False
        return self.clock.monotonic() - self._since[name] < PATIENCE_SECONDS
