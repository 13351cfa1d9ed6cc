"""Apply: observe, plan, do what is possible, again, until nothing is left or only waiting remains.

Level-triggered: nothing is remembered between rounds but what was tried, so that the same action runs at most once in a run.
Which steps there are is the planner's business, how each is done ``execute``'s.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ftops.application.agenda import Agenda
from ftops.application.execute import execute
from ftops.application.observe import Observation, observe
from ftops.application.outcome import Outcome, Step
from ftops.application.planning import make_plan
from ftops.application.standing import check_standing
from ftops.application.workers import Finished, Workers, call_aside
from ftops.application.workspace import Workspace
from ftops.domain.continuing import continuing
from ftops.domain.events import AnyEvent, BackendSeen, CommitApplied, EventRefused, JobObserved, Started
from ftops.domain.manifest import BackendName
from ftops.domain.plan import Action, Deferred, Plan, kind_of
from ftops.domain.records import LedgerState
from ftops.errors import (
    BackendError,
    FtopsError,
    Interrupted,
    LedgerUnreachable,
    Refused,
    Stale,
    Unauthorized,
    Unreachable,
    local_storage_failed,
)

FIRST_POLL_SECONDS: Final = 0.5
LAST_POLL_SECONDS: Final = 15.0
DETACH_SECONDS: Final = 4.0
SLICE_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How far a run goes. ``seconds`` is when it detaches; ``is_waiting`` False does only what is possible now.

    ``is_continuing`` begins nothing: it settles, evaluates and promotes what an earlier apply began.
    """

    is_waiting: bool = True
    is_continuing: bool = False
    seconds: float = 5 * 3600.0
    parallelism: int = 4


@dataclass(kw_only=True, slots=True)
class Apply:
    """One run of apply, after its plan was approved."""

    workspace: Workspace
    settings: Settings
    approved: Plan
    outcome: Outcome = field(default_factory=Outcome)
    _down: Mapping[BackendName, BackendError] = field(default_factory=dict)
    _poll: float = FIRST_POLL_SECONDS
    _agenda: Agenda = field(init=False)

    def __post_init__(self) -> None:
        self._agenda = Agenda(approved=self.approved)

    def run(self) -> Outcome:
        """Carries the plan out; errors of one fine-tune are reported in the outcome, and the others go on."""
        workers: Workers[Action] = Workers(lambda action: execute(self.workspace, action), self.settings.parallelism)
        try:
            self._begin()
            self._loop(workers)
        except FtopsError as error:
            self.outcome.stopped_by = error
        except BrokenPipeError:
            raise  # nobody reads what a run tells
        except OSError as error:
            self.outcome.stopped_by = local_storage_failed(error)
        self._detach(workers)
        return self.outcome

    def _begin(self) -> None:
        """Records the applied commit and the backends' identities: the first thing an apply writes."""
        now, identity = self.workspace.clock.now(), self.workspace.identity
        for backends in _by_ledger(self.workspace):
            ledger = self.workspace.ledgers[backends[0]]
            state = ledger.read().state
            events: list[AnyEvent] = []
            if state.project is None:
                if self.settings.is_continuing:
                    continue
                project = self.workspace.desired.project.name
                events.append(Started(at=now, project=project, ledger_id=identity.new_id()))
            events += [BackendSeen(at=now, backend=name, base_url=self.workspace.address(name)) for name in backends]
            applied = state.project.applied if state.project else None
            is_new = applied is None or applied.commit != self.workspace.desired.commit
            if is_new and not self.settings.is_continuing:
                self.outcome.is_first_apply_of_commit = True
                commit = self.workspace.desired.commit
                events.append(CommitApplied(at=now, commit=commit, owner=identity.owner, run_url=identity.run_url))
            try:
                ledger.record(events, self._check_standing(backends[0]))
            except EventRefused as error:
                remedy = "use the key and address that the ledger knows"
                raise Unauthorized(str(error), status=403, remedy=remedy) from error

    def _check_standing(self, backend: BackendName) -> Callable[[LedgerState], None] | None:
        """Gives the check that no other run may slip past: on the very state that our commit is written to."""
        if backend in self.workspace.rehearsals:
            return None
        return lambda state: check_standing(self.workspace, state)

    def _loop(self, workers: Workers[Action]) -> None:
        clock = self.workspace.clock
        until = clock.monotonic() + self.settings.seconds
        while True:
            self.workspace.check_interrupted()
            plan = self._plan()
            for action in self._agenda.ready(plan, self._down):
                self._agenda.start(action)
                self.workspace.progress.update(action.fine_tune, kind_of(action))
                workers.submit(action)
            if not self._agenda.running and all(entry.backend in self._down for entry in plan.deferred):
                self._check_done(plan)
                return
            is_late = clock.monotonic() >= until
            if is_late or not (self._agenda.running or self.settings.is_waiting):
                self.outcome.left_waiting = True
                return
            self._wait(workers, self._pause(plan) if plan.deferred else LAST_POLL_SECONDS)

    def _wait(self, workers: Workers[Action], seconds: float) -> None:
        """Waits until a step has ended or it is time to look again; notices an interruption within a moment."""
        until = self.workspace.clock.monotonic() + seconds
        while (left := until - self.workspace.clock.monotonic()) > 0:
            self.workspace.check_interrupted()
            if not self._agenda.running:
                self.workspace.clock.sleep(min(left, SLICE_SECONDS))
            elif finished := workers.wait(min(left, SLICE_SECONDS)):
                self._collect(finished)
                return

    def _observe(self) -> Observation:
        """Looks. A run that has begun waits for a backend or a remote that is out of reach for a while."""
        clock, wait = self.workspace.clock, FIRST_POLL_SECONDS
        until = clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                # In a thread of its own: a backend or a remote that hangs doesn't keep an interrupted run.
                return call_aside(lambda: observe(self.workspace), self.workspace.check_interrupted)
            except (Unreachable, LedgerUnreachable) as error:
                if self.outcome.plan is None or not self.settings.is_waiting or clock.monotonic() >= until:
                    raise
                self.workspace.progress.say(f"{error.message}; looking again in {wait:.0f} s")
            clock.sleep(wait)
            wait = min(2 * wait, LAST_POLL_SECONDS)

    def _plan(self) -> Plan:
        observation = self._observe()
        self._down = observation.failures
        for name, events in observation.events.items():
            if events:
                self.workspace.ledgers[name].record_eventually(events)
            ended = [e for e in events if isinstance(e, JobObserved) and e.status.is_final]
            self.outcome.ended_jobs += ended
            if ended:
                self._poll = FIRST_POLL_SECONDS
            for event in ended:
                self.workspace.progress.say(_ended(event), fine_tune=event.fine_tune)
        for name, snapshot in observation.snapshots.items():
            self.workspace.fence(name)(snapshot.state)
        plan = make_plan(self.workspace, observation)
        if self.settings.is_continuing:
            plan = continuing(plan)
        self.outcome.plan = plan
        for deferred in plan.deferred:
            self._show_progress(deferred)
        return plan

    def _show_progress(self, deferred: Deferred) -> None:
        session = self.workspace.sessions.get(deferred.backend)
        if session is None or deferred.job is None or deferred.what != "training":
            return
        try:
            progress = session.jobs.progress(deferred.job)
        except BackendError:
            return  # a row without news; the job itself is observed elsewhere
        loss = f"loss {progress.train_loss:.3f}" if progress.train_loss is not None else progress.message
        self.workspace.progress.update(
            deferred.fine_tune, "training", done=progress.step, total=progress.total_steps, detail=loss
        )

    def _check_done(self, plan: Plan) -> None:
        """A run doesn't end as if all were done where a backend was down, or a training is left that nobody approved."""
        for error in self._down.values():
            raise error
        left = self._agenda.unapproved(plan)
        if left is not None:
            raise Stale(
                f"revision {left.revision} of {left.fine_tune} has to be trained, which was not approved for this run",
                remedy="plan again, and apply that plan",
            )

    def _pause(self, plan: Plan) -> float:
        """Waits longer the longer nothing happens; a rehearsal is always asked often."""
        is_rehearsal = all(d.backend in self.workspace.rehearsals for d in plan.deferred)
        pause, self._poll = self._poll, min(self._poll * 1.5, LAST_POLL_SECONDS)
        return FIRST_POLL_SECONDS if is_rehearsal else pause

    def _collect(self, finished: Iterable[Finished[Action]]) -> None:
        """Notes what ended, all of it; then raises what ends the run."""
        ending: BaseException | None = None
        for done in finished:
            error = done.error
            self._agenda.end(done.item, has_failed=error is not None)
            self._poll = FIRST_POLL_SECONDS
            if isinstance(error, EventRefused):
                error = Refused(str(error))
            elif isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                error = local_storage_failed(error)
            if isinstance(error, Interrupted | Stale) or not (error is None or isinstance(error, FtopsError)):
                ending = ending or error
                continue
            self.outcome.steps.append(Step(action=done.item, said=done.said, error=error))
            said = done.said if error is None else f"failed: {error}"
            self.workspace.progress.say(f"{kind_of(done.item)}: {said}", fine_tune=done.item.fine_tune)
        if ending is not None:
            raise ending

    def _detach(self, workers: Workers[Action]) -> None:
        """Gives what is in flight a moment to record itself; remote jobs go on in any case."""
        if not self._agenda.running:
            return
        self.workspace.stop.set()
        until = self.workspace.clock.monotonic() + DETACH_SECONDS
        while self._agenda.running and self.workspace.clock.monotonic() < until:
            # What ends the run is known already.
            with suppress(Interrupted, Stale):
                self._collect(workers.wait(SLICE_SECONDS))


def _ended(event: JobObserved) -> str:
    why = f": {event.error_message}" if event.error_message else ""
    made = f", made {event.model}" if event.model else ""
    return f"job {event.job} {event.status.value}{made}{why}"


def _by_ledger(workspace: Workspace) -> list[list[BackendName]]:
    """Groups the backends that can be called by their ledger."""
    groups: dict[int, list[BackendName]] = {}
    for name in sorted(workspace.sessions):
        groups.setdefault(id(workspace.ledgers[name]), []).append(name)
    return list(groups.values())
