"""Apply: observe, plan, do what is possible, again, until nothing is left or only waiting remains.

Level-triggered: nothing is remembered between rounds but what was tried, so that the same action runs at most once in a run.
Which steps there are is the planner's business, how each is done ``execute``'s, how often is looked ``pacing``'s.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ftops.application.agenda import POSTPONEMENTS, Agenda
from ftops.application.beginning import begin
from ftops.application.execute import execute
from ftops.application.outages import PATIENCE_SECONDS, Outages
from ftops.application.outcome import Outcome, Step
from ftops.application.pacing import FIRST_POLL_SECONDS, LAST_POLL_SECONDS, Pace
from ftops.application.rounds import Round, Rounds
from ftops.application.saved_plan import beyond_approval
from ftops.application.train import ClaimLost
from ftops.application.workers import Finished, Workers, call_aside
from ftops.application.workspace import Workspace
from ftops.domain.approval import Approval
from ftops.domain.events import EventRefused, JobObserved
from ftops.domain.manifest import BackendName
from ftops.domain.plan import Action, Cancel, DeleteFile, DeleteModel, Plan, Upload, kind_of
from ftops.errors import (
    AnswerLost,
    FtopsError,
    Interrupted,
    LedgerUnreachable,
    Refused,
    Stale,
    Unreachable,
    local_storage_failed,
)

# Interrupted, a run has 5 seconds; otherwise steps in flight have the time of the slowest call that is paid for.
DETACH_SECONDS: Final = 4.0
SETTLING_SECONDS: Final = 75.0
SLICE_SECONDS: Final = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How far a run goes. ``seconds`` is when it detaches; ``is_waiting`` False does only what is possible now.

    ``is_continuing`` begins nothing: it settles, evaluates and promotes what an earlier apply began. ``is_refreshing`` is for
    the plan that is approved: it reads again what has ended. ``approval`` is what reviewers saw before: nothing beyond that.
    """

    is_waiting: bool = True
    is_continuing: bool = False
    is_refreshing: bool = False
    seconds: float = 5 * 3600.0
    parallelism: int = 4
    approval: Approval | None = None


@dataclass(kw_only=True, slots=True)
class Apply:
    """One run of apply, after its plan was approved."""

    workspace: Workspace
    settings: Settings
    approved: Plan
    outcome: Outcome = field(default_factory=Outcome)
    _agenda: Agenda = field(init=False)
    _outages: Outages = field(init=False)
    _pace: Pace = field(init=False)
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        clock = self.workspace.clock
        self._agenda = Agenda(approved=self.approved, approval=self.settings.approval)
        self._outages = Outages(clock=clock, is_patient=self.settings.is_waiting)
        self._pace = Pace(clock=clock)
        self._rounds = Rounds(workspace=self.workspace, is_continuing=self.settings.is_continuing)

    @property
    def _is_applying(self) -> bool:
        """Whether this run applies what its commit declares."""
        return not (self.settings.is_continuing or self.workspace.policy.only_prunes)

    def run(self) -> Outcome:
        """Carries the plan out; errors of one fine-tune are reported in the outcome, and the others go on."""
        workers: Workers[Action] = Workers(self._carry_out, self.settings.parallelism)
        try:
            # What may hang runs in a thread of its own: nothing keeps an interrupted run.
            self.outcome.declared_anew = call_aside(
                lambda: begin(self.workspace, is_applying=self._is_applying),
                self.workspace.check_interrupted,
            )
            self._loop(workers)
        except FtopsError as error:
            self.outcome.stopped_by = error
        except OSError as error:
            self.outcome.stopped_by = local_storage_failed(error)
        self._end(workers)
        return self.outcome

    def _carry_out(self, action: Action) -> str:
        self.workspace.progress.update(action.fine_tune, kind_of(action))
        return execute(self.workspace, action)

    def _loop(self, workers: Workers[Action]) -> None:
        clock = self.workspace.clock
        until = clock.monotonic() + self.settings.seconds
        while True:
            self.workspace.check_interrupted()
            plan = self._look()
            self._hand_over(workers, plan)
            if self._is_over(plan):
                self._check_done(plan)
                return
            is_late = clock.monotonic() >= until
            is_waiting = self.settings.is_waiting or bool(self._agenda.running or self._agenda.postponed(plan))
            if is_late or not is_waiting:
                self.outcome.left_waiting = True
                return
            self._wait(workers, plan, until)

    def _look(self) -> Plan:
        """Makes a round, and takes over what it found."""
        self._pace.begin()
        made = self._patiently()
        self._pace.end()
        self._outages.observe(made.failures)
        self.outcome.plan = made.plan
        self.outcome.judgements = made.judgements
        self.outcome.ended_jobs += made.ended
        for event in made.ended:
            self._pace.quicken()
            self.workspace.progress.say(_ended(event), fine_tune=event.fine_tune)
        return made.plan

    def _patiently(self) -> Round:
        """A run that has begun waits for a backend or a remote that is out of reach for a while."""
        clock, wait = self.workspace.clock, FIRST_POLL_SECONDS
        until = clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return call_aside(self._rounds.make, self.workspace.check_interrupted)
            except (Unreachable, LedgerUnreachable) as error:
                if self.outcome.plan is None or not self.settings.is_waiting or clock.monotonic() >= until:
                    raise
                self.workspace.progress.say(f"{error.message}; looking again in {wait:.0f} s")
            clock.sleep(wait)
            self._pace.begin()
            wait = min(2 * wait, LAST_POLL_SECONDS)

    def _hand_over(self, workers: Workers[Action], plan: Plan) -> None:
        """Hands over what may start now; what no worker has begun is taken back before, as the newest plan decides."""
        self._agenda.drop(workers.take_back())
        for action in self._agenda.ready(plan, self._outages.closed):
            self._agenda.start(action)
            workers.submit(action)

    def _is_over(self, plan: Plan) -> bool:
        """Whether nothing runs, and nothing is left that this run could wait for."""
        if self._agenda.running or self._outages.is_hoping:
            return False
        given_up = self._outages.given_up
        is_waited_for = any(entry.backend not in given_up for entry in plan.deferred)
        return not is_waited_for and all(a.backend in given_up for a in self._agenda.postponed(plan))

    def _check_done(self, plan: Plan) -> None:
        """A run doesn't end as if all were done where a backend was down, or what was approved asks for another training."""
        for error in self._outages.given_up.values():
            raise error
        left = self._agenda.unapproved(plan)
        for action in left:
            if self._agenda.is_contrary(action):
                raise Stale(
                    f"revision {action.revision} of {action.fine_tune} has to be trained, which was not approved for this run",
                    remedy="plan again, and apply that plan",
                )
        self.outcome.due = tuple(left)
        if self.settings.approval is not None and (unseen := self.settings.approval.unseen(plan)):
            raise beyond_approval(unseen)

    def _wait(self, workers: Workers[Action], plan: Plan, until: float) -> None:
        """Waits until a step has ended or it is time to look again; notices an interruption within a moment."""
        clock, has_news = self.workspace.clock, False
        until = min(until, clock.monotonic() + self._pause(plan))
        while (left := until - clock.monotonic()) > 0:
            self.workspace.check_interrupted()
            if not self._agenda.running:
                if has_news:
                    return
                clock.sleep(min(left, SLICE_SECONDS))
            elif finished := workers.wait(min(left, SLICE_SECONDS)):
                self._collect(finished)
                has_news = True
            if has_news and self._pace.is_rested(is_busy=len(self._agenda.running) >= self.settings.parallelism):
                return

    def _pause(self, plan: Plan) -> float:
        pauses = [LAST_POLL_SECONDS]
        if plan.deferred:
            is_rehearsal = all(d.backend in self.workspace.rehearsals for d in plan.deferred)
            pauses.append(self._pace.poll_seconds(is_rehearsal=is_rehearsal))
        if self._agenda.postponed(plan):
            pauses.append(self._outages.seconds_closed() or FIRST_POLL_SECONDS)
        return min(pauses)

    def _collect(self, finished: Iterable[Finished[Action]]) -> None:
        """Notes what ended, all of it; then raises what ends the run."""
        ending: BaseException | None = None
        for done in finished:
            self._pace.quicken()
            error = done.error
            if isinstance(error, EventRefused):
                error = Refused(str(error))
            elif isinstance(error, OSError):
                error = local_storage_failed(error)
            if error is not None and self._is_postponed(done.item, error):
                continue
            self._agenda.end(done.item, has_failed=error is not None)
            if isinstance(error, Interrupted | Stale) or not (error is None or isinstance(error, FtopsError)):
                ending = ending or error
                continue
            self._outages.recover(done.item.backend)
            self._report(done.item, done.said if error is None else f"failed: {error}", error, said=done.said)
        if ending is not None:
            raise ending

    def _is_postponed(self, action: Action, error: BaseException) -> bool:
        """Whether a step that took no effect, or whose effect is found again, is tried once more later in this run."""
        match error:
            case ClaimLost():
                if not self._agenda.postpone(action, at_most=POSTPONEMENTS):
                    return False
                said = f"left to another run: {error.message}"
                self._report(action, said, None, said=said)
                return True
            case Unreachable() | LedgerUnreachable(is_kept=False):
                is_harmless = True
            case AnswerLost():
                is_harmless = isinstance(action, Upload | Cancel | DeleteModel | DeleteFile)
            case _:
                is_harmless = False
        tries = POSTPONEMENTS if self.settings.is_waiting else POSTPONEMENTS // 2
        if not (is_harmless and self._agenda.postpone(action, at_most=tries)):
            return False
        rest = self._outages.turn_away(self._in_trouble(action, error))
        self.workspace.progress.say(
            f"{kind_of(action)}: {error}; trying again in {rest:.0f} s", fine_tune=action.fine_tune
        )
        return True

    def _in_trouble(self, action: Action, error: BaseException) -> list[BackendName]:
        """The backends that a step's trouble is about: all of one ledger where that was out of reach."""
        if not isinstance(error, LedgerUnreachable):
            return [action.backend]
        ledgers = self.workspace.ledgers
        return [name for name, ledger in ledgers.items() if ledger is ledgers[action.backend]]

    def _report(self, action: Action, sentence: str, error: FtopsError | None, *, said: str) -> None:
        self.outcome.steps.append(Step(action=action, said=said, error=error))
        self.workspace.progress.say(f"{kind_of(action)}: {sentence}", fine_tune=action.fine_tune)

    def _end(self, workers: Workers[Action]) -> None:
        """Gives what is in flight time to record itself; remote jobs go on in any case."""
        self._agenda.drop(workers.take_back())
        is_detaching = self.outcome.left_waiting or isinstance(self.outcome.stopped_by, Interrupted)
        if not is_detaching:
            self._drain(workers, SETTLING_SECONDS)
        if self._agenda.running:
            self.workspace.stop.set()
            self._drain(workers, DETACH_SECONDS)

    def _drain(self, workers: Workers[Action], seconds: float) -> None:
        was_stopped = self.workspace.stop.is_set()
        until = self.workspace.clock.monotonic() + seconds
        while self._agenda.running and self.workspace.clock.monotonic() < until:
            if self.workspace.stop.is_set() and not was_stopped:
                return
            # What ends the run is known already.
            with suppress(Interrupted, Stale):
                self._collect(workers.wait(SLICE_SECONDS))


def _ended(event: JobObserved) -> str:
    why = f": {event.error_message}" if event.error_message else ""
    made = f", made {event.model}" if event.model else ""
    return f"job {event.job} {event.status.value}{made}{why}"
