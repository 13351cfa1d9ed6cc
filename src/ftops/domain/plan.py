"""A plan: ordered immutable actions, what is deferred, what is withheld or refused, and notices.

Owns the closed set of actions and reasons, and the plan's JSON form (``schemas/plan.v1.json``). Reasons are for people and
are never branched on. Text, JSON and Markdown render this one object, and apply carries out this same object.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.dataset_findings import DatasetFinding
from ftops.domain.judgement import Judgement
from ftops.domain.kept import Kept
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.pricing import Estimate
from ftops.domain.records import Target

PLAN_FORMAT_VERSION: Final = "1"
NO_ESTIMATE: Final = Estimate(usd=0.0)


class Reason(StrEnum):
    """Why a step is planned. ``docs/planning.md`` has one row for each."""

    DATASET_NOT_UPLOADED = "dataset_not_uploaded"
    NEW_REVISION = "new_revision"
    TRANSIENT_FAILURE = "transient_failure"
    FOUND_AT_BACKEND = "found_at_backend"
    NOT_EVALUATED = "not_evaluated"
    EVAL_CHANGED = "eval_changed"
    EVALUATION_ERROR = "evaluation_error"
    GATES_PASSED = "gates_passed"
    NO_GATES = "no_gates"
    PINNED = "pinned"
    OVERRIDE = "override"
    MODEL_CHANGED = "model_changed"
    ALIAS_REMOVED = "alias_removed"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    RENAMED = "renamed"
    REQUESTED = "requested"
    RETENTION = "retention"
    UNDECLARED = "undeclared"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """A field of the manifest that differs from what the ledger has: its path, the old value and the new one as text."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What every action has. ``after`` holds ids of actions that must have succeeded before this one."""

    id: str
    fine_tune: FineTuneName
    backend: BackendName
    reason: Reason
    revision: Revision
    changes: tuple[FieldChange, ...] = ()
    after: tuple[str, ...] = ()
    estimate: Estimate = NO_ESTIMATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Move(Step):
    """Carry the ledger's history of ``former`` over to the fine-tune's present name."""

    former: FineTuneName


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopt(Step):
    """Record a job of ours that the ledger doesn't know."""

    job: JobId
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancel(Step):
    """Cancel a job that nobody wants any more."""

    job: JobId
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload(Step):
    """Bring a dataset to the backend. ``sha256`` is its content's; ``size`` in bytes."""

    path: str
    sha256: str
    size: int
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Train(Step):
    """Create a job. ``takes_over`` is the id of an open intent that a run before this one left behind."""

    attempt: int
    base_model: str
    takes_over: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluate(Step):
    """Score a model under one evaluation. ``model`` is None until it is trained; ``calls`` is how many rows are sent.

    Besides, models are asked to judge or embed up to ``judged`` answers, which is in no estimate.
    With ``checkpoints`` it scores those, to choose the best of them, and no baseline; they are empty until they are trained.
    """

    evaluation: str
    digest: str
    model: ModelId | None
    calls: int
    judged: int = 0
    checkpoints: tuple[ModelId, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Promote(Step):
    """Move an alias. ``target`` None retires it; its model is None until it is trained. ``is_conditional``: gates decide."""

    alias: AliasName
    was: Target | None
    target: Target | None
    is_conditional: bool = False
    override: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteModel(Step):
    """Delete the model that a job made, and its checkpoints' models."""

    job: JobId
    attempt: int
    model: ModelId


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteFile(Step):
    """Delete a dataset that this ledger uploaded. ``file`` is its id at the backend, ``size`` in bytes."""

    sha256: str
    file: str
    size: int


Action = Move | Adopt | Cancel | Upload | Train | Evaluate | Promote | DeleteModel | DeleteFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Deferred:
    """Known but not yet possible: ``waits_for`` says what it waits for in words, ``job`` which job."""

    fine_tune: FineTuneName
    backend: BackendName
    revision: Revision
    what: str
    waits_for: str
    job: JobId | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """A promotion that the gates do not allow."""

    fine_tune: FineTuneName
    backend: BackendName
    revision: Revision
    alias: AliasName
    judgement: Judgement


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An action that a guard refuses, with what would allow it. ``allow`` is the word for ``--allow``, where there is one."""

    fine_tune: FineTuneName
    guard: str
    message: str
    allow: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Something a person should know; nothing is done about it."""

    fine_tune: FineTuneName | None
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocker:
    """A declared wish that can't be planned at all: the manifest has to change (exit code 2)."""

    fine_tune: FineTuneName
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What would be done, in the order in which it would be. ``today`` (UTC) is an input, and part of the plan.

    ``kept`` says which models stay although deletions were asked for. ``caveats`` say what this plan could not look at.
    ``bindings`` are the digests that a saved plan is checked against before it is carried out. ``dataset_changes`` and
    ``findings``, of the data of planned trainings, are for people who look at it, and say nothing where nobody does.
    """

    project: str
    today: date
    commit: str | None
    actions: tuple[Action, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    notices: tuple[Notice, ...] = ()
    kept: tuple[Kept, ...] = ()
    caveats: tuple[str, ...] = ()
    bindings: Mapping[str, str] = field(default_factory=dict)
    dataset_changes: tuple[DatasetChange, ...] = ()
    findings: tuple[DatasetFinding, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether carrying out the actions ends in the declared state, with nothing left to wait for."""
        return not self.deferred

    @property
    def has_changes(self) -> bool:
        """Whether there is something to do or to wait for."""
        return bool(self.actions or self.deferred)

    def count(self, kind: type[Step]) -> int:
        """The number of actions of one kind."""
        return sum(isinstance(action, kind) for action in self.actions)

    @property
    def cost_usd(self) -> float | None:
        """What training and evaluation would cost; None where a part of it is unknown."""
        costs = [action.estimate.usd for action in self.actions if isinstance(action, Train | Evaluate)]
        return None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs)


def kind_of(action: Action) -> str:
    """The action's word in JSON and in messages."""
    return word_for(type(action))


def word_for(kind: type[Step]) -> str:
    """The word of a kind of action: its class's name, as ``delete_model``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def action_id(kind: str, fine_tune: str, *parts: str | int) -> str:
    """An id that depends on nothing but what the action is about."""
    return ":".join([kind, fine_tune, *(str(part) for part in parts)])


def describe(value: Any) -> str:
    """A field's value in a plan: JSON-like, on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return value
        case list() | tuple():
            return "[" + ", ".join(describe(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{key}: {describe(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)
