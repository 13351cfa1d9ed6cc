"""Builds the plan: what must happen for the observed state to become the desired one.

Pure: the same inputs give the same plan, whatever order files or dicts come in. ``docs/planning.md`` lists each condition with
the action and the reason it leads to. This module goes through the fine-tunes; the steps themselves are chosen in
``training_steps`` and ``alias_steps``, and taken away in ``guard``.
"""

from dataclasses import replace
from datetime import date
from typing import assert_never

from ftops.domain.alias_steps import plan_aliases
from ftops.domain.cancel_steps import plan_requested_cancels, report_moot_requests
from ftops.domain.deletion_guards import refuse_deletions
from ftops.domain.deletion_steps import plan_deletions
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.draft import Draft, Subject
from ftops.domain.durations import with_durations
from ftops.domain.guard import Policy, apply_guards
from ftops.domain.lost_models import report_lost_models
from ftops.domain.manifest import BackendName, FineTuneName, ModelId
from ftops.domain.observed import Job, ObservedState, is_same_ledger
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Notice,
    Plan,
    Promote,
    Train,
    Upload,
    kind_of,
)
from ftops.domain.records import LedgerState
from ftops.domain.renames import plan_renames
from ftops.domain.training_steps import TRAINING, is_alive, plan_training, unrecorded_jobs


def build_plan(desired: DesiredState, observed: ObservedState, policy: Policy, today: date) -> Plan:
    """Gives the plan for one instant. ``today`` (UTC) decides on shutdown dates and on the budget's month."""
    draft = Draft()
    if not policy.only_prunes:
        observed = _plan_wishes(draft, desired, observed, policy, today)
    if policy.is_pruning:
        plan_deletions(desired, observed, policy, draft, today)
    apply_guards(draft, desired, observed, policy, today)
    refuse_deletions(draft, observed, policy)
    _share_uploads(draft)
    return Plan(
        project=desired.project.name,
        today=today,
        commit=desired.commit,
        actions=tuple(sorted(with_durations(_after_moves(draft.actions), desired, observed), key=_order)),
        deferred=tuple(draft.deferred),
        withheld=tuple(draft.withheld),
        refusals=tuple(draft.refusals),
        blockers=tuple(draft.blockers),
        notices=tuple(draft.notices),
        kept=tuple(draft.kept),
        caveats=(*observed.caveats, *_not_asked(observed)),
    )


def _plan_wishes(
    draft: Draft, desired: DesiredState, observed: ObservedState, policy: Policy, today: date
) -> ObservedState:
    """Plans what the manifests ask for, deletions apart; gives the state as it is after the renames."""
    if not desired.fine_tunes:
        places = ", ".join(desired.project.manifests)
        draft.notices.append(Notice(fine_tune=None, message=f"no manifest was found in {places}"))
    selected = sorted((d for d in desired.fine_tunes if policy.selects(d.name)), key=lambda d: d.name)
    renames = plan_renames(selected, desired, observed, draft, today)
    observed = renames.observed
    for declared in selected:
        if declared.name not in renames.taken:
            draft.extend(_plan_one(declared, desired, observed, renames.moves.get(declared.name), today))
    _cancel_undeclared(desired, observed, policy, draft)
    _report_orphans(desired, observed, policy, draft)
    draft.notices += [n for n in observed.notices if n.fine_tune is None or policy.selects(n.fine_tune)]
    return observed


def _not_asked(observed: ObservedState) -> list[str]:
    return [
        f"backend {name} was not asked: {view.why_offline}"
        for name, view in sorted(observed.backends.items())
        if view.why_offline is not None
    ]


def _plan_one(
    declared: Declared, desired: DesiredState, observed: ObservedState, move: Move | None, today: date
) -> Draft:
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
    draft = Draft(actions=[move] if move else [])
    _report_shutdown(subject, draft)
    training = plan_training(subject, draft)
    plan_aliases(subject, training, draft)
    report_lost_models(subject, draft)
    report_moot_requests(subject, draft)
    if declared.fine_tune.policy.suspend:
        return _suspended(subject, draft)
    return draft


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
        message = shutdown_message(subject.declared.fine_tune.base_model, day, (day - subject.today).days)
        draft.notices.append(Notice(fine_tune=subject.declared.name, message=message))


def shutdown_message(base_model: str, day: date, days: int) -> str:
    """Says when a base model ends."""
    return f"base model {base_model} shuts down on {day}, in {days} days"


def _suspended(subject: Subject, draft: Draft) -> Draft:
    would = ", ".join(sorted({kind_of(action) for action in draft.actions}))
    message = "suspended (spec.policy.suspend)" + (f"; without that: {would}" if would else "")
    running = [entry.waits_for for entry in draft.deferred if entry.what == TRAINING]
    message += "".join(f"; {job} goes on" for job in running)
    found = (f"{job.id} at {backend}" for backend, job in unrecorded_jobs(subject))
    message += "".join(f"; job {job} is not in the ledger" for job in found)
    notice = Notice(fine_tune=subject.declared.name, message=message)
    return Draft(notices=[*draft.notices, notice])


def _report_orphans(desired: DesiredState, observed: ObservedState, policy: Policy, draft: Draft) -> None:
    """Reports what no manifest accounts for, in the ledger and at the backends; where it is pruned that says more."""
    for backend, ledger in observed.distinct_ledgers:
        names = _accounted(desired, ledger)
        for name, record in sorted(ledger.fine_tunes.items()):
            if name not in names and not (policy.is_pruning and policy.selects(FineTuneName(name))):
                jobs = sum(1 for _ in record.jobs())
                counted = f"{jobs} job{'' if jobs == 1 else 's'} in the ledger of {backend}"
                message = f"orphan: no manifest declares {name} ({counted}); nothing is deleted"
                draft.notices.append(Notice(fine_tune=None, message=message))
    for backend, view in sorted(observed.backends.items()):
        for job in sorted(view.found, key=lambda job: job.id):
            if is_alive(job) and _is_stray(job, desired, observed, observed.ledgers[backend]):
                draft.notices.append(Notice(fine_tune=None, message=_stray(backend, job)))


def _cancel_undeclared(desired: DesiredState, observed: ObservedState, policy: Policy, draft: Draft) -> None:
    """Carries out what people asked for about jobs of fine-tunes that no manifest declares."""
    for _, ledger in observed.distinct_ledgers:
        names = _accounted(desired, ledger)
        for name, record in sorted(ledger.fine_tunes.items()):
            if name not in names and policy.selects(FineTuneName(name)):
                plan_requested_cancels(record, observed.backends, draft)


def _is_stray(job: Job, desired: DesiredState, observed: ObservedState, ledger: LedgerState) -> bool:
    """Whether a job of this project is of nothing that is declared on a backend of its ledger: nobody adopts it then."""
    here = tuple(d for d in desired.fine_tunes if is_same_ledger(observed.ledgers[d.backend.name], ledger))
    name, revision = (job.metadata.get(key, "") for key in ("ftops_name", "ftops_revision"))
    owner = ledger.named(FineTuneName(name))
    if owner is None or revision not in owner.revisions:
        return (name, revision) not in {(n, d.revision) for d in here for n in (d.name, *d.fine_tune.moved_from)}
    return owner.name not in _accounted(replace(desired, fine_tunes=here), ledger)


def _accounted(desired: DesiredState, ledger: LedgerState) -> set[str]:
    """The names that manifests account for: the declared ones, and former ones whose rename is still to come."""
    names: set[str] = {d.name for d in desired.fine_tunes}
    for declared in desired.fine_tunes:
        if declared.name not in ledger.fine_tunes:
            names |= {record.name for old in declared.fine_tune.moved_from if (record := ledger.named(old))}
    return names


def _stray(backend: BackendName, job: Job) -> str:
    name, revision = (job.metadata.get(key, "none") for key in ("ftops_name", "ftops_revision"))
    return (
        f"orphan: job {job.id} at {backend} ({job.status.value}) says it is of {name}, revision {revision}, "
        "which no manifest of this ledger accounts for; nothing is cancelled"
    )


def _share_uploads(draft: Draft) -> None:
    """A dataset of several fine-tunes is uploaded once, for the first that needs it; all that do wait for that."""
    users = {(action.fine_tune, id_) for action in draft.actions for id_ in action.after}
    first: dict[str, Action] = {}
    draft.actions[:] = [
        a
        for a in draft.actions
        if not isinstance(a, Upload) or ((a.fine_tune, a.id) in users and first.setdefault(a.id, a) is a)
    ]


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
            rank = 6 if action.checkpoints is None else 5  # what is chosen comes before what is judged
        case Promote():
            rank = 7
        case DeleteModel():  # last: an alias must never name a deleted model
            rank = 8
        case DeleteFile():
            rank = 9
        case _:
            assert_never(action)
    return rank, action.fine_tune, action.id
