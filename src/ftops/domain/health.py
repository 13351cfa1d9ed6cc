"""How a fine-tune is, in one word, and why: the worst of what is true of it.

Pure over facts that the fleet gathers. Owns the order of the words, from worst to best, and which of several reasons is said.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ftops.domain.attempts import JobStatus
from ftops.domain.judgement import Verdict

# As far ahead as it takes to prepare another base model, train on it and try it, with time to spare.
SHUTDOWN_DAYS: Final = 90


class Health(StrEnum):
    """From worst to best. Broken is what applications call; attention needs a person, pending an apply, working only time."""

    BROKEN = "broken"
    ATTENTION = "attention"
    PENDING = "pending"
    WORKING = "working"
    SUSPENDED = "suspended"
    OK = "ok"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is true of a fine-tune. Sentences are those of the plan; ``lost`` tells of models that aliases point to.

    ``job`` is the newest one of the declared revision, ``job_error`` what it ended with. ``verdict`` is that of its model;
    None where there is nothing to judge. ``actions`` are the verbs of what an apply would do, ``waits_for`` what is waited
    for. ``shutdown_in_days`` is the base model's.
    """

    lost: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    job: JobStatus | None = None
    job_error: str | None = None
    verdict: Verdict | None = None
    verdict_why: str = ""
    shutdown_in_days: int | None = None
    notices: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    is_suspended: bool = False


def health_of(facts: Facts) -> tuple[Health, str]:
    """Gives the word and the reason; no reason where all is well."""
    if facts.lost:
        return Health.BROKEN, facts.lost[0]
    if facts.is_suspended:
        return Health.SUSPENDED, "spec.policy.suspend"
    if (concern := _concern(facts)) is not None:
        return Health.ATTENTION, concern
    if facts.actions:
        return Health.PENDING, "an apply is due: " + ", ".join(dict.fromkeys(facts.actions))
    if facts.waits_for:
        return Health.WORKING, f"waits for {facts.waits_for[0]}"
    return Health.OK, ""


def _concern(facts: Facts) -> str | None:
    if facts.refused:
        return facts.refused[0]
    if facts.job in {JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.PAUSED}:
        return f"its job {facts.job.value}" + (f": {facts.job_error}" if facts.job_error else "")
    if facts.verdict not in {None, Verdict.PASS}:
        return facts.verdict_why or f"its gates: {facts.verdict}"
    if facts.shutdown_in_days is not None and facts.shutdown_in_days < SHUTDOWN_DAYS:
        left = facts.shutdown_in_days
        return f"its base model shuts down in {left} days" if left >= 0 else "its base model was shut down"
    return facts.notices[0] if facts.notices else None
