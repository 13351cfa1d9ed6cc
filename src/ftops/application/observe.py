"""Observes: reads ledgers and backends, and says what is true now. Writes nothing.

What a backend reports beyond the ledger (a job that ended, say) is given as events too, so that apply can record it; the
state that comes back already holds them.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ftops.application.checkpoints import Key, choose, judged_revisions, record_of
from ftops.application.job_news import job_news
from ftops.application.left_backends import has_business, left_backends, reach
from ftops.application.look import NEWEST_JOBS, SPARE_CALLS, SPARE_CALLS_OF_APPLY, Look, Spare
from ftops.application.model_looks import model_news
from ftops.application.refresh import differences, look_further
from ftops.application.target_checks import contradictions
from ftops.application.workspace import Workspace
from ftops.domain.alias_steps import is_settled
from ftops.domain.checkpoints import chosen_model
from ftops.domain.desired import Declared
from ftops.domain.events import AnyEvent, BackendSeen, EventRefused
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import Backend, BackendName, ModelId, Revision
from ftops.domain.observed import BackendView, Job, ObservedState
from ftops.domain.plan import Notice
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.transitions import apply_event
from ftops.errors import BackendError, LedgerUnreachable, Unauthorized
from ftops.evaluation.known_verdicts import NotJudged
from ftops.ports import BackendSession, Snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """The observed state, and the events by which it is ahead of each ledger.

    ``failures`` are the backends that could not be asked now, of several, or that refused the key: what the ledger knows
    of them stands.
    """

    state: ObservedState
    events: Mapping[BackendName, tuple[AnyEvent, ...]] = field(default_factory=dict)
    snapshots: Mapping[BackendName, Snapshot] = field(default_factory=dict)
    failures: Mapping[BackendName, BackendError] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Depth:
    """How far a look goes: how many calls beyond the lists, and whether what has ended is read again."""

    spare: int
    is_refreshing: bool


def observe(
    workspace: Workspace, *, may_be_stale: bool = False, is_refreshing: bool = False, is_cached: bool = False
) -> Observation:
    """Reads everything this project uses.

    ``may_be_stale`` is for those who only look: a ledger that can't be reached is read from its local copy, and calls are few.
    ``is_cached`` asks no remote at all, and takes for judged what was judged here before.
    ``is_refreshing`` reads finished jobs again, all models, and what every alias points to; it says what differs. Raises
    LedgerError, BackendError where no backend can be asked, and Unauthorized where one is not the ledger's.
    """
    caveats, notices = list[str](), list[Notice]()
    snapshots = _read_all(workspace, caveats, may_be_stale=may_be_stale, is_cached=is_cached)
    ledgers = {name: snapshot.state for name, snapshot in snapshots.items()}
    events: dict[BackendName, tuple[AnyEvent, ...]] = {}
    views: dict[BackendName, BackendView] = {}
    failures: dict[BackendName, BackendError] = {}
    depth = _Depth(spare=SPARE_CALLS if may_be_stale else SPARE_CALLS_OF_APPLY, is_refreshing=is_refreshing)
    left = _left(workspace, ledgers, caveats)
    for backend in (*workspace.backends, *left):
        session = workspace.sessions.get(backend.name)
        if session is None:
            views[backend.name] = BackendView(backend=backend, why_offline=workspace.offline.get(backend.name))
            continue
        before = ledgers[backend.name]
        try:
            view, seen, said = _look(workspace, backend, session, before, depth)
        except BackendError as error:
            if backend not in left or has_business(before, backend.name, workspace.clock.now()):
                failures[backend.name] = error
            views[backend.name] = BackendView(backend=backend, why_offline=error.message)
            continue
        views[backend.name], events[backend.name] = view, seen
        notices += said
        ledgers = _after(ledgers, before, seen)
    _check_any_answered(views, failures)
    choices = choose(workspace, ledgers)
    for name, chosen in choices.events.items():
        ledgers = _after(ledgers, ledgers[name], chosen)
        events[name] = (*events.get(name, ()), *chosen)
    judgements, calls = _judgements(workspace, ledgers, choices.choosing)
    state = ObservedState(
        ledgers=ledgers,
        backends=views,
        judgements=judgements,
        calls=calls,
        choosing=choices.choosing,
        caveats=tuple(sorted(set(caveats))),
        notices=tuple(notices),
    )
    return Observation(state=state, events=events, snapshots=snapshots, failures=failures)


def _check_any_answered(views: Mapping[BackendName, BackendView], failures: Mapping[BackendName, BackendError]) -> None:
    if failures and not any(view.is_online for view in views.values()):
        raise min(failures.values(), key=lambda error: not isinstance(error, Unauthorized))


def _after(
    ledgers: Mapping[BackendName, LedgerState], before: LedgerState, events: Sequence[AnyEvent]
) -> dict[BackendName, LedgerState]:
    """Gives the ledgers with events applied to one of them, which may record several backends."""
    after = _apply(before, events)
    return {name: after if state is before else state for name, state in ledgers.items()}


def _left(workspace: Workspace, ledgers: dict[BackendName, LedgerState], caveats: list[str]) -> list[Backend]:
    """The backends that manifests have left, are still of interest and can be called; their ledger is that of the others."""
    shared = next(iter(workspace.shared_ledgers), None)
    if shared is None:
        return []
    left = [b for b in left_backends(workspace, ledgers[shared]) if reach(workspace, b, caveats) is not None]
    ledgers |= dict.fromkeys((b.name for b in left), ledgers[shared])
    return left


def _read_all(
    workspace: Workspace, caveats: list[str], *, may_be_stale: bool, is_cached: bool
) -> dict[BackendName, Snapshot]:
    """Reads each ledger once, also where it records several backends: they then share one state."""
    by_ledger: dict[int, Snapshot] = {}
    for backend in workspace.backends:
        key = id(workspace.ledgers[backend.name])
        if key not in by_ledger:
            read = _read_copy if is_cached else partial(_read, may_be_stale=may_be_stale)
            by_ledger[key] = read(workspace, backend, caveats)
    return {b.name: by_ledger[id(workspace.ledgers[b.name])] for b in workspace.backends}


def _read(workspace: Workspace, backend: Backend, caveats: list[str], *, may_be_stale: bool) -> Snapshot:
    ledger = workspace.ledgers[backend.name]
    try:
        snapshot = ledger.read()
    except LedgerUnreachable as error:
        if not may_be_stale:
            raise
        snapshot = ledger.read_cached()
        age = (
            f"the copy used is of {snapshot.stale_since:%Y-%m-%d %H:%M} UTC" if snapshot.stale_since else "no copy here"
        )
        caveats.append(f"the ledger could not be fetched ({error.message}); {age}")
    else:
        if snapshot.tip is None and backend.name in workspace.offline:
            caveats.append("there is no ledger yet: this is as if nothing had ever been applied")
    return snapshot


def _read_copy(workspace: Workspace, backend: Backend, caveats: list[str]) -> Snapshot:
    """Reads the copy here, and says how old it is; the ledger of rehearsals is no copy."""
    snapshot = workspace.ledgers[backend.name].read_cached()
    if snapshot.stale_since is not None:
        caveats.append(f"the ledger was fetched last at {snapshot.stale_since:%Y-%m-%d %H:%M} UTC")
    elif snapshot.is_missing:
        caveats.append("no copy of the ledger is here; without --cached it is fetched")
    return snapshot


def _look(
    workspace: Workspace, backend: Backend, session: BackendSession, ledger: LedgerState, depth: _Depth
) -> tuple[BackendView, tuple[AnyEvent, ...], tuple[Notice, ...]]:
    # Pages of a hundred, not a call for each job that runs: those are the newest ones, but for a few.
    count = max(NEWEST_JOBS, _unfinished(ledger, backend.name))
    newest = session.jobs.list_jobs(metadata={"ftops_project": workspace.desired.project.name}, newest=count)
    look = Look(
        backend=backend,
        address=workspace.address(backend.name),
        session=session,
        ledger=ledger,
        desired=workspace.desired,
        policy=workspace.policy,
        clock=workspace.clock,
        memory=workspace.memory,
        spare=Spare(calls=None if depth.is_refreshing else depth.spare),
        listed={job.id: job for job in newest},
        models={model.id: model for model in session.models.list_models()},
        is_refreshing=depth.is_refreshing,
    )
    if depth.is_refreshing:
        look = look_further(look)
    jobs = job_news(look)
    events: list[AnyEvent] = [*_organization(workspace, look), *jobs.events, *model_news(look)]
    found, strangers = _unrecorded(workspace, look)
    view = BackendView(
        backend=backend,
        is_online=True,
        models=look.models,
        found=found,
        strangers=strangers,
        unknown=jobs.unknown,
        contradictions=contradictions(look),
    )
    if depth.is_refreshing:
        look.memory.differences[backend.name] = differences(look)
    return view, tuple(events), look.memory.differences.get(backend.name, ())


def _unrecorded(workspace: Workspace, look: Look) -> tuple[tuple[Job, ...], tuple[Job, ...]]:
    """The jobs of this project that the ledger doesn't know: its own, and those of another ledger."""
    listed = {**look.listed, **{job.id: job for job in _forgotten(look)}}
    new = [job for job in listed.values() if not look.ledger.knows_job(job.id)]
    if new:  # what this run recorded while the jobs were listed is no find
        recorded = workspace.ledgers[look.backend.name].read_cached().state
        new = [job for job in new if not recorded.knows_job(job.id)]
    ledger_id = look.ledger.project.ledger_id if look.ledger.project else None
    theirs = {
        job.id for job in new if ledger_id is not None and job.metadata.get("ftops_ledger", ledger_id) != ledger_id
    }
    return tuple(job for job in new if job.id not in theirs), tuple(job for job in new if job.id in theirs)


def _forgotten(look: Look) -> Iterator[Job]:
    """Jobs of a declared fine-tune that the ledger let go of: older than the newest page perhaps, and paid for already."""
    for declared in look.desired.fine_tunes:
        record = look.ledger.named(declared.name)
        known = record.revisions.get(declared.revision) if record else None
        is_untrained = known is None or not known.on(look.backend.name)
        if declared.backend.name == look.backend.name and is_untrained and look.ledger.has_forgotten(declared.name):
            wanted = {"ftops_project": look.desired.project.name, "ftops_name": declared.name}
            yield from look.session.jobs.list_jobs(metadata={**wanted, "ftops_revision": declared.revision})


def _organization(workspace: Workspace, look: Look) -> Iterator[AnyEvent]:
    organization = next((job.organization for job in look.listed.values() if job.organization), None)
    known = look.ledger.backend(look.backend.name)
    if known is not None and organization is not None and known.organization != organization:
        name, now = look.backend.name, workspace.clock.now()
        yield BackendSeen(at=now, backend=name, base_url=look.address, organization=organization)


def _unfinished(ledger: LedgerState, backend: BackendName) -> int:
    return sum(not job.status.is_final for *_, attempt in ledger.unsettled(backend) for job in attempt.jobs)


def _apply(state: LedgerState, events: Iterable[AnyEvent]) -> LedgerState:
    for event in events:
        try:
            state = apply_event(state, event)
        except EventRefused as error:
            raise Unauthorized(
                str(error), status=403, remedy="use the key and address that the ledger knows"
            ) from error
    return state


def _judgements(
    workspace: Workspace, ledgers: Mapping[BackendName, LedgerState], choosing: Container[Key]
) -> tuple[dict[Key, Judgement], dict[Key, Mapping[str, int]]]:
    """Judges the chosen models alone: of what has still to be chosen nothing can be said. Counts what is still to be asked."""
    judgements: dict[Key, Judgement] = {}
    calls: dict[Key, Mapping[str, int]] = {}
    for declared in workspace.desired.fine_tunes:
        name, backend = declared.name, declared.backend.name
        record = record_of(declared, ledgers[backend])
        if record is None or not workspace.policy.selects(name):
            continue
        for revision in judged_revisions(declared):
            model = chosen_model(record, revision, backend, declared.fine_tune.policy.checkpoints)
            if model is not None and (name, revision, backend) not in choosing:
                judgement = _judge(workspace, record, declared, revision, model)
                judgements[name, revision, backend] = judgement
                if not is_settled(record, declared, revision, model):
                    calls[name, revision, backend] = workspace.calls_due(record, declared, revision, judgement)
    return judgements, calls


def _judge(
    workspace: Workspace, record: FineTuneRecord, declared: Declared, revision: Revision, model: ModelId
) -> Judgement:
    try:
        return workspace.judge(record, declared, revision, model)
    except NotJudged:
        backend = declared.backend.name
        return Judgement(model=model, revision=revision, backend=backend, verdict=None, has_gate=True)
