"""The fleet at a glance: one row per fine-tune, from an observation and the plan that follows from it."""

from dataclasses import dataclass
from datetime import datetime

from ftops.application.observe import Observation
from ftops.application.workspace import Workspace
from ftops.domain.attempts import JobRecord, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.plan import Plan
from ftops.domain.records import FineTuneRecord, Target
from ftops.domain.spending import attempt_usd


@dataclass(frozen=True, kw_only=True, slots=True)
class AliasRow:
    """An alias: what the manifest wants of it, and what it points to."""

    alias: AliasName
    wants: str | None
    target: Target | None
    since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetRow:
    """One fine-tune. ``state`` says in a word where its declared revision stands; ``spent_usd`` sums all attempts."""

    name: FineTuneName
    backend: BackendName
    revision: Revision
    state: str
    job: JobRecord | None
    judgement: Judgement | None
    aliases: tuple[AliasRow, ...]
    spent_usd: float
    revisions: int
    shutdown_in_days: int | None


def fleet(workspace: Workspace, observation: Observation, plan: Plan) -> tuple[FleetRow, ...]:
    """Gives a row for each selected fine-tune, by name."""
    chosen = [d for d in workspace.desired.fine_tunes if workspace.policy.selects(d.name)]
    return tuple(_row(declared, observation, plan) for declared in sorted(chosen, key=lambda d: d.name))


def _row(declared: Declared, observation: Observation, plan: Plan) -> FleetRow:
    backend = declared.backend.name
    ledger = observation.state.ledgers[backend]
    names = (declared.name, *declared.fine_tune.moved_from)
    record = next((r for name in names if (r := ledger.named(name)) is not None), None)
    known = record.revisions.get(declared.revision) if record else None
    attempt = known.latest(backend) if known else None
    job = attempt.job if attempt else None
    key = (declared.name, declared.revision, backend)
    judgement = observation.state.judgements.get(key)
    day = observation.state.backends[backend].shutdown_date(declared.fine_tune.base_model)  # type: ignore[arg-type]
    return FleetRow(
        name=declared.name,
        backend=backend,
        revision=declared.revision,
        state=_state(declared, job, judgement, plan, is_choosing=key in observation.state.choosing),
        job=job,
        judgement=judgement,
        aliases=tuple(_alias_rows(declared, record)),
        spent_usd=_spent(record),
        revisions=len(record.revisions) if record else 0,
        shutdown_in_days=(day - plan.today).days if day else None,
    )


def _state(
    declared: Declared, job: JobRecord | None, judgement: Judgement | None, plan: Plan, *, is_choosing: bool
) -> str:
    if declared.fine_tune.policy.suspend:
        return "suspended"
    if any(entry.fine_tune == declared.name for entry in plan.refusals):
        return "refused"
    if job is None:
        return "not trained"
    if job.status is not JobStatus.SUCCEEDED:
        return job.status.value
    if job.is_missed or job.is_model_lost:
        return "model missed" if job.is_missed else "model gone"
    if is_choosing:
        return "checkpoint not chosen"
    if judgement is None or not judgement.has_gate:
        return "trained"
    return judgement.verdict.value if judgement.verdict else "not evaluated"


def _alias_rows(declared: Declared, record: FineTuneRecord | None) -> list[AliasRow]:
    names = {*declared.fine_tune.aliases, *(record.aliases if record else ())}
    rows = []
    for alias in sorted(names):
        known = record.aliases.get(alias) if record else None
        moved = known.history[-1].at if known and known.history else None
        rows.append(
            AliasRow(
                alias=AliasName(alias),
                wants=declared.fine_tune.aliases.get(AliasName(alias)),
                target=known.target if known else None,
                since=moved,
            )
        )
    return rows


def _spent(record: FineTuneRecord | None) -> float:
    if record is None:
        return 0.0
    revisions = record.revisions.values()
    return sum(attempt_usd(a) for r in revisions for attempts in r.attempts.values() for a in attempts)
