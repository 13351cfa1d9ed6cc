"""What the parts of a backend in memory share: jobs, files, models, and the faults that wait for calls."""

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ftops.domain.manifest import ModelId
from ftops.errors import (
    AnswerLost,
    BackendError,
    NotFound,
    Rejected,
    TrainingNotAvailable,
    Unauthorized,
    Unreachable,
)
from ftops.ports import Job, ModelInfo, StoredFile

_START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Ticking(Protocol):
    def now(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What the next call of an operation meets. ``takes_effect``: the call was carried out, and its answer lost."""

    error: BackendError
    takes_effect: bool = False


@dataclass
class Entry:
    job: Job
    body: Mapping[str, Any]
    seen_lists: int = 0


@dataclass
class Content:
    file: StoredFile
    data: bytes
    purpose: str = "fine-tune"


@dataclass
class World:
    """What the parts of one session share."""

    clock: Ticking | None = None
    organization: str | None = "org-fake"
    jobs: list[Entry] = field(default_factory=list)
    files: dict[str, Content] = field(default_factory=dict)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def now(self) -> datetime:
        # Ids count up, so that without a clock later things are younger too.
        return self.clock.now() if self.clock else _START + timedelta(seconds=len(self.calls))

    def begin(self, operation: str) -> Fault | None:
        """Notes a call; raises the fault that waits for it, unless the call is carried out first."""
        self.calls.append(operation)
        waiting = self.faults.get(operation)
        fault = waiting.pop(0) if waiting else None
        if fault is not None and not fault.takes_effect:
            raise fault.error
        return fault

    def find(self, job: str) -> Entry:
        for entry in self.jobs:
            if entry.job.id == job:
                return entry
        raise NotFound(f"Could not find fine tune: {job}", status=404, code="fine_tune_not_found")


def checkpoint_name(model: ModelId, step: int) -> str:
    return f"{model}:ckpt-step-{step}"


def error_of(status: int, code: str | None) -> BackendError:
    if code == "training_not_available":
        return TrainingNotAvailable("OpenAI is winding down fine-tuning", status=403, code=code)
    if status == 429:
        return Unreachable("the backend throttles (429)")
    if status >= 500:
        return AnswerLost(f"the backend failed ({status})")
    kind = Unauthorized if status in {401, 403} else NotFound if status == 404 else Rejected
    return kind(f"refused ({status})", status=status, code=code)
