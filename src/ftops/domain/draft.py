"""A plan in the making: what the parts of the planner add to, and what they all need to know of one fine-tune."""

from dataclasses import dataclass, field
from datetime import date

from ftops.domain.desired import Declared, DesiredState
from ftops.domain.judgement import Judgement
from ftops.domain.kept import Kept
from ftops.domain.manifest import JobId, ModelId, Revision
from ftops.domain.observed import BackendView, ObservedState
from ftops.domain.plan import Action, Blocker, Deferred, Notice, Refusal, Withheld
from ftops.domain.records import FineTuneRecord, LedgerState


@dataclass(kw_only=True, slots=True)
class Draft:
    """What is planned so far, in order. The planner alone makes one, and freezes it into a Plan."""

    actions: list[Action] = field(default_factory=list)
    deferred: list[Deferred] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    blockers: list[Blocker] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def extend(self, other: "Draft") -> None:
        """Adds another draft's parts behind this one's."""
        self.actions += other.actions
        self.deferred += other.deferred
        self.withheld += other.withheld
        self.refusals += other.refusals
        self.blockers += other.blockers
        self.notices += other.notices
        self.kept += other.kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One declared fine-tune beside what is known of it. ``record`` is None where the ledger has never heard of it."""

    declared: Declared
    record: FineTuneRecord | None
    ledger: LedgerState
    view: BackendView
    observed: ObservedState
    desired: DesiredState
    today: date

    @property
    def pinned(self) -> frozenset[Revision]:
        """The revisions that aliases are pinned to."""
        return frozenset(Revision(r) for r in self.declared.fine_tune.aliases.values() if r != "latest")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """The revision has a model."""

    model: ModelId


@dataclass(frozen=True, kw_only=True, slots=True)
class InProgress:
    """The revision's job has not ended. ``stall`` says why it isn't waited for, where it isn't."""

    job: JobId
    stall: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """The plan holds an action that leads to a model.

    ``scores`` names the evaluation under which that action scores checkpoints to choose one of them; ``judgement`` is that of
    a checkpoint whose scoring ended in error before.
    """

    by: str
    scores: str | None = None
    judgement: Judgement | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Untrained:
    """There is no model and none is coming."""


Training = Trained | InProgress | Planned | Untrained
