"""How events change a ledger's state: its fine-tunes, their scores and aliases.

A writer that loses a race applies its events again to the winner's state, so every rule is checked anew on the newest tip.
What happens to the project is in ``project_transitions``, to attempts in ``attempt_transitions``; what people ask for is in
``request_transitions``.
"""

from typing import assert_never

import msgspec

from ftops.domain.attempt_transitions import AttemptEvent, apply_to_attempts
from ftops.domain.attempts import DeletionStage
from ftops.domain.deletion_transitions import check_datasets, check_file_deletion
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    BackendSeen,
    CancelRecorded,
    CheckpointChosen,
    CommitApplied,
    Compared,
    Evaluated,
    EventRefused,
    FileDeletion,
    FileGone,
    FileUploaded,
    Forgot,
    GatesPassed,
    InputsKept,
    Intended,
    IntentClosed,
    JobObserved,
    JobRecorded,
    ModelDeletion,
    ModelMissed,
    ModelSeen,
    Preferred,
    Protected,
    Renamed,
    Requested,
    RevisionDeclared,
    Started,
    TrainingBlocked,
)
from ftops.domain.manifest import FineTuneName
from ftops.domain.preferences import with_preferences
from ftops.domain.project_transitions import apply_to_project
from ftops.domain.record_types import FORMAT_VERSION
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    FineTuneRecord,
    Forgotten,
    ForgottenCost,
    LedgerState,
    Passed,
    RevisionRecord,
    Target,
)
from ftops.domain.request_transitions import request, without_fulfilled, without_moot
from ftops.domain.scores import Comparison, EvaluationRecord
from ftops.domain.spending import costs_of, is_over, spent_usd


def apply_event(state: LedgerState, event: AnyEvent) -> LedgerState:
    """Gives the state after an event. Raises EventRefused where the event can't follow."""
    match event:
        case (
            Started()
            | BackendSeen()
            | CommitApplied()
            | FileUploaded()
            | FileGone()
            | FileDeletion()
            | TrainingBlocked()
        ):
            if isinstance(event, FileDeletion) and event.stage is DeletionStage.BEGUN:
                check_file_deletion(state, event)
            return msgspec.structs.replace(state, project=apply_to_project(state.project, event))
        case InputsKept():
            return msgspec.structs.replace(state, inputs=state.inputs | {event.train})
        case Renamed():
            return _rename(state, event)
        case Forgot():
            return _forget(state, event)
        case Intended():
            _check_budget(state, event)
            check_datasets(state, event)
            return _with_record(state, _apply_to_fine_tune(_record(state, event.fine_tune), event))
        case RevisionDeclared():
            record = state.fine_tunes.get(event.fine_tune) or FineTuneRecord(
                format_version=FORMAT_VERSION, name=event.fine_tune
            )
            return _with_record(state, _declare(record, event))
        case (
            IntentClosed()
            | JobRecorded()
            | JobObserved()
            | CheckpointChosen()
            | CancelRecorded()
            | Requested()
            | ModelMissed()
            | ModelSeen()
            | ModelDeletion()
            | Evaluated()
            | Compared()
            | Preferred()
            | GatesPassed()
            | AliasMoved()
            | Protected()
        ):
            return _with_record(state, _apply_to_fine_tune(_record(state, event.fine_tune), event))
        case _:
            assert_never(event)


def _record(state: LedgerState, name: FineTuneName) -> FineTuneRecord:
    record = state.named(name)
    if record is None:
        raise EventRefused(f"the ledger has no fine-tune {name}")
    return record


def _with_record(state: LedgerState, record: FineTuneRecord) -> LedgerState:
    return msgspec.structs.replace(state, fine_tunes={**state.fine_tunes, record.name: record})


def _rename(state: LedgerState, event: Renamed) -> LedgerState:
    record = _record(state, event.former)
    if record.name == event.fine_tune:
        return state
    if event.fine_tune in state.fine_tunes:
        raise EventRefused(f"the ledger already has a fine-tune {event.fine_tune}")
    names = tuple(sorted({*record.former_names, record.name} - {event.fine_tune}))
    moved = msgspec.structs.replace(record, name=event.fine_tune, former_names=names)
    others = {name: other for name, other in state.fine_tunes.items() if name != record.name}
    return msgspec.structs.replace(state, fine_tunes={**others, event.fine_tune: moved})


def _forget(state: LedgerState, event: Forgot) -> LedgerState:
    """Lets go of a fine-tune, or of a former name; what was spent stays counted."""
    record = _record(state, event.fine_tune)
    if record.name != event.fine_tune:
        names = tuple(name for name in record.former_names if name != event.fine_tune)
        return _with_record(state, msgspec.structs.replace(record, former_names=names))
    if state.project is None:
        raise EventRefused("the ledger has not been started")
    attempts = [a for revision in record.revisions.values() for on in revision.attempts.values() for a in on]
    if any(attempt.open_intent for attempt in attempts):
        raise EventRefused(f"somebody is about to create a job of {record.name}")
    costs = tuple(
        ForgottenCost(job=cost.job, at=cost.at, usd=cost.usd)
        for attempt in attempts
        for cost in costs_of(attempt)
        if cost.job is not None and cost.usd
    )
    backends = {backend for revision in record.revisions.values() for backend, on in revision.attempts.items() if on}
    forgotten = Forgotten(name=record.name, at=event.at, costs=costs, backends=tuple(sorted(backends)))
    project = msgspec.structs.replace(state.project, forgotten=(*state.project.forgotten, forgotten))
    others = {name: other for name, other in state.fine_tunes.items() if name != record.name}
    trained_on = {revision.train.sha256 for other in others.values() for revision in other.revisions.values()}
    return msgspec.structs.replace(state, project=project, fine_tunes=others, inputs=state.inputs & trained_on)


def _check_budget(state: LedgerState, event: Intended) -> None:
    if event.limit_usd is None or event.backend in event.rehearsals:
        return
    month = (event.at.year, event.at.month)
    spent = spent_usd(
        state,
        month=month,
        rehearsals=frozenset(event.rehearsals),
        apart_from=(_record(state, event.fine_tune).name, event.revision, event.backend, event.attempt),
    )
    if is_over(spent + (event.estimate_usd or 0.0), event.limit_usd):
        raise EventRefused(
            f"over budget: ${spent:.2f} spent this month and ${event.estimate_usd or 0.0:.2f} planned, "
            f"of ${event.limit_usd:.2f}"
        )


def _declare(record: FineTuneRecord, event: RevisionDeclared) -> FineTuneRecord:
    known = record.revisions.get(event.revision)
    if known is None:
        known = RevisionRecord(
            spec=event.spec,
            train=event.train,
            validation=event.validation,
            declared_at=event.at,
            commit=event.commit,
        )
    declared = msgspec.structs.replace(
        record,
        revisions={**record.revisions, event.revision: known},
        is_protected=event.is_protected,
    )
    return without_moot(declared, event.revision)


def _apply_to_fine_tune(
    record: FineTuneRecord,
    event: AttemptEvent | Requested | Evaluated | Compared | Preferred | GatesPassed | AliasMoved | Protected,
) -> FineTuneRecord:
    match event:
        case Protected():
            return msgspec.structs.replace(record, is_protected=event.is_protected)
        case Evaluated():
            return msgspec.structs.replace(record, evaluations=_with_evaluation(record, event.evaluation))
        case Compared():
            key = _comparison_key(event.comparison)
            others = tuple(c for c in record.comparisons if _comparison_key(c) != key)
            return msgspec.structs.replace(record, comparisons=(*others, event.comparison))
        case Preferred():
            return msgspec.structs.replace(record, preferences=with_preferences(record.preferences, event.preferences))
        case GatesPassed():
            if any((p.backend, p.model) == (event.backend, event.model) for p in record.passed):
                return record
            passed = Passed(backend=event.backend, revision=event.revision, model=event.model, at=event.at)
            return msgspec.structs.replace(record, passed=(*record.passed, passed))
        case AliasMoved():
            return _move_alias(record, event)
        case Requested():
            return request(record, event)
        case (
            Intended()
            | IntentClosed()
            | JobRecorded()
            | JobObserved()
            | CheckpointChosen()
            | CancelRecorded()
            | ModelMissed()
            | ModelSeen()
            | ModelDeletion()
        ):
            return without_fulfilled(apply_to_attempts(record, event), event)
        case _:
            assert_never(event)


def _comparison_key(comparison: Comparison) -> tuple[str, str, str]:
    return comparison.candidate, comparison.digest, comparison.form


def _with_evaluation(record: FineTuneRecord, new: EvaluationRecord) -> tuple[EvaluationRecord, ...]:
    def key(e: EvaluationRecord) -> tuple[str, str, str, str, str | None]:
        return e.digest, e.sent, e.model, e.backend, e.for_model

    return (*(old for old in record.evaluations if key(old) != key(new)), new)


def _move_alias(record: FineTuneRecord, event: AliasMoved) -> FineTuneRecord:
    known = record.aliases.get(event.alias, AliasRecord())
    if known.target == event.target and known.history:
        return record
    if known.target != event.was:
        raise EventRefused(f"alias {event.alias} was moved meanwhile")
    if event.target is not None and _is_being_deleted(record, event.target):
        raise EventRefused(f"{event.target.model} is being deleted: no alias may point to it")
    move = AliasMove(
        at=event.at, target=event.target, reason=event.reason, commit=event.commit, override=event.override
    )
    moved = AliasRecord(history=(*known.history, move))
    return msgspec.structs.replace(record, aliases={**record.aliases, event.alias: moved})


def _is_being_deleted(record: FineTuneRecord, target: Target) -> bool:
    return any(
        backend == target.backend and job.has_model(target.model) and (job.deleting_at or job.deleted_at)
        for _, backend, _, job in record.jobs()
    )
