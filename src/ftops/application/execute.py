"""Carries out one action: one match over the closed set of them.

Each step passes the fence on the ledger's newest state first, records what it is about to do where that is paid or can't be
undone, and records what it did. It never decides whether an action should happen; the plan did.
"""

from collections.abc import Iterable
from typing import Final, assert_never

import msgspec

from ftops.application.baselines import Candidate
from ftops.application.checkpoints import choose_checkpoint
from ftops.application.deletion import delete_file, delete_model
from ftops.application.target_checks import digest_of, has_made
from ftops.application.train import Training
from ftops.application.uploads import declaration, missing_inputs, upload
from ftops.application.workspace import Workspace, kept_pending
from ftops.domain.attempts import CancelReason, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.events import AliasMoved, AnyEvent, CancelRecorded, GatesPassed, JobObserved, JobRecorded, Renamed
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.lost_models import SECOND_LOOK
from ftops.domain.manifest import JobId, ModelId, Revision
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Promote,
    Reason,
    Train,
    Upload,
)
from ftops.domain.records import FineTuneRecord, LedgerState, Target
from ftops.domain.transitions import apply_event
from ftops.errors import BackendError, Interrupted, NotFound, Refused, Stale

_CANCEL_REASONS: Final = {
    Reason.DUPLICATE: CancelReason.DUPLICATE,
    Reason.SUPERSEDED: CancelReason.SUPERSEDED,
    Reason.REQUESTED: CancelReason.REQUESTED,
}


def execute(workspace: Workspace, action: Action) -> str:
    """Carries out an action and says in words what came of it.

    Raises BackendError, LedgerError, Stale, Interrupted, Invalid, ``train.ClaimLost`` and ``domain.events.EventRefused``.
    """
    match action:
        case Move():
            return _move(workspace, action)
        case Adopt():
            return _adopt(workspace, action)
        case Cancel():
            return _cancel(workspace, action)
        case Upload():
            return _upload(workspace, action, workspace.declared(action.fine_tune))
        case Train():
            return _train(workspace, action, workspace.declared(action.fine_tune))
        case Evaluate():
            return _evaluate(workspace, action, workspace.declared(action.fine_tune))
        case Promote():
            return _promote(workspace, action)
        case DeleteModel():
            return delete_model(workspace, action)
        case DeleteFile():
            return delete_file(workspace, action)
        case _:
            assert_never(action)


def _move(workspace: Workspace, action: Move) -> str:
    event = Renamed(at=workspace.clock.now(), fine_tune=action.fine_tune, former=action.former)
    workspace.ledgers[action.backend].record([event], workspace.fence(action.backend))
    return f"was {action.former}"


def _adopt(workspace: Workspace, action: Adopt) -> str:
    job = workspace.sessions[action.backend].jobs.retrieve(action.job)
    event = JobRecorded(
        at=workspace.clock.now(),
        fine_tune=action.fine_tune,
        revision=action.revision,
        backend=action.backend,
        attempt=action.attempt,
        job=action.job,
        # A job that has ended is observed like any other, with its model and its cost.
        status=JobStatus.RUNNING if job.status.is_final else job.status,
        intent=job.metadata.get("ftops_intent") or None,
        created_at=job.created_at,
        is_adopted=True,
    )
    declared = workspace.desired.named(action.fine_tune)
    is_declared = declared is not None and declared.revision == action.revision
    events: list[AnyEvent] = [*declaration(workspace, declared)] if declared and is_declared else []
    workspace.ledgers[action.backend].record([*events, event], workspace.fence(action.backend))
    return f"job {action.job}"


def _cancel(workspace: Workspace, action: Cancel) -> str:
    reason = _CANCEL_REASONS[action.reason]
    ledger = workspace.ledgers[action.backend]
    event = CancelRecorded(
        at=workspace.clock.now(),
        fine_tune=action.fine_tune,
        revision=action.revision,
        backend=action.backend,
        attempt=action.attempt,
        job=action.job,
        reason=reason,
    )
    ledger.record([event], workspace.fence(action.backend))
    try:
        workspace.fence(action.backend)(ledger.read().state)
    except (Stale, Interrupted):  # a newer commit may want this job: it is kept, and the record withdrawn
        ledger.record([msgspec.structs.replace(event, reason=None)])
        raise
    try:
        job = workspace.sessions[action.backend].training.cancel(JobId(action.job))
    except NotFound:
        return _give_up(workspace, action)
    if job.status is JobStatus.SUCCEEDED:
        return f"job {action.job} had succeeded before the cancel reached it; it counts as trained"
    return f"job {action.job} of revision {action.revision} ({reason.value})"


def _give_up(workspace: Workspace, action: Cancel) -> str:
    """Counts a job as cancelled that its backend does not know, and that nobody has seen for as long as lists may lag."""
    ledger, now = workspace.ledgers[action.backend], workspace.clock.now()
    record = ledger.read_cached().state.named(action.fine_tune)
    known = next((job for *_, job in record.jobs() if job.id == action.job), None) if record else None
    if known is None or now - known.seen_at < SECOND_LOOK:
        raise NotFound(f"the backend does not know job {action.job} yet, or not any more", status=404)
    event = JobObserved(
        at=now,
        fine_tune=action.fine_tune,
        revision=action.revision,
        backend=action.backend,
        attempt=action.attempt,
        job=action.job,
        status=JobStatus.CANCELLED,
        error_message="the backend does not know this job",
    )
    ledger.record([event], workspace.fence(action.backend))
    return f"job {action.job} of revision {action.revision} is unknown to the backend; it counts as cancelled"


def _upload(workspace: Workspace, action: Upload, declared: Declared) -> str:
    dataset = next(d for d in (declared.train, declared.validation) if d is not None and d.sha256 == action.sha256)
    return upload(workspace, declared, dataset)[1]


def _train(workspace: Workspace, action: Train, declared: Declared) -> str:
    return Training(
        workspace=workspace,
        action=action,
        declared=declared,
        session=workspace.sessions[action.backend],
        ledger=workspace.ledgers[action.backend],
    ).run()


def _evaluate(workspace: Workspace, action: Evaluate, declared: Declared) -> str:
    if action.checkpoints is not None:
        return choose_checkpoint(workspace, action, declared)
    if action.model is None:
        raise BackendError(f"revision {action.revision} has no model to evaluate")
    ledger = workspace.ledgers[action.backend]
    record = ledger.read_cached().state.named(action.fine_tune)
    if record is None:
        raise BackendError(f"the ledger does not know {action.fine_tune}")
    events = workspace.evaluations.evaluate(
        record,
        declared,
        candidate=Candidate(model=action.model, backend=action.backend, revision=action.revision),
        evaluation=action.evaluation,
        stop=workspace.stop,
        progress=lambda what, done, total: workspace.progress.update(
            action.fine_tune, "evaluating", done=done, total=total, detail=what
        ),
    )
    judgement = workspace.judge(_after(record, events), declared, action.revision, action.model)
    passed = _passing(workspace, action, judgement)
    # Scores were paid for: they are kept even where the ledger can't be written now.
    # A ledger of an earlier version lacks what was trained on: with the first evaluation it is there.
    kept = missing_inputs(workspace, declared) if action.revision == declared.revision else None
    snapshot = ledger.record_eventually([*events, *passed, *((kept,) if kept else ())])
    known = snapshot.state.named(action.fine_tune) if snapshot else None
    if known is None:
        raise kept_pending(ledger, "the scores are")
    judgement = workspace.judge(known, declared, action.revision, action.model)
    if not passed and (passed := _passing(workspace, action, judgement)):
        ledger.record_eventually(passed)  # another evaluation of this model ended meanwhile
    return _sentence(judgement, action.evaluation)


def _after(record: FineTuneRecord, events: Iterable[AnyEvent]) -> FineTuneRecord:
    state = LedgerState(fine_tunes={record.name: record})
    for event in events:
        state = apply_event(state, event)
    return state.fine_tunes[record.name]


def _sentence(judgement: Judgement, evaluation: str) -> str:
    judged = next((e for e in judgement.evals if e.name == evaluation), None)
    if judged is None or not judged.is_measured:
        return "measured"
    if judged.error is not None:
        return f"error: {judged.error}"
    if not judged.conditions:
        return f"mean {judged.mean:.3f} over {judged.n} items" if judged.mean is not None else f"{judged.n} items"
    # A shadow condition speaks only where no other is there to: the verdict is the enforced ones'.
    worst = min(judged.conditions, key=lambda c: (not c.is_enforced, list(Verdict).index(c.verdict)))
    return f"{judged.verdict.value}: {worst.sentence}"


def _promote(workspace: Workspace, action: Promote) -> str:
    """Moves an alias; before that makes sure that the job the ledger names did make this model."""
    ledger = workspace.ledgers[action.backend]
    if action.target is not None:
        _check_maker(workspace, action, action.target)
    event = AliasMoved(
        at=workspace.clock.now(),
        fine_tune=action.fine_tune,
        alias=action.alias,
        target=action.target,
        was=action.was,
        reason=action.reason.value,
        commit=workspace.desired.commit,
        override=action.override,
    )
    events: list[AnyEvent] = [*_passed(workspace, action, action.target), event]
    ledger.record(events, workspace.fence(action.backend))
    if action.target is None:
        return f"{action.alias} retired"
    return f"{action.alias} → {action.target.revision} ({action.target.model})"


def _passed(workspace: Workspace, action: Promote, target: Target | None) -> list[AnyEvent]:
    """What a model passed by recorded scores alone is remembered too: a pin may come back to it under later gates."""
    record = workspace.ledgers[action.backend].read_cached().state.named(action.fine_tune)
    if target is None or record is None:
        return []
    model, revision = ModelId(target.model), Revision(target.revision)
    judgement = workspace.judge(record, workspace.declared(action.fine_tune), revision, model)
    return _passing(workspace, action, judgement)


def _passing(workspace: Workspace, action: Evaluate | Promote, judgement: Judgement) -> list[AnyEvent]:
    if judgement.revision is None or not (judgement.has_gate and judgement.is_passed):
        return []
    return [
        GatesPassed(
            at=workspace.clock.now(),
            fine_tune=action.fine_tune,
            revision=judgement.revision,
            backend=judgement.backend,
            model=judgement.model,
        )
    ]


def _check_maker(workspace: Workspace, action: Promote, target: Target) -> None:
    record = workspace.ledgers[action.backend].read_cached().state.named(action.fine_tune)
    known = record.revisions.get(target.revision) if record else None
    job = known.trained_job(action.backend) if known else None
    if job is None:
        raise Refused(f"the ledger has no job that made {target.model}")
    try:
        made = has_made(workspace.sessions[action.backend], JobId(job.id), target.model)
    except NotFound as error:
        raise Refused(
            f"the ledger says that job {job.id} made {target.model}, but the backend has no such job",
            remedy="look who changed the ledger: ftops history",
        ) from error
    if made is not None:
        raise Refused(
            f"the ledger says that job {job.id} made {target.model}, but the backend says {made}",
            remedy="look who changed the ledger: ftops history",
        )
    workspace.memory.targets.add(digest_of(workspace.address(action.backend), job.id, target.model))
