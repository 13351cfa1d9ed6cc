"""How people's requests enter a fine-tune's record, and when they have been carried out.

A retry stands until a later attempt has a job or its creation was refused, its model is there again, or another revision is
applied; a cancel until its job has ended. A call that took no effect answers nothing.
"""

import msgspec

from ftops.domain.attempts import Closed, Request, RequestKind, counting_attempt
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
    Requested,
)
from ftops.domain.manifest import Revision
from ftops.domain.records import FineTuneRecord


def request(record: FineTuneRecord, event: Requested) -> FineTuneRecord:
    """Gives a record with a request; the same one asked twice stands once. Raises EventRefused where it is pointless."""
    revision = record.revisions.get(event.revision)
    if revision is None:
        raise EventRefused(f"the ledger has no revision {event.revision} of {event.fine_tune}")
    if event.kind is RequestKind.RETRY:
        _check_retry(record, event)
    elif all(job.id != event.job or job.status.is_final for *_, job in record.jobs()):
        raise EventRefused(f"job {event.job} of {event.fine_tune} is not running")
    asked = Request(
        kind=event.kind,
        revision=event.revision,
        backend=event.backend,
        attempt=event.attempt,
        job=event.job,
        at=event.at,
        owner=event.owner,
        run_url=event.run_url,
    )
    others = tuple(known for known in record.requests if not _is_replaced(known, asked))
    return msgspec.structs.replace(record, requests=(*others, asked))


def without_moot(record: FineTuneRecord, revision: Revision) -> FineTuneRecord:
    """Gives a record without the retries of other revisions than the one that is applied now."""
    kept = tuple(r for r in record.requests if r.kind is not RequestKind.RETRY or r.revision == revision)
    return msgspec.structs.replace(record, requests=kept)


def _check_retry(record: FineTuneRecord, event: Requested) -> None:
    attempt = counting_attempt(record.revisions[event.revision].on(event.backend))
    job = attempt.job if attempt else None
    if job is not None and job.is_alive:
        raise EventRefused(f"job {job.id} of {event.fine_tune} is {job.status.value}: there is nothing to retry")


def without_fulfilled(
    record: FineTuneRecord,
    event: Intended
    | IntentClosed
    | JobRecorded
    | JobObserved
    | CheckpointChosen
    | CancelRecorded
    | ModelMissed
    | ModelSeen
    | ModelDeletion,
) -> FineTuneRecord:
    """Gives a record without the requests that an event has carried out."""
    match event:
        case IntentClosed(closed=Closed.REJECTED) | JobRecorded():
            kept = [r for r in record.requests if not _is_answered(r, event)]
        case ModelSeen():  # there is a model again: nothing to train for
            about = (RequestKind.RETRY, event.revision, event.backend)
            kept = [r for r in record.requests if (r.kind, r.revision, r.backend) != about]
        case JobObserved() if event.status.is_final:
            kept = [r for r in record.requests if r.job != event.job]
        case _:
            return record
    return msgspec.structs.replace(record, requests=tuple(kept)) if len(kept) < len(record.requests) else record


def _is_answered(asked: Request, event: IntentClosed | JobRecorded) -> bool:
    is_same = (asked.kind, asked.revision, asked.backend) == (RequestKind.RETRY, event.revision, event.backend)
    return is_same and event.attempt > asked.attempt


def _is_replaced(known: Request, asked: Request) -> bool:
    """Of retries on one backend the newest counts: there is one declared revision; of cancels each job has its own."""
    return (known.kind, known.backend, known.job) == (asked.kind, asked.backend, asked.job)
