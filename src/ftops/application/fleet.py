"""The fleet at a glance: one row per fine-tune, from an observation and the plan that follows from it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from ftops.application.observe import Observation
from ftops.application.workspace import Workspace
from ftops.domain.attempts import JobRecord, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.guard import rehearsal_names
from ftops.domain.health import Facts, Health, health_of
from ftops.domain.judgement import Judgement
from ftops.domain.lost_models import what_is_lost
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.plan import Plan, kind_of
from ftops.domain.planner import shutdown_message
from ftops.domain.records import FineTuneRecord, Target
from ftops.domain.spending import attempt_usd, spent_usd


@dataclass(frozen=True, kw_only=True, slots=True)
class AliasRow:
    """An alias: what the manifest wants of it, and what it points to."""

    alias: AliasName
    wants: str | None
    target: Target | None
    since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetRow:
    """One fine-tune. ``state`` says in a word where its declared revision stands; ``spent_usd`` sums all attempts.

    ``health`` is how it is on the whole, and ``why``. ``made_at`` is when the oldest model that an alias points to was made,
    or the declared revision's where none does: whoever shows its age has the clock. ``drift`` tells what moved at the backend
    without a manifest's doing.
    """

    name: FineTuneName
    backend: BackendName
    revision: Revision
    health: Health
    why: str
    state: str
    job: JobRecord | None
    judgement: Judgement | None
    aliases: tuple[AliasRow, ...]
    made_at: datetime | None
    spent_usd: float
    revisions: int
    shutdown_in_days: int | None
    drift: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """What training cost in a UTC month, and the project's budget for it. Embedded backends cost nothing."""

    year: int
    month: int
    usd: float
    budget_usd: float | None


def fleet(workspace: Workspace, observation: Observation, plan: Plan) -> tuple[FleetRow, ...]:
    """Gives a row for each selected fine-tune, by name."""
    chosen = [d for d in workspace.desired.fine_tunes if workspace.policy.selects(d.name)]
    said = _Said.of(plan)
    return tuple(_row(declared, observation, plan, said) for declared in sorted(chosen, key=lambda d: d.name))


def spending(workspace: Workspace, observation: Observation, plan: Plan) -> Spending:
    """Gives what the project has spent in the month of the plan's day, over all its fine-tunes."""
    year, month = plan.today.year, plan.today.month
    rehearsals = rehearsal_names(workspace.desired)
    ledgers = {id(state): state for _, state in observation.state.distinct_ledgers}
    usd = sum(spent_usd(state, month=(year, month), rehearsals=rehearsals) for state in ledgers.values())
    return Spending(year=year, month=month, usd=usd, budget_usd=workspace.desired.project.training_budget_usd)


class _About(Protocol):
    @property
    def fine_tune(self) -> FineTuneName | None: ...


_Thing = TypeVar("_Thing", bound=_About)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What a plan says of each fine-tune."""

    refused: Mapping[str, list[str]]
    blocked: Mapping[str, list[str]]
    notices: Mapping[str, list[str]]
    actions: Mapping[str, list[str]]
    waits_for: Mapping[str, list[str]]

    @classmethod
    def of(cls, plan: Plan) -> "_Said":
        return cls(
            refused=_by_name(plan.refusals, lambda one: one.message),
            blocked=_by_name(plan.blockers, lambda one: one.message),
            notices=_by_name(plan.notices, lambda one: one.message),
            actions=_by_name(plan.actions, kind_of),
            waits_for=_by_name(plan.deferred, lambda one: one.waits_for),
        )


def _by_name(things: Iterable[_Thing], word: Callable[[_Thing], str]) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for thing in things:
        if thing.fine_tune is not None:
            found[thing.fine_tune].append(word(thing))
    return found


def _row(declared: Declared, observation: Observation, plan: Plan, said: _Said) -> FleetRow:
    backend = declared.backend.name
    ledger = observation.state.ledgers[backend]
    names = (declared.name, *declared.fine_tune.moved_from)
    record = next((r for name in names if (r := ledger.named(name)) is not None), None)
    known = record.revisions.get(declared.revision) if record else None
    attempt = known.latest(backend) if known else None
    job = attempt.job if attempt else None
    key = (declared.name, declared.revision, backend)
    judgement = observation.state.judgements.get(key)
    view = observation.state.backends[backend]
    day = view.shutdown_date(declared.fine_tune.base_model)  # type: ignore[arg-type]
    days = (day - plan.today).days if day else None
    closing = shutdown_message(declared.fine_tune.base_model, day, days) if day and days is not None else None
    lost = _lost(record) if record else ()
    drift = (*lost, *(one.message for one in view.contradictions if one.fine_tune == declared.name))
    facts = Facts(
        lost=lost,
        refused=tuple(said.refused[declared.name]),
        job=job.status if job else None,
        job_error=job.error_message if job else None,
        verdict=judgement.verdict if judgement else None,
        verdict_why=_why_not(judgement),
        shutdown_in_days=days,
        notices=tuple(one for one in (*said.blocked[declared.name], *said.notices[declared.name]) if one != closing),
        actions=tuple(said.actions[declared.name]),
        waits_for=tuple(said.waits_for[declared.name]),
        is_suspended=declared.fine_tune.policy.suspend,
    )
    health, why = health_of(facts)
    return FleetRow(
        name=declared.name,
        backend=backend,
        revision=declared.revision,
        health=health,
        why=why,
        state=_state(declared, job, judgement, facts, is_choosing=key in observation.state.choosing),
        job=job,
        judgement=judgement,
        aliases=tuple(_alias_rows(declared, record)),
        made_at=_made_at(record, job),
        spent_usd=_spent(record),
        revisions=len(record.revisions) if record else 0,
        shutdown_in_days=days,
        drift=drift,
    )


def _lost(record: FineTuneRecord) -> tuple[str, ...]:
    """What is said of models that aliases point to and that can't be counted on any more."""
    found = []
    for alias, known in sorted(record.aliases.items()):
        target = known.target
        for revision, backend, _, job in record.jobs() if target else ():
            is_it = target and (backend, revision) == (target.backend, target.revision) and job.has_model(target.model)
            if is_it and (job.is_missed or job.is_model_lost):
                found.append(f"{alias}: {what_is_lost(record, revision, backend, job)}")
    return tuple(found)


def _why_not(judgement: Judgement | None) -> str:
    """The sentence of the condition that the verdict rests on."""
    for one in judgement.evals if judgement else ():
        if one.error is not None:
            return f"{one.name}: {one.error}"
        for result in one.conditions:
            if result.is_enforced and judgement and result.verdict is judgement.verdict:
                return f"{one.name}: {result.sentence}"
    return ""


def _made_at(record: FineTuneRecord | None, job: JobRecord | None) -> datetime | None:
    """When the oldest model that serves was made; where none does, when the declared revision's was, or its job seen last."""
    targets = [known.target for known in record.aliases.values() if known.target] if record else []
    jobs = [known for *_, known in record.jobs()] if record else []
    made = [one.finished_at or one.seen_at for one in jobs for to in targets if one.has_model(to.model)]
    if made:
        return min(made)
    return (job.finished_at or job.seen_at) if job else None


def _state(
    declared: Declared, job: JobRecord | None, judgement: Judgement | None, facts: Facts, *, is_choosing: bool
) -> str:
    if declared.fine_tune.policy.suspend:
        return "suspended"
    if facts.refused:
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
    if judgement.verdict is not None:
        return judgement.verdict.value
    return "not evaluated" if judgement.missing else "not judged"


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
