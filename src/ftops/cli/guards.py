"""``--allow``: the words that lift a guard, as a policy for the planner."""

from difflib import get_close_matches
from typing import Final

from ftops.domain.guard import DIRTY, DIVERGED, MASS_DELETE, NO_RETRAIN, UNKNOWN_COST, Policy
from ftops.domain.manifest import FineTuneName
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
    words = _OF_PRUNE if only_prunes else _OF_APPLY
    for word in allowed:
        if word not in words:
            raise UsageProblem(f"--allow {word!r} lifts no guard here", remedy=_hint(word, words))
    return Policy(allow=frozenset(allowed), selected=selected, is_pruning=is_pruning, only_prunes=only_prunes)


def _hint(word: str, words: tuple[str, ...]) -> str:
    if word in _OF_PRUNE:
        return f"that is for deletions: ftops prune --allow {word}"
    near = get_close_matches(word, words, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(words)}"
