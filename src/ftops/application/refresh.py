"""``--refresh``: reads every job again that the ledger has, and says where the backend tells it otherwise.

What has ended is immutable in the ledger, so a difference changes nothing: it is for people to look into.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ftops.application.look import Look
from ftops.domain.attempts import JobRecord
from ftops.domain.manifest import FineTuneName, JobId
from ftops.domain.observed import Job
from ftops.domain.plan import Notice
from ftops.errors import NotFound

_PAGE: Final = 100


def look_further(look: Look) -> Look:
    """Gives a look with all jobs listed, where that takes fewer calls than to ask for each. Raises BackendError."""
    unlisted = sum(JobId(known.id) not in look.listed for _, known in _finished(look))
    known = sum(backend == look.backend.name for r in look.ledger.fine_tunes.values() for _, backend, *_ in r.jobs())
    if unlisted <= known // _PAGE + 1:
        return look
    jobs = look.session.jobs.list_jobs(metadata={"ftops_project": look.desired.project.name})
    return replace(look, listed={**look.listed, **{job.id: job for job in jobs}})


def differences(look: Look) -> tuple[Notice, ...]:
    """Gives a notice for each finished job of the selected fine-tunes that the backend has otherwise. Raises BackendError."""
    notices: list[Notice] = []
    for name, known in _finished(look):
        job = look.listed.get(JobId(known.id)) or _retrieve(look, JobId(known.id))
        message = f"the backend {look.backend.name} does not know job {known.id} (any more)" if job is None else None
        differing = _differing(known, job) if job is not None else ""
        if differing:
            message = f"job {known.id} at {look.backend.name} is not as in the ledger: {differing}"
        if message is not None:
            notices.append(Notice(fine_tune=name, message=message))
    return tuple(notices)


def _finished(look: Look) -> Iterator[tuple[FineTuneName, JobRecord]]:
    for name, record in sorted(look.ledger.fine_tunes.items()):
        if look.policy.selects(FineTuneName(name)):
            for _, backend, _, job in record.jobs():
                if backend == look.backend.name and job.status.is_final:
                    yield FineTuneName(name), job


def _retrieve(look: Look, job: JobId) -> Job | None:
    try:
        return look.session.jobs.retrieve(job)
    except NotFound:
        return None


def _differing(known: JobRecord, job: Job) -> str:
    pairs = [
        ("status", known.status.value, job.status.value),
        ("model", known.model, job.model),
        ("trained tokens", known.trained_tokens, job.trained_tokens),
    ]
    return ", ".join(f"{what} {now} (ledger: {then})" for what, then, now in pairs if then != now)
