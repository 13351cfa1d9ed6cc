"""What a rule of the faults file can say: which requests it means, how often, and what goes wrong with them.

Pure values. Two rules that say the same are equal, which is how a reloaded file keeps the counts of what didn't change.
"""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Kind(StrEnum):
    """What can go wrong, in the file's words."""

    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    STATUS = "status"
    DELAY = "delay"
    DUPLICATE = "duplicate"
    CUT = "cut"
    THROTTLE = "throttle"
    LAG = "lag"
    DENY_TRAINING = "deny-training"
    RETIRE = "retire"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """The connection is closed without an answer; ``is_after`` says that the request was carried out."""

    is_after: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """An error answer; None stands for what OpenAI says at that status. ``is_after``: the request was carried out."""

    status: int
    message: str | None
    kind: str | None
    code: str | None
    is_after: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """A pause before the request is carried out, or, with ``is_after``, before its answer goes out."""

    seconds: float
    is_after: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicate:
    """The request is carried out twice, and the first answer goes out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """The answer's body ends early, after ``size`` bytes or a ``part`` between 0 and 1; exactly one is given."""

    size: int | None
    part: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """429. With ``per_second`` only what comes faster; without ``retry_after`` the answer says when there is room again."""

    per_second: float | None
    retry_after: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """What a ``POST`` creates can't be found for so many seconds."""

    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DenyTraining:
    """No job can be created from ``since`` on and before ``until``; None is open."""

    since: dt.datetime | None
    until: dt.datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Retire:
    """From ``at`` on a base model is gone, and every fine-tune on it."""

    model: str
    at: dt.datetime


Fault = Drop | Status | Delay | Duplicate | Cut | Throttle | Lag | DenyTraining | Retire


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Which requests: ``method`` None is any; ``path`` may hold ``*``, which stops at a slash, and ``**``, which doesn't."""

    method: str | None
    path: str

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return self.method in {None, method} and _pattern(self.path).fullmatch(path) is not None

    def can_create(self) -> bool:
        """Whether requests that create an object may be meant."""
        # Either may be the more general one; a pattern fits a pattern as it would a path.
        return any(self.fits("POST", each.path) or each.fits("POST", self.path) for each in CREATIONS)


CREATIONS: Final = tuple(
    Match(method="POST", path=path)
    for path in ("/v1/files", "/v1/uploads", "/v1/uploads/*/complete", "/v1/fine_tuning/jobs", "/v1/batches")
)
"""The requests that create an object which can be looked up afterwards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule of the file. ``match`` None: the fault looks at names of models, not at routes.

    The first ``skip`` requests that match are let through, then ``count`` are struck; None is all of them.
    """

    kind: Kind
    fault: Fault
    match: Match | None
    name: str | None = None
    count: int | None = None
    skip: int = 0

    def fits(self, method: str, path: str, *, now: dt.datetime) -> bool:
        """Whether a request is meant now."""
        if self.match is None or not self.match.fits(method, path):
            return False
        if isinstance(self.fault, DenyTraining):
            return is_within(now, self.fault.since, self.fault.until)
        return True


def is_within(now: dt.datetime, since: dt.datetime | None, until: dt.datetime | None) -> bool:
    """Whether a moment lies from ``since`` on and before ``until``."""
    return (since is None or now >= since) and (until is None or now < until)


@lru_cache(maxsize=4096)
def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", path)
    wild = {"*": "[^/]*", "**": ".*"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts), re.DOTALL)
