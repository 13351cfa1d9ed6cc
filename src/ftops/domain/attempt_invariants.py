"""The invariants of attempts: intents, jobs and the models that came of them. ``domain.invariants`` has the list.

Each function gives how one of them is broken in the records of a project's folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ftops.domain.attempts import Attempt, Closed, JobRecord, JobStatus, RequestKind
from ftops.domain.findings import Breach
from ftops.domain.records import LedgerState


@dataclass(frozen=True, kw_only=True, slots=True)
class _Series:
    """All attempts of one revision on one backend."""

    fine_tune: str
    revision: str
    backend: str
    attempts: tuple[Attempt, ...]

    @property
    def shown(self) -> str:
        return f"revision {self.revision} on {self.backend}"

    def breach(self, says: str) -> Breach:
        return Breach(fine_tune=self.fine_tune, says=says)


def attempt_numbers(state: LedgerState) -> Iterator[Breach]:
    """The attempts of a revision on a backend are numbered from 1 upwards, and so are the intents of an attempt."""
    for series in _series(state):
        numbers = [attempt.number for attempt in series.attempts]
        if numbers != sorted(set(numbers)) or (numbers and numbers[0] < 1):
            yield series.breach(f"the attempts of {series.shown} are numbered {_listed(numbers)}")
        for attempt in series.attempts:
            numbers = [intent.number for intent in attempt.intents]
            if numbers != list(range(1, len(numbers) + 1)):
                yield series.breach(
                    f"the intents of attempt {attempt.number} of {series.shown} are numbered {_listed(numbers)}"
                )


def claims(state: LedgerState) -> Iterator[Breach]:
    """An attempt has one open intent at most, none beside a job, and a job for every intent that was closed with one."""
    for series in _series(state):
        for attempt in series.attempts:
            where = f"attempt {attempt.number} of {series.shown}"
            standing = [intent.id for intent in attempt.intents if intent.closed is None]
            if len(standing) > 1:
                yield series.breach(f"{where} has {len(standing)} open intents: {', '.join(standing)}")
            if standing and attempt.job is not None:
                yield series.breach(f"{where} has an open intent, {standing[0]}, beside job {attempt.job.id}")
            if attempt.surplus and attempt.job is None:
                yield series.breach(f"{where} has surplus jobs, and none that counts")
            known = {job.intent for job in _jobs(attempt)}
            for intent in attempt.intents:
                if intent.closed is Closed.JOB and intent.id not in known:
                    yield series.breach(f"intent {intent.id} of {where} was closed with a job, and there is none of it")


def intent_ids(state: LedgerState) -> Iterator[Breach]:
    """Every intent has an id of its own."""
    found = [(series, i.id) for series in _series(state) for attempt in series.attempts for i in attempt.intents]
    yield from _twice(found, "intent")


def job_ids(state: LedgerState) -> Iterator[Breach]:
    """A backend's job is recorded once, whatever it is a job of."""
    found = [
        (series, f"{job.id} on {series.backend}")
        for series in _series(state)
        for attempt in series.attempts
        for job in _jobs(attempt)
    ]
    yield from _twice(found, "job")


def living_jobs(state: LedgerState) -> Iterator[Breach]:
    """Of the jobs that ftops made and that count for a revision on a backend, one at most runs or has a model still."""
    for series in _series(state):
        living = [
            attempt.job.id
            for attempt in series.attempts
            if attempt.job is not None
            and attempt.job.is_alive
            and not attempt.job.is_imported
            and attempt.job.cancel is None
            and attempt.job.missed_at is None
            and not attempt.job.is_model_lost
        ]
        if len(living) > 1:
            yield series.breach(f"{series.shown} has {len(living)} living jobs: {', '.join(living)}")


def statuses(state: LedgerState) -> Iterator[Breach]:
    """What is recorded of a job fits its status: a model only once it has ended, and reasons only with their times."""
    for series in _series(state):
        for attempt in series.attempts:
            for job in _jobs(attempt):
                yield from (series.breach(f"job {job.id} {wrong}") for wrong in _unfit(job))


def models(state: LedgerState) -> Iterator[Breach]:
    """A model was made by one job."""
    made = [
        (series, f"{model} on {series.backend}")
        for series in _series(state)
        for attempt in series.attempts
        for job in _jobs(attempt)
        for model in sorted({model for model in (job.model, *(c.model for c in job.checkpoints)) if model})
    ]
    yield from _twice(made, "model")


def requests(state: LedgerState) -> Iterator[Breach]:
    """A request that stands is about an attempt that is recorded, and a request to cancel about one of its jobs.

    A retry may be asked for before there was any attempt: after an organisation that may not train any more, say.
    """
    known = {(s.fine_tune, s.revision, s.backend, a.number): a for s in _series(state) for a in s.attempts}
    for name, record in sorted(state.fine_tunes.items()):
        for asked in record.requests:
            where = f"attempt {asked.attempt} of revision {asked.revision} on {asked.backend}"
            attempt = known.get((name, asked.revision, asked.backend, asked.attempt))
            if attempt is None and asked.kind is RequestKind.RETRY and asked.attempt == 0:
                continue
            if attempt is None:
                yield Breach(
                    fine_tune=name, says=f"a {asked.kind.value} of {where} is asked for, which is not recorded"
                )
            elif asked.kind is RequestKind.CANCEL and asked.job not in {job.id for job in _jobs(attempt)}:
                yield Breach(
                    fine_tune=name, says=f"the cancellation of {asked.job} is asked for, which is no job of {where}"
                )


def _series(state: LedgerState) -> Iterator[_Series]:
    for name, record in sorted(state.fine_tunes.items()):
        for revision, known in sorted(record.revisions.items()):
            for backend, attempts in sorted(known.attempts.items()):
                yield _Series(fine_tune=name, revision=revision, backend=backend, attempts=attempts)


def _jobs(attempt: Attempt) -> tuple[JobRecord, ...]:
    return (*((attempt.job,) if attempt.job else ()), *attempt.surplus)


def _unfit(job: JobRecord) -> Iterator[str]:
    # Of a paused job some backends report what it made so far.
    if not job.status.is_final and job.status not in {JobStatus.PAUSING, JobStatus.PAUSED}:
        for what, value in (("a model", job.model), ("checkpoints", job.checkpoints), ("an end", job.finished_at)):
            if value:
                yield f"is {job.status.value}, and has {what}"
    if (job.cancel is None) != (job.cancel_at is None):
        yield "has a cancellation without its reason or its time"
    if any(not job.has_model(choice.model) for choice in job.choices):
        yield "has a chosen checkpoint that it did not make"
    if job.missed is not None and (job.missed_at is None or not job.has_model(job.missed)):
        yield "names a missed checkpoint, and none of its own was missed"
    if job.gone_at is not None and job.missed_at is None:
        yield "has a model that is gone, and was never missed"
    if job.deleted_at is not None and job.model is None:
        yield "has a deleted model, and never made one"


def _twice(found: list[tuple[_Series, str]], what: str) -> Iterator[Breach]:
    first: dict[str, _Series] = {}
    for series, name in found:
        if name in first:
            before = first[name]
            where = f"{before.fine_tune} ({before.shown}) and {series.fine_tune} ({series.shown})"
            yield series.breach(f"{what} {name} is recorded twice: for {where}")
        first.setdefault(name, series)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
