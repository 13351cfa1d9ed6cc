"""What must hold after the storm. Each broken promise is a line ``KIND: what``, kept in ``world.wrong``.

That no second job is made while one of the same revision lives, and that each POST has an intent of its own, is judged at the
moment it happens (``storm_world``); here is what can be seen at the end.
"""

from collections.abc import Mapping

import msgspec
from storm_backend import StormBackend
from storm_ledger import Folder
from storm_runs import Ended
from storm_script import Spec
from storm_wire import KEY
from storm_witness import PROJECT
from storm_world import PAID, StormWorld

from ftops.adapters.ledger_files import changed_files
from ftops.domain.attempts import CancelReason, JobStatus
from ftops.domain.manifest import LATEST, AliasName, BackendName, FineTuneName, Revision
from ftops.domain.plan import DeleteFile, DeleteModel, Evaluate, Plan
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.training_steps import PAUSE
from ftops.errors import LedgerRewritten, Refused, TrainingNotAvailable
from ftops.ports import Job


def fingerprint(world: StormWorld) -> list[str]:
    """What a run that has nothing to do must leave as it is."""
    found = [str(world.remote.tip), *(str(folder.remote.tip) for folder in world.folders)]
    for place, backend in world.all_backends():
        jobs = [f"{job.id} {job.status.value}" for job in backend.all_jobs if job.id in world.posts]
        found += [f"{place}: {len(backend.world.files)} files", *jobs]
    return found


def check_refused(world: StormWorld, ended: Ended) -> bool:
    """Whether the clean apply was refused as a whole: right only where jobs of a stranger are, or a ledger is missing."""
    error = ended.error or (ended.outcome.stopped_by if ended.outcome else None)
    if not isinstance(error, Refused | LedgerRewritten):
        return False
    has_strangers = any(is_strange(world, job) for place in PAID for job in world.backends[place].all_jobs)
    has_jobs = any(is_ours(job) for place in PAID for job in world.backends[place].all_jobs)
    if (_shared(world).project is None and has_jobs) or has_strangers:
        world.struck["clean applies rightly refused"] += 1
    else:
        world.wrong.append(f"refusal: nothing stands in the way of the clean apply, but {error}")
    return True


def is_ours(job: Job) -> bool:
    return job.metadata.get("ftops_project") == PROJECT


def is_strange(world: StormWorld, job: Job) -> bool:
    project = _shared(world).project
    mine = project.ledger_id if project else None
    return is_ours(job) and job.metadata.get("ftops_ledger", mine) != mine


def check_reached(world: StormWorld, clone: int, ended: Ended) -> None:
    """The declared state is reached, but for what people, budgets, gates and blocked organisations keep from it."""
    plan = ended.outcome.plan if ended.outcome else ended.plan
    allowed = {0}
    if plan is not None and ended.outcome is not None:
        allowed |= {4} if plan.withheld else set()
        allowed |= {5} if plan.refusals else set()
        allowed |= {7} if any(e.status is JobStatus.FAILED for e in ended.outcome.ended_jobs) else set()
        allowed |= {9} if _was_blocked(ended) else set()
    if ended.code not in allowed:
        world.wrong.append(f"code: the clean apply ended in {ended.code}: {ended.why}")
        return
    assert plan is not None
    assert world.newest is not None
    for name, spec in sorted(world.newest.manifests.items()):
        if not spec.suspend:
            _check_one(world, clone, name, spec, plan)
    _check_objects(world, plan)


def _was_blocked(ended: Ended) -> bool:
    """Whether this run was the first to hear that the organisation may not train any more."""
    steps = ended.outcome.steps if ended.outcome else []
    return any(isinstance(step.error, TrainingNotAvailable) for step in steps)


def _check_one(world: StormWorld, clone: int, name: str, spec: Spec, plan: Plan) -> None:
    state, backend = _place(world, clone, spec.backend)
    record, revision = state.named(FineTuneName(name)), world.manifests.revision(spec)
    model = _model(record, revision, spec.backend)
    if model is None or model not in backend.world.models:
        if not _is_kept_from_training(world, state, backend, name, revision, plan):
            world.wrong.append(f"reached: {name} at {revision} is not trained on {spec.backend}, and nothing says why")
        elif not any(said.fine_tune == name for said in (*plan.notices, *plan.refusals)):
            world.wrong.append(f"reported: {name} at {revision} is not trained, and the plan has no word of it")
    if record is None:
        return
    for alias, wanted in spec.aliases.items():
        _check_alias(world, record, AliasName(alias), spec, world.manifests.revision(spec, wanted), plan)
    for alias, known in record.aliases.items():
        if alias not in spec.aliases and known.target is not None:
            world.wrong.append(f"alias: {alias} of {name} has no line any more, and was not retired")


def _is_kept_from_training(
    world: StormWorld, state: LedgerState, backend: StormBackend, name: str, revision: Revision, plan: Plan
) -> bool:
    """Whether people, a budget, a blocked organisation or a lost model stand in the way."""
    root = world.manifests.root_of[name]
    jobs = [job for job in backend.all_jobs if world.subject(job)[2:] == (root, revision)]
    stopped = any(job.id in backend.stopped_by_people for job in jobs)
    lost = any(job.model in world.lost_models | world.deleted_models for job in jobs)
    record = state.named(FineTuneName(name))
    known_jobs = [job for rev, *_, job in record.jobs() if rev == revision] if record else []
    lost = lost or any(job.deleting_at is not None for job in known_jobs)  # begun by a prune that was killed
    stopped = stopped or any(job.cancel is CancelReason.REQUESTED for job in known_jobs)
    blocked = any(known.blocked for known in (state.project.backends.values() if state.project else ()))
    refused = any(refusal.fine_tune == name for refusal in plan.refusals)
    return stopped or lost or blocked or refused


def _check_alias(
    world: StormWorld, record: FineTuneRecord, alias: AliasName, spec: Spec, wanted: Revision, plan: Plan
) -> None:
    target, model = record.target_of(alias), _model(record, wanted, spec.backend)
    points = target is not None and (target.backend, target.revision) == (spec.backend, wanted)
    if points or model is None or model in world.lost_models | world.deleted_models:
        return
    is_withheld = any((w.fine_tune, w.alias, w.revision) == (record.name, alias, wanted) for w in plan.withheld)
    if not is_withheld:
        world.wrong.append(f"alias: {alias} of {record.name} does not point to {wanted}, which is trained")
    elif is_withheld and (spec.gate != "hard" or (spec.override and wanted == world.manifests.revision(spec))):
        world.wrong.append(f"alias: {alias} of {record.name} is withheld though nothing is against it")


def _check_objects(world: StormWorld, plan: Plan) -> None:
    """Every job of ours is in the ledger or reported, none runs twice, and none runs that nobody wants."""
    state = _shared(world)
    said = "\n".join(notice.message for notice in plan.notices)
    for place in PAID:
        backend = world.backends[place]
        living: dict[tuple[str, ...], list[Job]] = {}
        for job in backend.all_jobs:
            if not is_ours(job) or is_strange(world, job) or not world.is_living(backend, job):
                continue
            if not _is_looked_for(world, job, place):
                continue
            if not state.knows_job(job.id) and job.id not in said and not _was_told_lost(world, job, place):
                world.wrong.append(f"accounted: {job.id} ({job.status.value}) is neither in the ledger nor reported")
            living.setdefault(world.subject(job)[2:], []).append(job)
            if not job.status.is_final and state.knows_job(job.id) and not _is_wanted(world, job, place):
                world.wrong.append(f"superseded: {job.id} still runs on {place}, and nobody wants it")
        for subject, jobs in living.items():
            running = [job for job in jobs if not job.status.is_final and job.id in world.posts]
            unexcused = [job for job in jobs if job.id in world.posts and not world.posts[job.id].excuse]
            if len(running) > 1 or (running and len(jobs) > len(running)):
                world.wrong.append(f"surplus: {running[0].id} of {subject} still runs beside another one")
            if len(unexcused) > 1:
                world.wrong.append(f"one job: {len(unexcused)} jobs of {subject} live")


def _is_looked_for(world: StormWorld, job: Job, place: str) -> bool:
    """Whether ftops can know of a job: a manifest names the backend, or ftops itself made the job.

    Where all manifests rehearse nobody looks at what is paid for.
    """
    used = _used_places(world)
    return place in used or (bool(used) and job.id in world.posts)


def _used_places(world: StormWorld) -> set[str]:
    assert world.newest is not None
    return {spec.backend for spec in world.newest.manifests.values()}.intersection(PAID)


def _was_told_lost(world: StormWorld, job: Job, place: str) -> bool:
    """Whether who accepted a ledger that had been set back was told of this job, at a backend that no manifest names."""
    names = (job.id, job.metadata["ftops_intent"])
    return place not in _used_places(world) and any(name in line for line in world.told_lost for name in names)


def _is_wanted(world: StormWorld, job: Job, place: str) -> bool:
    """Whether a manifest wants a running job, lets it finish, or stands still.

    Left alone are an orphan's, and that of a fine-tune which only rehearses now: a rehearsal touches no other ledger.
    """
    assert world.newest is not None
    _, _, root, revision = world.subject(job)
    specs = {world.manifests.root_of[name]: spec for name, spec in world.newest.manifests.items()}
    spec = specs.get(root)
    if spec is None or spec.suspend or spec.on_superseded == "finish" or spec.backend not in PAID:
        return True
    pinned = {world.manifests.revision(spec, wanted) for wanted in spec.aliases.values() if wanted != LATEST}
    return revision in pinned or (revision == world.manifests.revision(spec) and spec.backend == place)


def has_running_jobs(world: StormWorld) -> bool:
    """Whether a job runs that ftops made or adopted: the apply after its end records that."""
    state = _shared(world)
    return any(
        (job.id in world.posts or state.knows_job(job.id)) and not (job.status.is_final or job.status in PAUSE)
        for _, backend in world.all_backends()
        for job in backend.all_jobs
    )


def has_only_deleted(again: Ended, *, unapproved_by: Ended) -> bool:
    """Whether a second apply did nothing but delete what was not in the first one's plan."""
    approved = {action.id for action in unapproved_by.plan.actions} if unapproved_by.plan else set()
    steps = [step.action for step in again.outcome.steps] if again.outcome else []
    return bool(steps) and all(isinstance(a, DeleteModel | DeleteFile) and a.id not in approved for a in steps)


def check_noop(world: StormWorld, first: Ended, again: Ended, before: list[str]) -> None:
    """A second apply has nothing to do, and does nothing."""
    steps = [step.action for step in again.outcome.steps] if again.outcome else []
    if steps and all(isinstance(step, Evaluate) and step.model in world.lost_models for step in steps):
        return  # an evaluation that ends in error is made once in each apply
    plan = again.outcome.plan if again.outcome else None
    allowed = {5} if plan is not None and plan.refusals else {0}
    if again.code not in allowed:
        world.wrong.append(f"noop: after {first.code} the second apply ended in {again.code}: {again.why}")
    if steps:
        world.wrong.append(f"noop: the second apply did {', '.join(step.id for step in steps)}")
    changed = sorted(set(before) ^ set(fingerprint(world)))
    if changed:
        world.wrong.append(f"noop: the second apply changed {'; '.join(changed)}")


def check_protocol(world: StormWorld) -> None:
    """No alias of a ledger was moved by gates that can't be passed."""
    specs = {node.name: node.manifests for node in world.nodes}
    for folder in world.folders:
        for record in folder.remote.state(folder.remote.tip, PROJECT).fine_tunes.values():
            for alias, known in record.aliases.items():
                for move in known.history:
                    spec = specs.get(move.commit or "", {}).get(record.name)
                    if spec and spec.gate == "hard" and move.target and move.reason == "gates_passed":
                        world.wrong.append(f"gates: {alias} of {record.name} was promoted past a gate nothing passes")


def check_secrets(world: StormWorld) -> None:
    """The key is in nothing that was said, planned, recorded or kept."""
    for text in world.texts:
        if KEY in text:
            world.wrong.append(f"secret: a run said {text[:200]}")
    for folder in world.folders:
        for where, content in _stored(folder):
            if KEY.encode() in content:
                world.wrong.append(f"secret: {where} holds the key")


def _stored(folder: Folder) -> list[tuple[str, bytes]]:
    commits = [
        (f"commit {name}", _files_of(one.states) + msgspec.json.encode(one.events))
        for name, one in folder.remote.commits.items()
    ]
    pending = [("a pending file", msgspec.json.encode(batch)) for kept in folder.pending.values() for batch in kept]
    return [*commits, *pending, ("a refused event", msgspec.json.encode(folder.refused))]


def _files_of(states: Mapping[str, LedgerState]) -> bytes:
    """Gives all that a commit holds, as bytes."""
    empty = LedgerState()
    return b"".join(
        content
        for project, state in sorted(states.items())
        for content in changed_files(f"projects/{project}", empty, state).values()
        if content is not None
    )


def _shared(world: StormWorld) -> LedgerState:
    return world.remote.state(world.remote.tip, PROJECT)


def _place(world: StormWorld, clone: int, backend: str) -> tuple[LedgerState, StormBackend]:
    """The ledger and the backend that a clone uses for a backend's name."""
    if backend in PAID:
        return _shared(world), world.backends[backend]
    here = world.clones[clone]
    return here.rehearsals.remote.state(here.rehearsals.remote.tip, PROJECT), here.twin


def _model(record: FineTuneRecord | None, revision: Revision, backend: str) -> str | None:
    known = record.revisions.get(revision) if record else None
    job = known.trained_job(BackendName(backend)) if known else None
    return job.model if job else None
