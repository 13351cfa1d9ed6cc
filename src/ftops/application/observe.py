"""Observes: reads ledgers and backends, and says what is true now. Writes nothing.

What a backend reports beyond the ledger (a job that ended, say) is given as events too, so that apply can record it; the
state that comes back already holds them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ftops.application.workspace import Workspace
from ftops.domain.attempts import CheckpointRecord, JobRecord, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.events import AnyEvent, BackendSeen, EventRefused, JobObserved
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import LATEST, Backend, BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.observed import BackendView, Job, ObservedState
from ftops.domain.pricing import training_price
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.transitions import apply_event
from ftops.errors import BackendError, LedgerUnreachable, NotFound, Unauthorized
from ftops.ports import BackendSession, Snapshot

NEWEST_JOBS = 100


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


def observe(workspace: Workspace, *, may_be_stale: bool = False) -> Observation:
    """Reads everything this project uses. ``may_be_stale``: a ledger that can't be reached is read from its local copy.

    Raises LedgerError, BackendError where no backend can be asked, and Unauthorized where one is not the ledger's.
    """
    caveats: list[str] = []
    snapshots = _read_all(workspace, caveats, may_be_stale=may_be_stale)
    ledgers: dict[BackendName, LedgerState] = {name: s.state for name, s in snapshots.items()}
    events: dict[BackendName, tuple[AnyEvent, ...]] = {}
    views: dict[BackendName, BackendView] = {}
    failures: dict[BackendName, BackendError] = {}
    for backend in workspace.backends:
        session = workspace.sessions.get(backend.name)
        if session is None:
            why = workspace.offline.get(backend.name)
            views[backend.name] = BackendView(backend=backend, why_offline=why)
            continue
        before = ledgers[backend.name]
        try:
            view, seen = _look(workspace, backend, session, before)
        except BackendError as error:
            failures[backend.name] = error
            views[backend.name] = BackendView(backend=backend, why_offline=error.message)
            continue
        views[backend.name], events[backend.name] = view, seen
        after = _apply(before, seen)
        ledgers = {name: after if state is before else state for name, state in ledgers.items()}
    if failures and not any(view.is_online for view in views.values()):
        raise min(failures.values(), key=lambda error: not isinstance(error, Unauthorized))
    state = ObservedState(
        ledgers=ledgers,
        backends=views,
        judgements=_judgements(workspace, ledgers),
        caveats=tuple(sorted(set(caveats))),
    )
    return Observation(state=state, events=events, snapshots=snapshots, failures=failures)


def _read_all(workspace: Workspace, caveats: list[str], *, may_be_stale: bool) -> dict[BackendName, Snapshot]:
    """Reads each ledger once, also where it records several backends: they then share one state."""
    by_ledger: dict[int, Snapshot] = {}
    for backend in workspace.backends:
        key = id(workspace.ledgers[backend.name])
        if key not in by_ledger:
            by_ledger[key] = _read(workspace, backend, caveats, may_be_stale=may_be_stale)
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


def _look(
    workspace: Workspace, backend: Backend, session: BackendSession, ledger: LedgerState
) -> tuple[BackendView, tuple[AnyEvent, ...]]:
    project = workspace.desired.project.name
    ledger_id = ledger.project.ledger_id if ledger.project else None
    # Pages of a hundred, not a call for each job that runs: those are the newest ones, but for a few.
    count = max(NEWEST_JOBS, _unfinished(ledger, backend.name))
    newest = session.jobs.list_jobs(metadata={"ftops_project": project}, newest=count)
    ours = [job for job in newest if ledger_id is None or job.metadata.get("ftops_ledger", ledger_id) == ledger_id]
    # What this run recorded while the jobs were listed is no find.
    recorded = workspace.ledgers[backend.name].read_cached().state
    view = BackendView(
        backend=backend,
        is_online=True,
        models={model.id: model for model in session.models.list_models()},
        found=tuple(job for job in ours if not (ledger.knows_job(job.id) or recorded.knows_job(job.id))),
        strangers=tuple(job for job in newest if job not in ours),
    )
    seen = {job.id: job for job in ours}
    events: list[AnyEvent] = []
    organization = next((job.organization for job in newest if job.organization), None)
    known = ledger.backend(backend.name)
    if known is not None and organization is not None and known.organization != organization:
        events.append(
            BackendSeen(
                at=workspace.clock.now(),
                backend=backend.name,
                base_url=workspace.address(backend.name),
                organization=organization,
            )
        )
    events += _changed_jobs(workspace, backend, session, ledger, seen)
    return view, tuple(events)


def _unfinished(ledger: LedgerState, backend: BackendName) -> int:
    return sum(
        where == backend and not job.status.is_final
        for record in ledger.fine_tunes.values()
        for _, where, _, job in record.jobs()
    )


def _changed_jobs(
    workspace: Workspace,
    backend: Backend,
    session: BackendSession,
    ledger: LedgerState,
    seen: Mapping[JobId, Job],
) -> Iterable[AnyEvent]:
    """Looks at each job that the ledger has as unfinished; finished ones are immutable, and cost no call."""
    for name, record in sorted(ledger.fine_tunes.items()):
        for revision, where, attempt, known in record.jobs():
            if where != backend.name or known.status.is_final:
                continue
            job = seen.get(JobId(known.id)) or _retrieve(session, known)
            if job is None or job.status is known.status:
                continue
            yield observed_event(
                job,
                fine_tune=FineTuneName(name),
                revision=revision,
                backend=backend,
                attempt=attempt.number,
                at=workspace.clock.now(),
                session=session,
            )


def _retrieve(session: BackendSession, known: JobRecord) -> Job | None:
    try:
        return session.jobs.retrieve(JobId(known.id))
    except Unauthorized:
        raise
    except NotFound:
        return None  # a backend that lost its jobs, or a key that can't see them: nothing is concluded from one look


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
            for c in (session.jobs.checkpoints(job.id) if has_model else ())
        ),
    )


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
    workspace: Workspace, ledgers: Mapping[BackendName, LedgerState]
) -> dict[tuple[FineTuneName, Revision, BackendName], Judgement]:
    judgements: dict[tuple[FineTuneName, Revision, BackendName], Judgement] = {}
    for declared in workspace.desired.fine_tunes:
        if not workspace.policy.selects(declared.name):
            continue
        record = _record_of(declared, ledgers[declared.backend.name])
        if record is None:
            continue
        for revision in _judged_revisions(declared):
            known = record.revisions.get(revision)
            job = known.trained_job(declared.backend.name) if known else None
            if job is not None and job.model is not None:
                judgements[declared.name, revision, declared.backend.name] = workspace.judge(
                    record, declared, revision, ModelId(job.model)
                )
    return judgements


def _record_of(declared: Declared, ledger: LedgerState) -> FineTuneRecord | None:
    names = (declared.name, *declared.fine_tune.moved_from)
    return next((record for name in names if (record := ledger.named(name)) is not None), None)


def _judged_revisions(declared: Declared) -> list[Revision]:
    pinned = {Revision(to) for to in declared.fine_tune.aliases.values() if to != LATEST}
    return sorted(pinned | {declared.revision})
