"""``--allow``: the words that lift a guard, as a policy for the planner."""

from difflib import get_close_matches
from typing import Final

from ftops.domain.guard import DIRTY, DIVERGED, MASS_DELETE, NO_RETRAIN, UNKNOWN_COST, Policy
from ftops.domain.manifest import FineTuneName
from ftops.errors import UsageProblem

_WORDS: Final = (DIRTY, DIVERGED, MASS_DELETE, NO_RETRAIN, UNKNOWN_COST)


def policy_of(
    allowed: tuple[str, ...], selected: frozenset[FineTuneName] | None, *, is_pruning: bool = False
) -> Policy:
    """Gives the planner's policy. Raises UsageProblem for a word that lifts nothing."""
    for word in allowed:
        if word not in _WORDS:
            near = get_close_matches(word, _WORDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_WORDS)}"
            raise UsageProblem(f"--allow {word!r} lifts no guard", remedy=hint)
    return Policy(allow=frozenset(allowed), selected=selected, is_pruning=is_pruning)
