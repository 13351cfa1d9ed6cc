"""What became of the jobs that the ledger has as unfinished. Finished ones are immutable, and cost no call."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ftops.application.look import Look
from ftops.domain.attempts import CheckpointRecord, JobRecord, JobStatus
from ftops.domain.events import JobObserved
from ftops.domain.lost_models import SECOND_LOOK
from ftops.domain.manifest import Backend, FineTuneName, JobId, Revision
from ftops.domain.observed import Job
from ftops.domain.pricing import training_price
from ftops.errors import NotFound, Rejected, Unauthorized
from ftops.ports import BackendSession, Checkpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class JobNews:
    """Jobs whose status changed, and those that the backend has not known for a while."""

    events: tuple[JobObserved, ...]
    unknown: frozenset[JobId]


def job_news(look: Look) -> JobNews:
    """Looks at each unfinished job: in the list where it is there, else by itself. Raises BackendError."""
    events: list[JobObserved] = []
    unknown: set[JobId] = set()
    for name, revision, attempt, known in _unfinished(look):
        id_ = JobId(known.id)
        job = look.listed.get(id_) or _retrieve(look, id_)
        if job is None:
            if _is_unseen(look, known):
                unknown.add(id_)
            continue
        look.memory.jobs[id_] = look.clock.monotonic()
        if job.status is not known.status:
            events.append(
                observed_event(
                    job,
                    fine_tune=name,
                    revision=revision,
                    backend=look.backend,
                    attempt=attempt,
                    at=look.clock.now(),
                    session=look.session,
                )
            )
    return JobNews(events=tuple(events), unknown=frozenset(unknown))


def _unfinished(look: Look) -> Iterator[tuple[FineTuneName, Revision, int, JobRecord]]:
    for name, revision, attempt in look.ledger.unsettled(look.backend.name):
        for known in attempt.jobs:
            if not known.status.is_final:
                yield name, revision, attempt.number, known


def _retrieve(look: Look, job: JobId) -> Job | None:
    try:
        return look.session.jobs.retrieve(job)
    except NotFound:
        return None


def _is_unseen(look: Look, known: JobRecord) -> bool:
    """Whether neither the ledger nor this run has seen a job for as long as a backend's look-ups may lag."""
    seen = look.memory.jobs.get(JobId(known.id))
    is_fresh = seen is not None and look.clock.monotonic() - seen < SECOND_LOOK.total_seconds()
    return not is_fresh and look.clock.now() - known.seen_at >= SECOND_LOOK


def observed_event(
    job: Job,
    *,
    fine_tune: FineTuneName,
    revision: Revision,
    backend: Backend,
    attempt: int,
    at: datetime,
    session: BackendSession,
) -> JobObserved:
    """Makes the ledger's event of what a backend reports of a job; asks for checkpoints where it succeeded."""
    has_model = job.status is JobStatus.SUCCEEDED
    price = 0.0 if backend.is_rehearsal else training_price(job.base_model, backend)
    cost = job.trained_tokens * price / 1_000_000 if job.trained_tokens is not None and price is not None else None
    return JobObserved(
        at=at,
        fine_tune=fine_tune,
        revision=revision,
        backend=backend.name,
        attempt=attempt,
        job=job.id,
        status=job.status,
        model=job.model,
        trained_tokens=job.trained_tokens,
        cost_usd=cost,
        finished_at=job.finished_at,
        error_code=job.error_code,
        error_message=job.error_message,
        checkpoints=tuple(
            CheckpointRecord(step=c.step, model=c.model, valid_loss=c.valid_loss)
            for c in (listed_checkpoints(session, job.id) if has_model else ())
        ),
    )


def listed_checkpoints(session: BackendSession, job: JobId) -> tuple[Checkpoint, ...]:
    """Gives a job's checkpoints: none where the backend knows the job and lists no checkpoints at all.

    Raises BackendError, NotFound where it does not know the job (yet).
    """
    try:
        return session.jobs.checkpoints(job)
    except Unauthorized:
        raise
    except Rejected:
        session.jobs.retrieve(job)
        return ()
