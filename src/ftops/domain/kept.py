"""What a plan says of models that are kept when somebody prunes, and the closed set of rules that keep them."""

from dataclasses import dataclass
from enum import StrEnum

from ftops.domain.manifest import BackendName, FineTuneName, ModelId, Revision


class Rule(StrEnum):
    """Why a model is kept. ``docs/planning.md`` has a row for each."""

    PROTECTED = "protected"
    SUSPENDED = "suspended"
    RENAMED = "renamed"
    DECLARED = "declared"
    ALIAS = "alias"
    BEFORE_ALIAS = "before_alias"
    OVERRIDE = "override"
    NAMED = "named"
    UNFINISHED = "unfinished"
    IMPORTED = "imported"
    NEWEST = "newest"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """A rule, and what it means here in words that follow "stays:"."""

    rule: Rule
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A model that is kept, and why."""

    fine_tune: FineTuneName
    backend: BackendName
    revision: Revision
    model: ModelId
    rule: Rule
    why: str
