"""What training has cost, as far as a ledger shows it: the figure that budgets are held against."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ftops.domain.attempts import Attempt, Intent, JobRecord, JobStatus
from ftops.domain.manifest import JobId
from ftops.domain.records import LedgerState


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one job cost, or the POST that an open intent stands for; ``at`` says which month it counts in."""

    job: str | None
    at: datetime
    usd: float


def costs_of(attempt: Attempt) -> Iterator[Cost]:
    """Gives the costs of an attempt: of its job and surplus ones; of its open intent while it has no job.

    A job counts from its own intent on, as others of the attempt may have been written a month before: with its cost where
    known, else with that intent's estimate, a cancelled one too; one that failed counts 0.
    """
    if attempt.job is None and attempt.open_intent is not None:
        yield Cost(job=None, at=attempt.open_intent.at, usd=attempt.open_intent.estimate_usd or 0.0)
    for job in (*((attempt.job,) if attempt.job else ()), *attempt.surplus):
        intent = _intent_of(job, attempt)
        at = intent.at if intent else job.created_at or job.seen_at
        yield Cost(job=job.id, at=at, usd=_usd(job, intent))


def _intent_of(job: JobRecord, attempt: Attempt) -> Intent | None:
    own = next((intent for intent in attempt.intents if intent.id == job.intent), None)
    return own or (attempt.intents[-1] if attempt.intents else None)


def _usd(job: JobRecord, intent: Intent | None) -> float:
    if job.status is JobStatus.FAILED:
        return 0.0
    if job.cost_usd is not None:
        return job.cost_usd
    return (intent.estimate_usd or 0.0) if intent else 0.0


def attempt_usd(attempt: Attempt) -> float:
    """Gives what an attempt comes to, in USD."""
    return math.fsum(cost.usd for cost in costs_of(attempt))


def spent_usd(
    state: LedgerState,
    *,
    month: tuple[int, int],
    rehearsals: frozenset[str],
    apart_from: tuple[str, str, str, int] | None = None,
) -> float:
    """What training cost in a UTC month, over all fine-tunes and the backends that cost money, forgotten ones too.

    ``apart_from`` (fine-tune, revision, backend, attempt) is left out: who goes on with an attempt counts it anew.
    """
    costs = [
        cost.usd
        for name, record in state.fine_tunes.items()
        for revision, known in record.revisions.items()
        for backend, attempts in known.attempts.items()
        if backend not in rehearsals
        for attempt in attempts
        if (name, revision, backend, attempt.number) != apart_from
        for cost in costs_of(attempt)
        if _is_in(cost.at, month)
    ]
    costs += [
        cost.usd
        for past in (state.project.forgotten if state.project else ())
        for cost in past.costs
        if _is_in(cost.at, month) and not state.knows_job(JobId(cost.job))
    ]
    return math.fsum(costs)  # exact, so that the records' order can't change a refusal


def is_over(usd: float, limit_usd: float) -> bool:
    """Whether an amount exceeds a limit, by more than what adding up floats may be off."""
    return usd - limit_usd > 1e-9


def _is_in(moment: datetime, month: tuple[int, int]) -> bool:
    return (moment.year, moment.month) == month
