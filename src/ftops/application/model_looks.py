"""Looks whether models are still there that somebody may ask for: those of declared and pinned revisions, and behind aliases.

The list of models answers for almost all. One that it lacks is asked for by itself; only a 404 says that it is not there, and
only a second one, 10 minutes later, that it is gone. Where a backend has no answer for a model that it lists, nothing is
concluded from it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ftops.application.look import Look, Sight
from ftops.domain.attempts import JobRecord, JobStatus, counting_attempt
from ftops.domain.events import ModelMissed, ModelSeen
from ftops.domain.lost_models import SECOND_LOOK
from ftops.domain.manifest import LATEST, FineTuneName, ModelId, Revision
from ftops.domain.records import FineTuneRecord
from ftops.errors import BackendError, NotFound


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """A job whose model somebody may ask for. ``model`` is what an alias names, a checkpoint perhaps."""

    fine_tune: FineTuneName
    revision: Revision
    attempt: int
    job: JobRecord
    model: ModelId


def model_news(look: Look) -> tuple[ModelMissed | ModelSeen, ...]:
    """Gives an event for each model that is missed, gone, or there again."""
    wanted = {(w.job.id, w.model): w for w in _wanted(look) if w.job.deleting_at is None and w.job.deleted_at is None}
    now, monotonic = look.clock.now(), look.clock.monotonic()
    sights: dict[tuple[str, ModelId], Sight | None] = dict.fromkeys(
        (key for key, w in wanted.items() if w.model in look.models), Sight(at=now, monotonic=monotonic, is_there=True)
    )
    unlisted = ((key, w) for key, w in wanted.items() if key not in sights)
    for key, w in sorted(unlisted, key=lambda item: _turn(item[1], now)):
        sights[key] = _sight(look, w)
    unsure = {w.job.id for key, w in wanted.items() if not ((sight := sights[key]) and sight.is_there)}
    events: dict[str, ModelMissed | ModelSeen] = {}
    for key, w in sorted(wanted.items()):
        sight = sights[key]
        if sight is None or sight.is_there is None or (sight.is_there and w.job.id in unsure):
            continue  # a job whose checkpoint is gone, or not asked for now, is not whole because its last model is there
        event = _event(look, w, sight)
        if event is not None:
            events[w.job.id] = event
    return tuple(events.values())


def _event(look: Look, wanted: _Wanted, sight: Sight) -> ModelMissed | ModelSeen | None:
    job = wanted.job
    about = {
        "fine_tune": wanted.fine_tune,
        "revision": wanted.revision,
        "backend": look.backend.name,
        "attempt": wanted.attempt,
        "job": job.id,
        "at": sight.at,
    }
    if sight.is_there:
        return ModelSeen(**about) if job.missed_at is not None else None  # type: ignore[arg-type]
    is_gone = job.missed_at is not None and sight.at - job.missed_at >= SECOND_LOOK
    if job.gone_at is not None or (job.missed_at is not None and not is_gone):
        return None
    checkpoint = None if wanted.model == job.model else wanted.model
    return ModelMissed(**about, is_gone=is_gone, model=checkpoint)  # type: ignore[arg-type]


def _sight(look: Look, wanted: _Wanted) -> Sight | None:
    """Says whether a model that the list lacks is there; None where it was not asked for now."""
    now, monotonic = look.clock.now(), look.clock.monotonic()
    key = look.backend.name, wanted.model
    known = look.memory.models.get(key)
    if known is not None and monotonic - known.monotonic < SECOND_LOOK.total_seconds():
        return known  # by a clock that nobody can set
    job = wanted.job
    if job.gone_at is not None and not look.is_refreshing:
        return None
    if any(then is not None and now - then < SECOND_LOOK for then in (job.missed_at, job.finished_at or job.seen_at)):
        return None
    if not look.spare.take():
        return None
    sight = Sight(at=now, monotonic=monotonic, is_there=_ask(look, wanted.model))
    look.memory.models[key] = sight
    return sight


def _ask(look: Look, model: ModelId) -> bool | None:
    try:
        look.session.models.retrieve(model)
    except NotFound:
        return None if not _answers_for_models(look) else False
    except BackendError:
        return None
    return True


def _answers_for_models(look: Look) -> bool:
    """Whether a backend knows a model by itself that its own list has: otherwise its 404 says nothing."""
    name = look.backend.name
    if name not in look.memory.answers:
        listed = min(look.models, default=None)
        if listed is None or not look.spare.take():
            return False
        try:
            look.session.models.retrieve(listed)
        except NotFound:
            look.memory.answers[name] = False
        except BackendError:
            return False
        else:
            look.memory.answers[name] = True
    return look.memory.answers[name]


def _turn(wanted: _Wanted, now: datetime) -> tuple[bool, str]:
    """What was missed before comes first; of the others another one each day, where not all can be asked for."""
    text = f"{now:%Y-%m-%d} {wanted.job.id}"
    return wanted.job.missed_at is None, hashlib.sha256(text.encode()).hexdigest()


def _wanted(look: Look) -> Iterator[_Wanted]:
    for declared in look.desired.fine_tunes:
        names = (declared.name, *declared.fine_tune.moved_from)
        record = next((r for name in names if (r := look.ledger.named(name)) is not None), None)
        if record is None or declared.backend.name != look.backend.name:
            continue
        pinned = {Revision(to) for to in declared.fine_tune.aliases.values() if to != LATEST}
        for revision in {declared.revision, *pinned}:
            yield from _standing(look, record, revision, declared.fine_tune.policy.checkpoints)
    for name, record in look.ledger.fine_tunes.items():
        yield from _targets(look, record)
        if look.is_refreshing and look.policy.selects(FineTuneName(name)):
            yield from _all(look, record)


def _standing(look: Look, record: FineTuneRecord, revision: Revision, policy: str) -> Iterator[_Wanted]:
    known = record.revisions.get(revision)
    attempt = counting_attempt(known.on(look.backend.name)) if known else None
    if attempt is not None and attempt.job is not None:
        yield from _of(record, revision, attempt.number, [attempt.job], policy)


def _targets(look: Look, record: FineTuneRecord) -> Iterator[_Wanted]:
    for alias in record.aliases.values():
        target = alias.target
        known = record.revisions.get(target.revision) if target and target.backend == look.backend.name else None
        for attempt in known.on(look.backend.name) if target and known else ():
            if target and attempt.job is not None and attempt.job.has_model(target.model):
                yield _Wanted(
                    fine_tune=FineTuneName(record.name),
                    revision=Revision(target.revision),
                    attempt=attempt.number,
                    job=attempt.job,
                    model=ModelId(target.model),
                )


def _all(look: Look, record: FineTuneRecord) -> Iterator[_Wanted]:
    for revision, backend, attempt, job in record.jobs():
        if backend == look.backend.name:
            yield from _of(record, revision, attempt.number, [job])


def _of(
    record: FineTuneRecord, revision: Revision, attempt: int, jobs: Iterable[JobRecord], policy: str = "last"
) -> Iterator[_Wanted]:
    """Gives jobs that made a model, each with the one that stands for it under a policy of choosing checkpoints."""
    for job in jobs:
        if job.status is JobStatus.SUCCEEDED and job.model is not None:
            choice = job.choice(policy)
            yield _Wanted(
                fine_tune=FineTuneName(record.name),
                revision=revision,
                attempt=attempt,
                job=job,
                model=ModelId(choice.model if choice else job.model),
            )
