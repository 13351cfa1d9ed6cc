"""What can be found wrong with a ledger: the names of its invariants, and findings as values."""

from dataclasses import dataclass
from enum import StrEnum


class Invariant(StrEnum):
    """What must hold of a ledger. ``docs/ledger.md`` has a row for each."""

    READABLE = "readable"
    PROJECT = "project"
    NAMES = "names"
    REVISION_IDS = "revision-ids"
    ATTEMPT_NUMBERS = "attempt-numbers"
    CLAIMS = "claims"
    INTENT_IDS = "intent-ids"
    JOB_IDS = "job-ids"
    ONE_LIVING_JOB = "one-living-job"
    STATUSES = "statuses"
    MODELS = "models"
    REQUESTS = "requests"
    ALIASES = "aliases"
    SCORES = "scores"
    FILES = "files"
    INPUTS = "inputs"
    AMOUNTS = "amounts"
    CLOCKS = "clocks"
    APPEND_ONLY = "append-only"
    CHAIN = "chain"
    ONLY_LEDGERS = "only-ledgers"
    WRITTEN_BY_FTOPS = "written-by-ftops"
    EVENTS_TELL_ALL = "events-tell-all"
    RANDOM_IDS = "random-ids"


@dataclass(frozen=True, kw_only=True, slots=True)
class Breach:
    """How a rule is broken: ``fine_tune`` is None where it is about the project's own record."""

    says: str
    fine_tune: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One broken invariant, in a sentence. ``commit`` is set where one commit of the branch broke it."""

    invariant: Invariant
    says: str
    fine_tune: str | None = None
    commit: str | None = None
