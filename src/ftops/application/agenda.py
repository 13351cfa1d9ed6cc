"""Which actions of a plan a run may start now: not before what they wait for, not twice, no training that nobody approved."""

from collections.abc import Container
from dataclasses import dataclass, field

from ftops.domain.plan import Action, Adopt, Evaluate, Plan, Promote, Reason, Train


@dataclass(kw_only=True, slots=True)
class Agenda:
    """What a run has started, and what it was told to do. ``running`` holds the actions in flight, by id."""

    approved: Plan
    running: dict[str, Action] = field(default_factory=dict)
    _tried: set[tuple[str, str]] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)
    _attempts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def ready(self, plan: Plan, down: Container[str]) -> list[Action]:
        """Gives what may be started now, in the plan's order; nothing on a backend that is ``down``."""
        return [action for action in plan.actions if action.backend not in down and self._is_ready(action, plan)]

    def start(self, action: Action) -> None:
        """Notes that an action is being carried out."""
        self._tried.add(_key(action))
        self.running[action.id] = action
        if isinstance(action, Train):
            self._attempts.setdefault(_subject(action), action.attempt)

    def end(self, action: Action, *, has_failed: bool) -> None:
        """Notes that an action has ended."""
        del self.running[action.id]
        if has_failed:
            self._failed.add(action.id)

    def unapproved(self, plan: Plan) -> Train | None:
        """Gives a training that waits for nothing and was never started: nobody approved it for this run."""
        tried, planned = {id_ for id_, _ in self._tried}, {action.id for action in plan.actions}
        waiting = (a for a in plan.actions if isinstance(a, Train) and planned.isdisjoint(a.after))
        return next((a for a in waiting if a.id not in tried), None)

    def _is_ready(self, action: Action, plan: Plan) -> bool:
        waits = {other.id for other in plan.actions}.intersection(action.after)
        if waits or action.id in self.running or _key(action) in self._tried:
            return False
        match action:
            case Train():
                return self._may_train(action)
            case Adopt():
                # Found while we create one: most likely it is the job that we are about to record.
                return not any(_is_creating(one, action) for one in self.running.values())
            case _:
                return True

    def _may_train(self, action: Train) -> bool:
        """Whether this run may create this job: approved, not refused to us before, and no second attempt but a retry."""
        first = self._attempts.get(_subject(action), action.attempt)
        is_second = first != action.attempt and action.reason is not Reason.TRANSIENT_FAILURE
        return self._is_approved(action) and action.id not in self._failed and not is_second

    def _is_approved(self, action: Train) -> bool:
        """A person approved the training of this revision; retrying a transient failure of it needs no second word."""
        return any(
            isinstance(a, Train) and (a.fine_tune, a.revision) == (action.fine_tune, action.revision)
            for a in self.approved.actions
        ) or (
            action.reason is Reason.TRANSIENT_FAILURE
            and any(d.revision == action.revision for d in self.approved.deferred)
        )


def _key(action: Action) -> tuple[str, str]:
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
