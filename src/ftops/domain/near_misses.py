"""What was probably meant by a word that isn't known: the one rule behind every ``did you mean``.

Owns the rule and its words. It neither knows where the words come from nor says that something is wrong.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from ftops.domain.foreign_text import visible

_SHOWN: Final = 8


def near(word: str, known: Iterable[str]) -> str | None:
    """Gives the known word that is most like ``word``, in any case; else the only one that begins with it; else None."""
    words = {one.lower(): one for one in sorted(known, reverse=True)}
    lowered = word.lower()
    if matches := get_close_matches(lowered, sorted(words), n=1):
        return words[matches[0]]
    longer = [one for one in words if lowered and one.startswith(lowered)]
    return words[longer[0]] if len(longer) == 1 else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Gives `` (did you mean x?)`` to follow a sentence, or nothing."""
    found = near(word, known)
    return f" (did you mean {visible(found)}?)" if found is not None else ""


def hint(word: str, known: Iterable[str], *, there_are: str = "there are") -> str:
    """Gives ``did you mean x?``, or what there is; of many only the first ones."""
    words = sorted(set(known))
    found = near(word, words)
    return f"did you mean {visible(found)}?" if found is not None else f"{there_are} {listed(words)}"


def listed(known: Iterable[str]) -> str:
    """Gives words in their order with commas between them; of many only the first ones, and how many more there are."""
    words = sorted(set(known))
    more = f" and {len(words) - _SHOWN:,} more" if len(words) > _SHOWN else ""
    return ", ".join(map(visible, words[:_SHOWN])) + more or "none"
