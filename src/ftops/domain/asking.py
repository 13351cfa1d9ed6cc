"""What a person's request comes to, by what the ledger knows: whether it is recorded, and what is said to it.

``ftops retry``, ``cancel`` and ``forget`` call no backend: a job may have ended without the ledger knowing. What then follows
is the next apply's business, which looks first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ftops.domain.attempts import Attempt, CancelReason, JobRecord, JobStatus, Request, counting_attempt
from ftops.domain.desired import Declared
from ftops.domain.lost_models import what_is_lost
from ftops.domain.manifest import BackendName, FineTune, JobId, Revision
from ftops.domain.records import BackendRecord, FineTuneRecord, LedgerState


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The attempt that a request is about; ``job`` where it is about one job."""

    revision: Revision
    backend: BackendName
    attempt: int
    job: JobId | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is said to a request. ``records`` is what it is recorded for, None where nothing has to be.

    ``is_vain``: what was asked for can't be had.
    """

    message: str
    records: Subject | None = None
    is_vain: bool = False


class Ambiguous(Exception):
    """The question has to be put more exactly."""


def answer_retry(declared: Declared, ledger: LedgerState) -> Answer:
    """Says what asking for another attempt at the declared revision comes to."""
    record = next((r for name in (declared.name, *declared.fine_tune.moved_from) if (r := ledger.named(name))), None)
    revision, backend = declared.revision, declared.backend.name
    known = record.revisions.get(revision) if record else None
    attempts = known.on(backend) if known else ()
    attempt = counting_attempt(attempts)
    job = attempt.job if attempt else None
    place = ledger.backend(backend)
    asked = record.retry_of(revision, backend) if record else None
    number = max((a.number for a in attempts if a.job), default=0)
    subject = Subject(revision=revision, backend=backend, attempt=number)
    if job is not None and record is not None and job.is_alive:
        said = _why_vain(record, subject, job)
        if said is not None:
            return Answer(message=said, is_vain=True)
    if asked is not None and _is_newer(asked, place):
        return Answer(message=f"another attempt was asked for on {asked.at:%Y-%m-%d %H:%M} UTC already")
    if place is not None and place.blocked is not None:
        said = f"{backend} said on {place.blocked.at:%Y-%m-%d} that this organisation may not train any more"
        return Answer(message=f"{said}; the next apply asks again, once, for revision {revision}", records=subject)
    if attempt is not None and attempt.open_intent is not None:
        return Answer(message=f"a run is about to create the job of revision {revision}; wait for it", is_vain=True)
    if job is None or record is None or _trains_by_itself(job):
        return Answer(message=f"the next apply trains revision {revision} in any case: nothing has to be asked for")
    why = f"{what_was(record, revision, backend, job)}; the next apply makes attempt {attempts[-1].number + 1}"
    return Answer(message=why, records=subject)


def answer_cancel(record: FineTuneRecord, *, job: str | None = None, revision: str | None = None) -> Answer:
    """Says what asking for a running job to be cancelled comes to.

    Raises Ambiguous where several run, or none is so called.
    """
    jobs = [entry for entry in record.jobs() if job in {None, entry[3].id} and revision in {None, entry[0]}]
    if not jobs and (job is not None or revision is not None):
        raise Ambiguous(f"the ledger has no job of {record.name} that is so called; it has {_named(record) or 'none'}")
    running = [entry for entry in jobs if not entry[3].status.is_final]
    if len(running) > 1:
        raise Ambiguous(f"several jobs of {record.name} run; name one with --job: {_named_jobs(running)}")
    if not running:
        return _nothing_runs(record, [entry[3] for entry in jobs])
    of, backend, attempt, known = running[0]
    if record.is_to_be_cancelled(known.id):
        return Answer(message=f"job {known.id} is to be cancelled already, by the next apply")
    return Answer(
        message=f"job {known.id} of revision {of} on {backend} ({known.status.value}): the next apply cancels it",
        records=Subject(revision=of, backend=backend, attempt=attempt.number, job=JobId(known.id)),
    )


def what_is_forgotten(record: FineTuneRecord, manifest: FineTune | None) -> Iterator[str]:
    """Says in lines what letting go of a fine-tune means."""
    jobs = [job for *_, job in record.jobs()]
    models = sum(job.model is not None and not job.is_model_lost for job in jobs)
    yield (
        f"{_counted(len(record.revisions), 'revision')} with {_counted(len(jobs), 'job')}, "
        f"{_counted(len(record.evaluations), 'evaluation')} and the history of {_counted(len(record.aliases), 'alias', 'es')}"
    )
    chosen = sum(len(said.items) for said in record.preferences if said.grader is None)
    if chosen:
        yield f"what people chose between {_counted(chosen, 'pair')} of answers"
    for job in jobs:
        if not job.status.is_final:
            yield f"job {job.id} is {job.status.value}: it goes on, and nobody will look after it"
    for alias, known in sorted(record.aliases.items()):
        if known.target is not None:
            yield f"ftops resolve {record.name}@{alias} answers no more; it is {known.target.model} now"
    if record.is_protected:
        yield "its protection goes too; ftops deletes only what the ledger knows, so nothing of it is deleted"
    yield f"{_counted(models, 'model')}, all jobs and files stay at the backend; what they cost stays in the budget"
    imported = sum(job.is_imported for job in jobs)
    if imported:
        yield f"of {_counted(imported, 'imported job')} only ftops import brings the models back: nothing else finds them"
    if manifest is not None:
        yield (
            f"{manifest.path} declares it: the next apply adopts what it finds at the backend, measures it anew, and trains "
            "only what it doesn't find"
        )


def open_claim(record: FineTuneRecord) -> str | None:
    """Who is about to create a job of a fine-tune, None where nobody is."""
    attempts = [a for known in record.revisions.values() for on in known.attempts.values() for a in on]
    return next((a.open_intent.owner for a in attempts if a.open_intent), None)


def what_was(record: FineTuneRecord, revision: Revision, backend: BackendName, job: JobRecord) -> str:
    """Says how a job ended, or what became of its model."""
    if job.is_model_lost:
        return what_is_lost(record, revision, backend, job)
    return f"job {job.id} of revision {revision} {job.ending}"


def _why_vain(record: FineTuneRecord, subject: Subject, job: JobRecord) -> str | None:
    """Why nothing is to be retried while a job runs, or has a model."""
    if not job.status.is_final:
        about = f"job {job.id} of revision {subject.revision} is {job.status.value}"
        return f"{about}: nothing to retry; ftops cancel {record.name} cancels it"
    if job.is_missed:
        return what_is_lost(record, subject.revision, subject.backend, job)
    if job.model is not None:
        return f"revision {subject.revision} is trained: {job.model}, by job {job.id}"
    return None


def _is_newer(asked: Request, place: BackendRecord | None) -> bool:
    return place is None or place.blocked is None or asked.at > place.blocked.at


def _trains_by_itself(job: JobRecord) -> bool:
    return job.status is JobStatus.CANCELLED and job.cancel is CancelReason.SUPERSEDED


def _nothing_runs(record: FineTuneRecord, jobs: list[JobRecord]) -> Answer:
    if len(jobs) == 1:
        is_done = jobs[0].status is JobStatus.CANCELLED
        return Answer(message=f"job {jobs[0].id} {jobs[0].status.value} already", is_vain=not is_done)
    owner = open_claim(record)
    if owner is not None:
        return Answer(message=f"{owner} is about to create a job of {record.name}; ask again when it has", is_vain=True)
    return Answer(message=f"no job of {record.name} runs, as far as the ledger knows", is_vain=True)


def _named(record: FineTuneRecord) -> str:
    return _named_jobs(list(record.jobs()))


def _named_jobs(jobs: list[tuple[Revision, BackendName, Attempt, JobRecord]]) -> str:
    return ", ".join(f"{job.id} (revision {revision}, {job.status.value})" for revision, _, _, job in jobs)


def _counted(count: int, word: str, plural: str = "s") -> str:
    return f"{count} {word}{'' if count == 1 else plural}"
