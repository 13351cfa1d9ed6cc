"""Observed state: what the ledger and the backends report at one instant.

Owns the values that planning takes as given. ``application.observe`` gathers them; nothing here asks anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ftops.domain.attempts import JobStatus
from ftops.domain.checkpoints import Choosing
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import Backend, BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.plan import Notice
from ftops.domain.records import LedgerState


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job as a backend reports it. ``metadata`` is empty where the backend keeps none."""

    id: JobId
    status: JobStatus
    base_model: str
    created_at: datetime
    metadata: Mapping[str, str]
    model: ModelId | None = None
    organization: str | None = None
    trained_tokens: int | None = None
    finished_at: datetime | None = None
    estimated_finish: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """A model that a backend serves; ``shutdown_date`` is ``YYYY-MM-DD`` where one is announced."""

    id: ModelId
    owned_by: str = ""
    shutdown_date: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradiction:
    """What the ledger says of the model that an alias points to, and the backend denies: somebody else wrote it there."""

    fine_tune: FineTuneName
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendView:
    """One backend as seen now.

    ``is_online`` False: it was not asked. ``why_offline`` says why (``--offline``, no key); it is None for an embedded
    server that isn't running, which has nothing to tell. ``found`` are jobs of this project that its ledger doesn't know;
    ``strangers`` those that carry our project's name but another ledger's id. ``unknown`` are unfinished jobs of the ledger
    that the backend has not known for a while; ``contradictions`` are alias targets that the backend says were not so made.
    """

    backend: Backend
    is_online: bool = False
    why_offline: str | None = None
    models: Mapping[ModelId, ModelInfo] = field(default_factory=dict)
    found: tuple[Job, ...] = ()
    strangers: tuple[Job, ...] = ()
    unknown: frozenset[JobId] = frozenset()
    contradictions: tuple[Contradiction, ...] = ()

    def shutdown_date(self, model: ModelId) -> date | None:
        """The day on which the backend stops serving a model, where it announces one."""
        info = self.models.get(model)
        return date.fromisoformat(info.shutdown_date) if info and info.shutdown_date else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservedState:
    """Ledgers and backends at one instant.

    ``ledgers`` maps each backend in use to the ledger that records it: rehearsals have one of their own. ``judgements`` holds
    what the recorded scores say of every trained revision that is declared or that an alias is pinned to, but for those in
    ``choosing``, of whose checkpoints an evaluation has still to choose one. ``calls`` counts, by evaluation, the requests of
    one that is due: what is neither scored nor kept on this machine. ``caveats`` say what could not be looked at,
    ``notices`` what looking brought up and nothing is done about.
    """

    ledgers: Mapping[BackendName, LedgerState]
    backends: Mapping[BackendName, BackendView]
    judgements: Mapping[tuple[FineTuneName, Revision, BackendName], Judgement] = field(default_factory=dict)
    choosing: Mapping[tuple[FineTuneName, Revision, BackendName], Choosing] = field(default_factory=dict)
    calls: Mapping[tuple[FineTuneName, Revision, BackendName], Mapping[str, int]] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def distinct_ledgers(self) -> tuple[tuple[BackendName, LedgerState], ...]:
        """Each ledger once, with the first of the backends that it records, by the backend's name."""
        distinct: list[tuple[BackendName, LedgerState]] = []
        for name, ledger in sorted(self.ledgers.items(), key=lambda item: item[0]):
            if not any(is_same_ledger(ledger, other) for _, other in distinct):
                distinct.append((name, ledger))
        return tuple(distinct)


def is_same_ledger(one: LedgerState, other: LedgerState) -> bool:
    """Whether two states are of one ledger: read twice, they are two values with one ledger id."""
    if one.project is None or other.project is None:
        return one is other
    return one.project.ledger_id == other.project.ledger_id
