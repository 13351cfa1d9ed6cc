"""``--allow``: the words that lift a guard, as a policy for the planner."""

from typing import Final

from ftops.domain.foreign_text import quoted
from ftops.domain.guard import DIRTY, DIVERGED, MASS_DELETE, NO_RETRAIN, UNKNOWN_COST, Policy
from ftops.domain.manifest import FineTuneName
from ftops.domain.near_misses import hint
from ftops.errors import UsageProblem

_OF_APPLY: Final = (DIRTY, DIVERGED, UNKNOWN_COST)
_OF_PRUNE: Final = (DIRTY, DIVERGED, MASS_DELETE, NO_RETRAIN)


def policy_of(
    allowed: tuple[str, ...],
    selected: frozenset[FineTuneName] | None,
    *,
    is_pruning: bool = False,
    only_prunes: bool = False,
) -> Policy:
    """Gives the planner's policy. Raises UsageProblem for a word that lifts nothing in this command."""
    words = words_of(only_prunes=only_prunes)
    for word in allowed:
        if word not in words:
            raise UsageProblem(f"--allow {quoted(word)} lifts no guard here", remedy=_hint(word, words))
    return Policy(allow=frozenset(allowed), selected=selected, is_pruning=is_pruning, only_prunes=only_prunes)


def words_of(*, only_prunes: bool) -> tuple[str, ...]:
    """Gives the words that lift a guard: of prune, or of plan and apply."""
    return _OF_PRUNE if only_prunes else _OF_APPLY


def _hint(word: str, words: tuple[str, ...]) -> str:
    return f"that is for deletions: ftops prune --allow {word}" if word in _OF_PRUNE else hint(word, words)
