"""How events change the attempts to train one revision on one backend.

Owns the rules of the intent protocol that can be decided from the ledger alone: a claim is refused where a job or somebody
else's claim stands, and the first job recorded for a fine-tune, revision and backend is the job.
"""

from typing import assert_never

import msgspec

from ftops.domain.attempts import Attempt, Closed, DeletionStage, Intent, JobRecord
from ftops.domain.deletion_transitions import check_model_deletion
from ftops.domain.events import (
    CancelRecorded,
    CheckpointChosen,
    EventRefused,
    Intended,
    IntentClosed,
    JobObserved,
    JobRecorded,
    ModelDeletion,
    ModelMissed,
    ModelSeen,
)
from ftops.domain.records import FineTuneRecord

# Of one job that is recorded already, and of one attempt.
JobChange = JobObserved | CheckpointChosen | CancelRecorded | ModelMissed | ModelSeen | ModelDeletion
AttemptEvent = Intended | IntentClosed | JobRecorded | JobChange


def apply_to_attempts(record: FineTuneRecord, event: AttemptEvent) -> FineTuneRecord:
    """Gives a fine-tune's record after an event of one of its attempts. Raises EventRefused where it can't follow."""
    revision = record.revisions.get(event.revision)
    if revision is None:
        raise EventRefused(f"the ledger has no revision {event.revision} of {event.fine_tune}")
    attempts = revision.on(event.backend)
    index = next((i for i, a in enumerate(attempts) if a.number == event.attempt), len(attempts))
    attempt = attempts[index] if index < len(attempts) else Attempt(number=event.attempt)
    if isinstance(event, ModelDeletion) and event.stage is DeletionStage.BEGUN:
        check_model_deletion(record, event)
    match event:
        case Intended():
            changed = _intend(attempt, event)
        case IntentClosed():
            if all(intent.id != event.intent for intent in attempt.intents):
                raise EventRefused(f"the ledger has no intent {event.intent} of {event.fine_tune}")
            changed = _close(attempt, event.intent, event.closed, event.message)
        case JobRecorded():
            changed = _record_job(attempt, event)
        case JobObserved() | CheckpointChosen() | CancelRecorded() | ModelMissed() | ModelSeen() | ModelDeletion():
            changed = _change_job(attempt, event)
        case _:
            assert_never(event)
    kept = tuple(sorted((*attempts[:index], changed, *attempts[index + 1 :]), key=lambda a: a.number))
    revision = msgspec.structs.replace(revision, attempts={**revision.attempts, event.backend: kept})
    return msgspec.structs.replace(record, revisions={**record.revisions, event.revision: revision})


def _intend(attempt: Attempt, event: Intended) -> Attempt:
    if any(intent.id == event.intent for intent in attempt.intents):
        return attempt
    if attempt.job is not None:
        raise EventRefused(f"job {attempt.job.id} exists already", claim_lost=True)
    standing = attempt.open_intent
    if standing is not None:
        if standing.id != event.takes_over:
            raise EventRefused(f"{standing.owner} is about to create this job", claim_lost=True)
        attempt = _close(attempt, standing.id, Closed.TAKEN_OVER, None)
    elif event.takes_over is not None:
        raise EventRefused("the intent to take over was closed meanwhile", claim_lost=True)
    intent = Intent(
        id=event.intent,
        number=len(attempt.intents) + 1,
        owner=event.owner,
        run_url=event.run_url,
        at=event.at,
        estimate_usd=event.estimate_usd,
    )
    return msgspec.structs.replace(attempt, intents=(*attempt.intents, intent))


def _close(attempt: Attempt, intent_id: str | None, closed: Closed, message: str | None) -> Attempt:
    intents = tuple(
        msgspec.structs.replace(intent, closed=closed, message=message)
        if intent.id == intent_id and intent.closed is None
        else intent
        for intent in attempt.intents
    )
    return msgspec.structs.replace(attempt, intents=intents)


def _record_job(attempt: Attempt, event: JobRecorded) -> Attempt:
    attempt = _close(attempt, event.intent, Closed.JOB, None)
    job = JobRecord(
        id=event.job,
        status=event.status,
        seen_at=event.at,
        intent=event.intent,
        created_at=event.created_at,
        is_adopted=event.is_adopted,
        is_imported=event.is_imported,
    )
    if attempt.job is None:
        # Whoever else was about to create it finds the job here, and creates none.
        for intent in attempt.intents:
            attempt = _close(attempt, intent.id, Closed.ABANDONED, None)
        return msgspec.structs.replace(attempt, job=job)
    if job.id in {attempt.job.id, *(other.id for other in attempt.surplus)}:
        return attempt
    return msgspec.structs.replace(attempt, surplus=(*attempt.surplus, job))


def _change_job(attempt: Attempt, event: JobChange) -> Attempt:
    if attempt.job is not None and attempt.job.id == event.job:
        return msgspec.structs.replace(attempt, job=_changed(attempt.job, event))
    if all(other.id != event.job for other in attempt.surplus):
        raise EventRefused(f"the ledger has no job {event.job} of {event.fine_tune}")
    surplus = tuple(_changed(other, event) if other.id == event.job else other for other in attempt.surplus)
    return msgspec.structs.replace(attempt, surplus=surplus)


def _changed(job: JobRecord, event: JobChange) -> JobRecord:
    match event:
        case CancelRecorded():
            at = event.at if event.reason else None
            return msgspec.structs.replace(job, cancel=event.reason, cancel_at=at)
        case ModelMissed():
            gone_at = event.at if event.is_gone else None
            missed_at = job.missed_at or event.at
            return msgspec.structs.replace(job, missed=event.model, missed_at=missed_at, gone_at=job.gone_at or gone_at)
        case ModelSeen():
            return msgspec.structs.replace(job, missed=None, missed_at=None, gone_at=None)
        case ModelDeletion():
            return _deleting(job, event)
        case JobObserved():
            return _observed(job, event)
        case CheckpointChosen():
            return _chosen(job, event)
        case _:
            assert_never(event)


def _deleting(job: JobRecord, event: ModelDeletion) -> JobRecord:
    match event.stage:
        case DeletionStage.BEGUN:
            return msgspec.structs.replace(job, deleting_at=event.at)
        case DeletionStage.DONE:
            return msgspec.structs.replace(job, deleted_at=event.at)
        case DeletionStage.WITHDRAWN:
            return msgspec.structs.replace(job, deleting_at=None)
        case _:
            assert_never(event.stage)


def _observed(job: JobRecord, event: JobObserved) -> JobRecord:
    if job.status.is_final:
        return job
    return msgspec.structs.replace(
        job,
        status=event.status,
        seen_at=event.at,
        model=event.model,
        trained_tokens=event.trained_tokens,
        cost_usd=event.cost_usd,
        finished_at=event.finished_at,
        error_code=event.error_code,
        error_message=event.error_message,
        checkpoints=event.checkpoints,
    )


def _chosen(job: JobRecord, event: CheckpointChosen) -> JobRecord:
    choice = event.choice
    if not job.has_model(choice.model):
        raise EventRefused(f"job {job.id} did not make {choice.model}: it can't be chosen of its checkpoints")
    standing = job.choice(choice.policy)
    if standing is not None and (standing.evaluation, standing.dataset) == (choice.evaluation, choice.dataset):
        return job  # another run chose first by the same: an alias may point there already
    others = (known for known in job.choices if known.policy != choice.policy)
    return msgspec.structs.replace(job, choices=tuple(sorted((*others, choice), key=lambda known: known.policy)))
