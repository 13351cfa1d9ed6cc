"""Checks that the job which the ledger names did make the model that an alias points to. The ledger is foreign input.

Jobs of the newest page are checked for nothing. Of the others a run asks for two, another two each day, and what was found
true is remembered on this machine: a job's model never changes.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ftops.application.look import Look
from ftops.domain.attempts import JobRecord
from ftops.domain.manifest import FineTuneName, JobId
from ftops.domain.observed import Contradiction
from ftops.domain.records import FineTuneRecord, Target
from ftops.errors import BackendError, NotFound
from ftops.ports import BackendSession


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pointing:
    fine_tune: FineTuneName
    alias: str
    target: Target
    job: JobRecord | None


def contradictions(look: Look) -> tuple[Contradiction, ...]:
    """Gives a contradiction for each alias target that the backend says was not made so."""
    found: list[Contradiction] = []
    day = f"{look.clock.now():%Y-%m-%d}"
    for pointing in sorted(_pointing(look), key=lambda p: _turn(p, day)):
        said = _contradict(look, pointing)
        if said is not None:
            message = (
                f"alias {pointing.alias} points to {pointing.target.model}, but {said}; nothing is done until that is mended: "
                f"look who changed the ledger (ftops history {pointing.fine_tune}, ftops ledger verify)"
            )
            found.append(Contradiction(fine_tune=pointing.fine_tune, message=message))
    return tuple(sorted(found, key=lambda entry: (entry.fine_tune, entry.message)))


def has_made(session: BackendSession, job: JobId, model: str) -> str | None:
    """Asks the backend whether a job made a model, as its result or a checkpoint; says what it made instead, None if so.

    Raises BackendError, and NotFound where there is no such job.
    """
    made = session.jobs.retrieve(job).model
    if made == model or (made is not None and any(c.model == model for c in session.jobs.checkpoints(job))):
        return None
    return made or "no model"


def digest_of(address: str, job: str, model: str) -> str:
    """What a checked target is remembered by."""
    return hashlib.sha256(f"{address}\n{job}\n{model}".encode()).hexdigest()


def _contradict(look: Look, pointing: _Pointing) -> str | None:
    """Says what is wrong with an alias's target, None where nothing is, or where it is not its turn to be asked for."""
    target, job = pointing.target, pointing.job
    if job is None:
        return "the ledger has no job that made it"
    listed = look.listed.get(JobId(job.id))
    if listed is not None and listed.model == target.model:
        return None
    may_wait = listed is None and not look.is_refreshing
    if may_wait and look.memory.checks <= 0:
        return None
    digest = digest_of(look.address, job.id, target.model)
    if may_wait and (digest in look.memory.targets or not _may_ask(look)):
        return None
    try:
        made = has_made(look.session, JobId(job.id), target.model)
    except NotFound:
        return f"the backend knows no job {job.id}, which the ledger says made it"
    except BackendError:
        return None  # asked for again another time: a backend in trouble proves nothing
    if made is None:
        look.memory.targets.add(digest)
        return None
    return f"job {job.id}, which the ledger says made it, made {made}"


def _may_ask(look: Look) -> bool:
    if look.memory.checks <= 0 or not look.spare.take():
        return False
    look.memory.checks -= 1
    return True


def _turn(pointing: _Pointing, day: str) -> str:
    text = f"{day} {pointing.fine_tune} {pointing.alias}"
    return hashlib.sha256(text.encode()).hexdigest()


def _pointing(look: Look) -> Iterator[_Pointing]:
    for name, record in look.ledger.fine_tunes.items():
        for alias, known in record.aliases.items():
            target = known.target
            if target is not None and target.backend == look.backend.name:
                yield _Pointing(
                    fine_tune=FineTuneName(name), alias=alias, target=target, job=_maker(look, record, target)
                )


def _maker(look: Look, record: FineTuneRecord, target: Target) -> JobRecord | None:
    known = record.revisions.get(target.revision)
    jobs = (attempt.job for attempt in known.on(look.backend.name)) if known else iter(())
    return next((job for job in jobs if job is not None and job.has_model(target.model)), None)
