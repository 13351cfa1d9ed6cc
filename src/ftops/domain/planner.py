"""Builds the plan: what must happen for the observed state to become the desired one.

Pure: the same inputs give the same plan, whatever order files or dicts come in. ``docs/planning.md`` lists each condition with
the action and the reason it leads to. This module goes through the fine-tunes; the steps themselves are chosen in
``training_steps`` and ``alias_steps``, and taken away in ``guard``.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import assert_never

from ftops.domain.alias_steps import plan_aliases
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.draft import Draft, Subject
from ftops.domain.events import Renamed
from ftops.domain.guard import Policy, apply_guards
from ftops.domain.manifest import BackendName, ModelId
from ftops.domain.observed import ObservedState
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    Evaluate,
    Move,
    Notice,
    Plan,
    Promote,
    Reason,
    Train,
    Upload,
    action_id,
)
from ftops.domain.records import LedgerState
from ftops.domain.training_steps import plan_training
from ftops.domain.transitions import apply_event


def build_plan(desired: DesiredState, observed: ObservedState, policy: Policy, today: date) -> Plan:
    """Gives the plan for one instant. ``today`` (UTC) decides on shutdown dates and on the budget's month."""
    draft = Draft()
    selected = sorted((d for d in desired.fine_tunes if policy.selects(d.name)), key=lambda d: d.name)
    observed = _move(selected, observed, draft, today)
    for declared in selected:
        draft.extend(_plan_one(declared, desired, observed, today))
    _report_orphans(desired, observed, draft)
    _share_uploads(draft)
    apply_guards(draft, desired, observed, policy, today)
    return Plan(
        project=desired.project.name,
        today=today,
        commit=desired.commit,
        actions=tuple(sorted(_after_moves(draft.actions), key=_order)),
        deferred=tuple(draft.deferred),
        withheld=tuple(draft.withheld),
        refusals=tuple(draft.refusals),
        blockers=tuple(draft.blockers),
        notices=tuple(draft.notices),
        caveats=(*observed.caveats, *_not_asked(observed)),
    )


def _not_asked(observed: ObservedState) -> list[str]:
    return [
        f"backend {name} was not asked: {view.why_offline}"
        for name, view in sorted(observed.backends.items())
        if view.why_offline is not None
    ]


def _plan_one(declared: Declared, desired: DesiredState, observed: ObservedState, today: date) -> Draft:
    ledger = observed.ledgers[declared.backend.name]
    subject = Subject(
        declared=declared,
        record=ledger.named(declared.name),
        ledger=ledger,
        view=observed.backends[declared.backend.name],
        observed=observed,
        desired=desired,
        today=today,
    )
    draft = Draft()
    _report_shutdown(subject, draft)
    training = plan_training(subject, draft)
    plan_aliases(subject, training, draft)
    if declared.fine_tune.policy.suspend:
        return _suspended(subject, draft)
    return draft


def _move(selected: list[Declared], observed: ObservedState, draft: Draft, today: date) -> ObservedState:
    """Plans renames, and gives the state in which they have happened: everything else is looked up in that."""
    ledgers = dict(observed.ledgers)
    for declared in selected:
        ledger = ledgers[declared.backend.name]
        for former in declared.fine_tune.moved_from:
            record = ledger.fine_tunes.get(former)
            if record is None:
                if (
                    declared.name not in ledger.fine_tunes
                    or former not in ledger.fine_tunes[declared.name].former_names
                ):
                    message = f"moved_from names {former}, which the ledger does not know"
                    draft.notices.append(Notice(fine_tune=declared.name, message=message))
                continue
            if declared.name in ledger.fine_tunes:
                message = f"moved_from names {former}, but the ledger has both {former} and {declared.name}"
                draft.notices.append(Notice(fine_tune=declared.name, message=message))
                continue
            draft.actions.append(
                Move(
                    id=action_id("move", declared.name, former),
                    fine_tune=declared.name,
                    backend=declared.backend.name,
                    reason=Reason.RENAMED,
                    revision=declared.revision,
                    former=former,
                )
            )
            at = datetime(today.year, today.month, today.day, tzinfo=UTC)
            moved = apply_event(ledger, Renamed(at=at, fine_tune=declared.name, former=former))
            ledgers = {name: moved if known is ledger else known for name, known in ledgers.items()}
            ledger = moved
    return replace(observed, ledgers=ledgers)


def _after_moves(actions: list[Action]) -> list[Action]:
    """A rename comes before everything else of its fine-tune: what is recorded under the new name finds its history there."""
    moves: dict[str, tuple[str, ...]] = {}
    for action in actions:
        if isinstance(action, Move):
            moves[action.fine_tune] = (*moves.get(action.fine_tune, ()), action.id)
    return [
        action if isinstance(action, Move) else replace(action, after=(*moves.get(action.fine_tune, ()), *action.after))
        for action in actions
    ]


def _report_shutdown(subject: Subject, draft: Draft) -> None:
    day = subject.view.shutdown_date(ModelId(subject.declared.fine_tune.base_model))
    if day is not None:
        days = (day - subject.today).days
        message = f"base model {subject.declared.fine_tune.base_model} shuts down on {day}, in {days} days"
        draft.notices.append(Notice(fine_tune=subject.declared.name, message=message))


def _suspended(subject: Subject, draft: Draft) -> Draft:
    would = ", ".join(sorted({type(action).__name__.lower() for action in draft.actions}))
    message = "suspended (spec.policy.suspend)" + (f"; without that: {would}" if would else "")
    notice = Notice(fine_tune=subject.declared.name, message=message)
    return Draft(notices=[*draft.notices, notice])


def _report_orphans(desired: DesiredState, observed: ObservedState, draft: Draft) -> None:
    """Reports what the ledger holds and no manifest declares; never deleted unasked."""
    names = {d.name for d in desired.fine_tunes}
    for backend, ledger in _distinct(observed):
        for name, record in sorted(ledger.fine_tunes.items()):
            if name not in names:
                jobs = sum(1 for _ in record.jobs())
                message = (
                    f"orphan: no manifest declares {name} ({jobs} jobs in the ledger of {backend}); nothing is deleted"
                )
                draft.notices.append(Notice(fine_tune=None, message=message))


def _distinct(observed: ObservedState) -> list[tuple[BackendName, LedgerState]]:
    seen: dict[int, tuple[BackendName, LedgerState]] = {}
    for name, ledger in sorted(observed.ledgers.items()):
        seen.setdefault(id(ledger), (name, ledger))
    return list(seen.values())


def _share_uploads(draft: Draft) -> None:
    """A dataset of several fine-tunes is uploaded once; all that need it wait for that."""
    first: dict[str, Action] = {}
    draft.actions[:] = [a for a in draft.actions if not isinstance(a, Upload) or first.setdefault(a.id, a) is a]


def _order(action: Action) -> tuple[int, str, str]:
    """Cheap and safe things first; what waits stands behind what it waits for."""
    match action:
        case Move():
            rank = 0
        case Adopt():
            rank = 1
        case Cancel():
            rank = 2
        case Upload():
            rank = 3
        case Train():
            rank = 4
        case Evaluate():
            rank = 5
        case Promote():
            rank = 6
        case _:
            assert_never(action)
    return rank, action.fine_tune, action.id
