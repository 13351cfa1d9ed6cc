"""One round of an apply: look at ledgers and backends, record what ended, plan, and show how far jobs are.

Owns the order of these; what to do with the plan is ``reconcile``'s. A round may be left behind in its thread at any point:
it changes nothing but the ledger, and that only by what is true.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ftops.application.observe import Observation, observe
from ftops.application.planning import make_plan
from ftops.application.workspace import Workspace
from ftops.domain.continuing import continuing
from ftops.domain.events import EventRefused, JobObserved
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import BackendName, FineTuneName, JobId, Revision
from ftops.domain.plan import Deferred, Plan
from ftops.domain.training_steps import TRAINING
from ftops.errors import BackendError

# Each running job is a call: a round shows some, and the next one others.
PROGRESS_CALLS: Final = 10
PROGRESS_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """What a round came to: the plan, the jobs that had ended since the last one, and the backends that can't be asked.

    ``judgements`` are those that the plan rests on: what gates say of a fine-tune's revision on a backend.
    """

    plan: Plan
    ended: tuple[JobObserved, ...]
    failures: Mapping[BackendName, BackendError]
    judgements: Mapping[tuple[FineTuneName, Revision, BackendName], Judgement]


@dataclass(kw_only=True, slots=True)
class Rounds:
    """Makes rounds. ``is_continuing`` plans nothing that begins something."""

    workspace: Workspace
    is_continuing: bool
    _shown: dict[JobId, float] = field(default_factory=dict)

    def make(self) -> Round:
        """Makes one. Raises LedgerError, BackendError, and Stale where a newer commit was applied meanwhile."""
        observation = observe(self.workspace)
        ended = self._record(observation)
        for name, snapshot in observation.snapshots.items():
            self.workspace.fence(name)(snapshot.state)
        plan = make_plan(self.workspace, observation)
        if self.is_continuing:
            plan = continuing(plan)
        self._show(entry for entry in plan.deferred if entry.what == TRAINING)
        judgements = observation.state.judgements
        return Round(plan=plan, ended=ended, failures=observation.failures, judgements=judgements)

    def _record(self, observation: Observation) -> tuple[JobObserved, ...]:
        ended: list[JobObserved] = []
        for name, events in observation.events.items():
            if events:
                # Refused where the ledger moved on meanwhile, as by ``ftops forget``: the next round looks anew.
                with suppress(EventRefused):
                    self.workspace.ledgers[name].record_eventually(events)
            ended += [e for e in events if isinstance(e, JobObserved) and e.status.is_final]
        return tuple(ended)

    def _show(self, running: Iterable[Deferred]) -> None:
        """Shows how far jobs are, those first that were not shown for the longest time."""
        clock = self.workspace.clock
        jobs = {entry.job: entry for entry in running if entry.job is not None}
        self._shown = {job: self._shown.get(job, 0.0) for job in jobs}
        until = clock.monotonic() + PROGRESS_SECONDS
        for job in sorted(jobs, key=lambda job: self._shown[job])[:PROGRESS_CALLS]:
            if clock.monotonic() > until or not self._show_one(jobs[job], job):
                return
            self._shown[job] = clock.monotonic()

    def _show_one(self, entry: Deferred, job: JobId) -> bool:
        session = self.workspace.sessions.get(entry.backend)
        if session is None:
            return True
        try:
            progress = session.jobs.progress(job)
        except BackendError:
            return False  # rows without news; the jobs themselves are observed elsewhere
        loss = f"loss {progress.train_loss:.3f}" if progress.train_loss is not None else progress.message
        self.workspace.progress.update(
            entry.fine_tune, TRAINING, done=progress.step, total=progress.total_steps, detail=loss
        )
        return True
