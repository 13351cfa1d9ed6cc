"""What one run works with: the desired state, the ledgers and backends behind their ports, and who we are.

Owns the fence that every paid or irreversible step passes: a run that finds a newer commit applied does nothing more.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ftops.application.baselines import Candidate
from ftops.application.declare import DatasetReader
from ftops.application.evaluate import Evaluations
from ftops.application.look import Memory
from ftops.domain.curves import StepMetrics
from ftops.domain.dataset_changes import RowChanges
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.guard import Policy, rehearsal_names
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import Backend, BackendName, FineTune, FineTuneName, ModelId, Revision
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.errors import Interrupted, LedgerError, LedgerUnreachable, Stale
from ftops.ports import BackendSession, Clock, LedgerWriter, Progress, Repository

if TYPE_CHECKING:
    from ftops.application.data_reviews import Review


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who carries out this run. ``owner`` names host, process and its start; ``is_dead`` judges other runs' owners."""

    owner: str
    run_url: str | None
    new_id: Callable[[], str]
    is_dead: Callable[[str], bool]


class KnownRowChanges(Protocol):
    """What datasets were found to differ by, under keys that name their content."""

    def get(self, key: str, /) -> RowChanges | None:
        """Gives what was found; None where nothing is known."""
        ...

    def __setitem__(self, key: str, rows: RowChanges, /) -> None:
        """Remembers what was found."""
        ...


class KnownCurves(Protocol):
    """What finished jobs measured, under keys that name backend and job."""

    def get(self, key: str, /) -> tuple[StepMetrics, ...] | None:
        """Gives what was kept; None where nothing is known."""
        ...

    def __setitem__(self, key: str, metrics: tuple[StepMetrics, ...], /) -> None:
        """Remembers what a job measured."""
        ...


def not_at_hand(_backend: Backend) -> BackendSession | str:
    """Opens nothing: for who works with the backends that manifests name alone."""
    return "it can't be called here"


def not_looked_at(_fine_tunes: Sequence[FineTune]) -> "Review":
    """Finds nothing in datasets: for who has none to look at."""
    from ftops.application.data_reviews import Review  # brings numpy along

    return Review()


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """Everything that one run needs. ``stop`` is set when somebody interrupts it; ``review`` checks datasets.

    ``sessions`` are those of the backends that manifests name. ``open_left`` opens one that they have left, or says why it
    can't be called; it becomes one of ``sessions`` then. ``start`` opens an embedded one whose server does not run.
    ``row_changes`` are what datasets were found to differ by before, ``curves`` what finished jobs measured.
    """

    desired: DesiredState
    ledgers: Mapping[BackendName, LedgerWriter]
    sessions: dict[BackendName, BackendSession]
    offline: Mapping[BackendName, str]
    repository: Repository
    datasets: DatasetReader
    evaluations: Evaluations
    clock: Clock
    progress: Progress
    identity: Identity
    is_ledger_shared: bool = False
    policy: Policy = field(default_factory=Policy)
    stop: threading.Event = field(default_factory=threading.Event)
    judged: dict[tuple[str, ...], tuple[FineTuneRecord, Judgement]] = field(default_factory=dict)
    counted: dict[tuple[str, ...], tuple[FineTuneRecord, Mapping[str, int]]] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    row_changes: KnownRowChanges = field(default_factory=dict[str, RowChanges])
    curves: KnownCurves = field(default_factory=dict[str, tuple[StepMetrics, ...]])
    open_left: Callable[[Backend], BackendSession | str] = not_at_hand
    start: Callable[[Backend], BackendSession | str] = not_at_hand
    review: Callable[[Sequence[FineTune]], "Review"] = not_looked_at

    def declared(self, name: FineTuneName) -> Declared:
        """The declared fine-tune of that name; it must be declared."""
        declared = self.desired.named(name)
        if declared is None:
            raise LookupError(name)
        return declared

    def judge(self, record: FineTuneRecord, declared: Declared, revision: Revision, model: ModelId) -> Judgement:
        """Judges a model by its recorded scores; once for the same scores, as intervals take a while."""
        key = (declared.name, revision, declared.backend.name, model)
        known = self.judged.get(key)
        if known is None or _scores(known[0]) != _scores(record):
            candidate = Candidate(model=model, backend=declared.backend.name, revision=revision)
            judgement = self.evaluations.judgement(record, declared, candidate=candidate)
            known = self.judged[key] = record, judgement
        return known[1]

    def calls_due(
        self, record: FineTuneRecord, declared: Declared, revision: Revision, judgement: Judgement
    ) -> Mapping[str, int]:
        """Counts what evaluations that are due would ask, by their names; once for the same scores.

        One that was never made may have answers all the same: an interrupted run's, a trial's, another candidate's baseline's.
        """
        due = {lack.eval for lack in judgement.missing}
        if not due:
            return {}
        key = (declared.name, revision, judgement.backend, judgement.model, *(one.digest for one in declared.evals))
        known = self.counted.get(key)
        if known is None or _scores(known[0]) != _scores(record):
            candidate = Candidate(model=judgement.model, backend=judgement.backend, revision=revision)
            count = partial(self.evaluations.rows_to_call, record, declared, candidate=candidate)
            known = self.counted[key] = record, {name: count(evaluation=name) for name in sorted(due)}
        return known[1]

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends that this run looks at, by name."""
        return self.desired.backends

    @property
    def rehearsals(self) -> tuple[str, ...]:
        """The backends on which nothing costs money."""
        return tuple(sorted(rehearsal_names(self.desired)))

    @property
    def shared_ledgers(self) -> tuple[BackendName, ...]:
        """A backend of the ledger that is no rehearsal, where this project uses one: asking one of them is asking all."""
        return tuple(b.name for b in self.backends if not b.is_rehearsal)[:1]

    def address(self, backend: BackendName) -> str:
        """What identifies a backend's address: an embedded one changes its port, and stays the same backend."""
        return "embedded" if backend in self.rehearsals else self.sessions[backend].base_url

    def fence(self, backend: BackendName) -> Callable[[LedgerState], None]:
        """Gives a check for the ledger's newest state: Stale where another commit was applied after ours.

        This run recorded its own commit first, so another one there came later. One that ours contains takes nothing back;
        any other (newer, diverged, or not in this clone) does. A rehearsal's ledger is this clone's alone and knows no order.
        """

        def check(state: LedgerState) -> None:
            self.check_interrupted()
            applied = state.project.applied if state.project else None
            ours = self.desired.commit
            if backend in self.rehearsals or applied is None or applied.commit is None or ours is None:
                return
            if applied.commit != ours and self.repository.is_ancestor(applied.commit, ours) is not True:
                raise Stale(
                    f"commit {applied.commit[:12]} was applied meanwhile by {applied.owner}: nothing more is started",
                    remedy="apply the newest commit",
                )

        return check

    def check_interrupted(self) -> None:
        """Raises Interrupted once somebody asked this run to stop."""
        if self.stop.is_set():
            raise Interrupted("interrupted")


def _scores(record: FineTuneRecord) -> tuple[object, ...]:
    """Gives what a judgement rests on."""
    return record.evaluations, record.comparisons, record.preferences


def kept_pending(ledger: LedgerWriter, what: str) -> LedgerError:
    """Makes the error of something paid for that the ledger could not take: why, and where it is kept."""
    trouble = ledger.trouble or LedgerUnreachable("the ledger can't be written")
    message = f"{trouble.message}; {what} kept in .ftops/pending, for the next run to write"
    error = type(trouble)(message, remedy=trouble.remedy)
    error.is_kept = True
    return error
