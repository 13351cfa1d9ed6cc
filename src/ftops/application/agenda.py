"""Which actions of a plan a run may start now: not before what they wait for, not twice, and none that nobody approved.

Approved are trainings and deletions; what else a plan comes to follows from them. Where reviewers approved another plan before
(``approval``), nothing is started that goes beyond that one either.
"""

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from ftops.domain.approval import Approval
from ftops.domain.plan import Action, Adopt, DeleteFile, DeleteModel, Evaluate, Plan, Promote, Reason, Train

# How often an action may be tried again that took no effect: a backend throttled it, say.
POSTPONEMENTS: Final = 5

_Key = tuple[str, str]


@dataclass(kw_only=True, slots=True)
class Agenda:
    """What a run has started, and what it was told to do. ``running`` holds the actions handed over and not ended, by id."""

    approved: Plan
    approval: Approval | None = None
    running: dict[str, Action] = field(default_factory=dict)
    _tried: set[_Key] = field(default_factory=set)
    _started: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)
    _postponed: Counter[_Key] = field(default_factory=Counter)
    _attempts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _approved: frozenset[tuple[str, str]] = field(init=False)
    _deletions: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        trainings = (action for action in self.approved.actions if isinstance(action, Train))
        self._approved = frozenset((a.fine_tune, a.revision) for a in trainings)
        self._deletions = frozenset(a.id for a in self.approved.actions if isinstance(a, DeleteModel | DeleteFile))

    def ready(self, plan: Plan, down: Container[str]) -> list[Action]:
        """Gives what may be started now, in the plan's order; nothing on a backend that is ``down``."""
        planned = {action.id for action in plan.actions}
        return [a for a in plan.actions if a.backend not in down and self._is_ready(a, planned)]

    def start(self, action: Action) -> None:
        """Notes that an action is being carried out."""
        self._tried.add(_key(action))
        self._started.add(action.id)
        self.running[action.id] = action
        if isinstance(action, Train):
            self._attempts.setdefault(_subject(action), action.attempt)

    def end(self, action: Action, *, has_failed: bool) -> None:
        """Notes that an action has ended."""
        del self.running[action.id]
        if has_failed:
            self._failed.add(action.id)

    def postpone(self, action: Action, *, at_most: int = POSTPONEMENTS) -> bool:
        """Lets an action that took no effect be tried again once a plan asks for it; False where that was often enough."""
        key = _key(action)
        if self._postponed[key] >= at_most:
            return False
        self._postponed[key] += 1
        self._tried.discard(key)
        del self.running[action.id]
        return True

    def drop(self, actions: Iterable[Action]) -> None:
        """Notes that actions that were handed over are not carried out after all."""
        for action in actions:
            del self.running[action.id]
            self._tried.discard(_key(action))

    def postponed(self, plan: Plan) -> list[Action]:
        """Gives what a plan still asks for, waits for nothing, and is to be tried again."""
        planned = {action.id for action in plan.actions}
        return [a for a in plan.actions if _key(a) in self._postponed and self._is_ready(a, planned)]

    def unapproved(self, plan: Plan) -> list[Train]:
        """Gives the trainings that wait for nothing and were never started: nobody approved them for this run."""
        planned = {action.id for action in plan.actions}
        waiting = (a for a in plan.actions if isinstance(a, Train) and planned.isdisjoint(a.after))
        return [a for a in waiting if a.id not in self._started]

    def is_contrary(self, action: Train) -> bool:
        """Whether what was approved can't be done without a training that was not.

        So where the approved plan trains that fine-tune in another way, or counts on a model of that revision or on its job.
        Any other training only became possible meanwhile, as where an organisation may train again.
        """
        trained = {known.fine_tune for known in self.approved.actions if isinstance(known, Train)}
        counted_on = {(entry.fine_tune, entry.revision) for entry in (*self.approved.actions, *self.approved.deferred)}
        return action.fine_tune in trained or (action.fine_tune, action.revision) in counted_on

    def _is_ready(self, action: Action, planned: Container[str]) -> bool:
        if any(id_ in planned for id_ in action.after) or action.id in self.running or _key(action) in self._tried:
            return False
        if self.approval is not None and not self.approval.covers(action):
            return False
        match action:
            case Train():
                return self._may_train(action)
            case Adopt():
                # Found while we create one: most likely it is the job that we are about to record.
                return not any(_is_creating(one, action) for one in self.running.values())
            case DeleteModel() | DeleteFile():
                return action.id in self._deletions  # only what a person has seen
            case _:
                return True

    def _may_train(self, action: Train) -> bool:
        """Whether this run may create this job: approved, not refused to us before, and no second attempt but a retry."""
        first = self._attempts.get(_subject(action), action.attempt)
        is_second = first != action.attempt and action.reason is not Reason.TRANSIENT_FAILURE
        return self._is_approved(action) and action.id not in self._failed and not is_second

    def _is_approved(self, action: Train) -> bool:
        """A person approved training this revision; trying again what was begun, after a transient failure, needs no word."""
        subject = action.fine_tune, action.revision
        is_retry = action.reason is Reason.TRANSIENT_FAILURE
        begun = {(d.fine_tune, d.revision) for d in self.approved.deferred}
        begun |= {(a.fine_tune, a.revision) for a in self.approved.actions if isinstance(a, Adopt)}
        return subject in self._approved or (is_retry and subject in begun)


def _key(action: Action) -> _Key:
    """What makes an action the same as one already tried: its id and what it works on."""
    match action:
        case Evaluate(model=model):
            return action.id, str(model)
        case Promote(target=target):
            return action.id, str(target)
        case Train(takes_over=intent):
            return action.id, str(intent)
        case _:
            return action.id, ""


def _is_creating(running: Action, found: Adopt) -> bool:
    return isinstance(running, Train) and (running.fine_tune, running.backend) == (found.fine_tune, found.backend)


def _subject(action: Train) -> tuple[str, str, str]:
    return action.fine_tune, action.backend, action.revision
