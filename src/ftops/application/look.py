"""One look at one backend: what was asked, what it said, and what this run remembers of former looks.

Owns how many calls a look may make beyond the two lists: ``Spare`` is what is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from ftops.domain.desired import DesiredState
from ftops.domain.guard import Policy
from ftops.domain.manifest import Backend, JobId, ModelId
from ftops.domain.observed import Job, ModelInfo
from ftops.domain.plan import Notice
from ftops.domain.records import LedgerState
from ftops.ports import BackendSession, Clock

# The jobs that a look lists in any case, newest first: a page.
NEWEST_JOBS: Final = 100
# With two lists that makes five calls for a plan in which nothing has changed; a run that applies looks further.
SPARE_CALLS: Final = 3
SPARE_CALLS_OF_APPLY: Final = 200
TARGET_CHECKS: Final = 2


@dataclass(kw_only=True, slots=True)
class Spare:
    """How many calls a look may still make; None where they aren't counted."""

    calls: int | None

    def take(self) -> bool:
        """Takes one, and says whether there was one to take."""
        if self.calls is None:
            return True
        self.calls -= 1
        return self.calls >= 0


class Remembered(Protocol):
    """Digests of what was found to be true once and for all; a set will do, one that outlives the run is better."""

    def __contains__(self, digest: object, /) -> bool:
        """Whether it was found before."""
        ...

    def add(self, digest: str, /) -> None:
        """Remembers it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """When a model was asked for, by both clocks, and whether it was there; None where nobody can tell."""

    at: datetime
    monotonic: float
    is_there: bool | None


@dataclass(kw_only=True, slots=True)
class Memory:
    """What a run remembers from look to look.

    ``differences`` is what reading finished jobs again brought up. ``jobs`` is when an unfinished job was last seen, by the
    monotonic clock. ``answers`` tells whether a backend answers for single models at all. ``targets`` are the makers of alias
    targets that were checked, ``checks`` how many more may be.
    """

    differences: dict[str, tuple[Notice, ...]] = field(default_factory=dict)
    jobs: dict[JobId, float] = field(default_factory=dict)
    models: dict[tuple[str, ModelId], Sight] = field(default_factory=dict)
    answers: dict[str, bool] = field(default_factory=dict)
    targets: Remembered = field(default_factory=set[str])
    checks: int = TARGET_CHECKS


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one look works with. ``listed`` are the newest jobs of this project there, whoever's ledger they are in."""

    backend: Backend
    address: str
    session: BackendSession
    ledger: LedgerState
    desired: DesiredState
    policy: Policy
    clock: Clock
    memory: Memory
    spare: Spare
    listed: Mapping[JobId, Job]
    models: Mapping[ModelId, ModelInfo]
    is_refreshing: bool = False
