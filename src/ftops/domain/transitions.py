"""How events change a ledger's state: the project, its fine-tunes, their scores and aliases.

A writer that loses a race applies its events again to the winner's state, so every rule is checked anew on the newest tip.
What happens to attempts is in ``attempt_transitions``.
"""

from typing import assert_never

import msgspec

from ftops.domain.attempt_transitions import apply_to_attempts
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    BackendSeen,
    CancelRecorded,
    CommitApplied,
    Compared,
    Evaluated,
    EventRefused,
    FileGone,
    FileUploaded,
    GatesPassed,
    Intended,
    IntentClosed,
    JobObserved,
    JobRecorded,
    Renamed,
    RevisionDeclared,
    Started,
    TrainingBlocked,
)
from ftops.domain.manifest import BackendName, FineTuneName
from ftops.domain.record_types import FORMAT_VERSION
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    Applied,
    BackendRecord,
    Blocked,
    FineTuneRecord,
    LedgerState,
    Passed,
    ProjectRecord,
    RevisionRecord,
    is_over,
    spent_usd,
)
from ftops.domain.scores import Comparison, EvaluationRecord


def apply_event(state: LedgerState, event: AnyEvent) -> LedgerState:
    """Gives the state after an event. Raises EventRefused where the event can't follow."""
    match event:
        case Started() | BackendSeen() | CommitApplied() | FileUploaded() | FileGone() | TrainingBlocked():
            return msgspec.structs.replace(state, project=_apply_to_project(state.project, event))
        case Renamed():
            return _rename(state, event)
        case Intended():
            _check_budget(state, event)
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
            | CancelRecorded()
            | Evaluated()
            | Compared()
            | GatesPassed()
            | AliasMoved()
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


def _apply_to_project(
    project: ProjectRecord | None,
    event: Started | BackendSeen | CommitApplied | FileUploaded | FileGone | TrainingBlocked,
) -> ProjectRecord:
    if isinstance(event, Started):
        return project or ProjectRecord(format_version=FORMAT_VERSION, name=event.project, ledger_id=event.ledger_id)
    if project is None:
        raise EventRefused("the ledger has not been started")
    match event:
        case CommitApplied():
            applied = Applied(commit=event.commit, at=event.at, owner=event.owner, run_url=event.run_url)
            return msgspec.structs.replace(project, applied=applied)
        case BackendSeen():
            backend = _seen(project.backends.get(event.backend), event)
        case FileUploaded():
            known = _backend(project, event.backend)
            backend = msgspec.structs.replace(known, files={**known.files, event.sha256: event.file})
        case FileGone():
            known = _backend(project, event.backend)
            files = {sha256: file for sha256, file in known.files.items() if sha256 != event.sha256}
            backend = msgspec.structs.replace(known, files=files)
        case TrainingBlocked():
            blocked = Blocked(at=event.at, message=event.message) if event.message is not None else None
            backend = msgspec.structs.replace(_backend(project, event.backend), blocked=blocked)
        case _:
            assert_never(event)
    return msgspec.structs.replace(project, backends={**project.backends, event.backend: backend})


def _backend(project: ProjectRecord, name: BackendName) -> BackendRecord:
    if name not in project.backends:
        raise EventRefused(f"the ledger has no backend {name}")
    return project.backends[name]


def _seen(known: BackendRecord | None, event: BackendSeen) -> BackendRecord:
    if known is None:
        return BackendRecord(base_url=event.base_url, organization=event.organization)
    if known.base_url != event.base_url:
        raise EventRefused(f"backend {event.backend} is {known.base_url} in the ledger, and {event.base_url} now")
    if known.organization and event.organization and known.organization != event.organization:
        raise EventRefused(
            f"backend {event.backend} belongs to organisation {known.organization} in the ledger, "
            f"and this key to {event.organization}"
        )
    return msgspec.structs.replace(known, organization=known.organization or event.organization)


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
    return msgspec.structs.replace(
        record,
        revisions={**record.revisions, event.revision: known},
        is_protected=event.is_protected,
    )


def _apply_to_fine_tune(
    record: FineTuneRecord,
    event: Intended
    | IntentClosed
    | JobRecorded
    | JobObserved
    | CancelRecorded
    | Evaluated
    | Compared
    | GatesPassed
    | AliasMoved,
) -> FineTuneRecord:
    match event:
        case Evaluated():
            return msgspec.structs.replace(record, evaluations=_with_evaluation(record, event.evaluation))
        case Compared():
            key = _comparison_key(event.comparison)
            others = tuple(c for c in record.comparisons if _comparison_key(c) != key)
            return msgspec.structs.replace(record, comparisons=(*others, event.comparison))
        case GatesPassed():
            if any((p.backend, p.model) == (event.backend, event.model) for p in record.passed):
                return record
            passed = Passed(backend=event.backend, revision=event.revision, model=event.model, at=event.at)
            return msgspec.structs.replace(record, passed=(*record.passed, passed))
        case AliasMoved():
            return _move_alias(record, event)
        case Intended() | IntentClosed() | JobRecorded() | JobObserved() | CancelRecorded():
            return apply_to_attempts(record, event)
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
    move = AliasMove(
        at=event.at, target=event.target, reason=event.reason, commit=event.commit, override=event.override
    )
    moved = AliasRecord(history=(*known.history, move))
    return msgspec.structs.replace(record, aliases={**record.aliases, event.alias: moved})
