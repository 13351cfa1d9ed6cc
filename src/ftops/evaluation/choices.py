"""What people chose between pairs of answers that they saw blinded: which pair a choice is about, and what choices come to.

Owns the blinding (which answer is called a, where a pair stands in the file) and the majority of several people. It reads no
file and draws no random number: everything follows from a key that stays on the machine that exported the pairs.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from ftops.domain.preferences import Pair


class Choice(StrEnum):
    """What somebody prefers."""

    A = "a"
    B = "b"
    TIE = "tie"


@dataclass(frozen=True, kw_only=True, slots=True)
class Blinding:
    """Hides which model an answer is from. Who lacks the ``key`` can tell nothing by ids, sides or order."""

    key: bytes

    def pair_id(self, pair: Pair, between: Sequence[str]) -> str:
        """Gives a pair's name in the file; ``between`` names the two models, as they were asked."""
        return self._digest("pair", *between, pair.row, str(pair.repeat), pair.candidate, pair.baseline)[:16]

    def is_turned(self, pair_id: str) -> bool:
        """Whether the candidate's answer is shown as b."""
        return int(self._digest("side", pair_id)[:2], 16) % 2 == 1

    def place(self, pair_id: str) -> str:
        """Gives what pairs are sorted by in the file."""
        return self._digest("place", pair_id)

    def win(self, pair_id: str, choice: Choice) -> float:
        """Gives what a choice means for the candidate: 1, 0.5 or 0."""
        if choice is Choice.TIE:
            return 0.5
        return 1.0 if (choice is Choice.B) == self.is_turned(pair_id) else 0.0

    def _digest(self, *words: str) -> str:
        # Each word with its length before it: no two lists of words make the same text.
        text = "".join(f"{len(word)}:{word}" for word in words)
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()


def majority(wins: Sequence[float]) -> float:
    """Gives what most people chose for one pair, as a win; 0.5 where no choice has more votes than each other one."""
    counted = Counter(wins).most_common(2)
    if len(counted) > 1 and counted[0][1] == counted[1][1]:
        return 0.5
    return counted[0][0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How far people agree on the pairs that several chose for.

    ``share`` is that of pairs of choices about one item which are the same; ``alpha`` is Krippendorff's for nominal data:
    1 for full agreement, 0 for what chance would give. ``items`` were chosen for by two people or more.
    """

    share: float
    alpha: float | None
    items: int


def agreement(votes: Iterable[Sequence[float]]) -> Agreement | None:
    """Gives the agreement on items, each with everybody's choice; None where no item has two.

    Krippendorff, Content Analysis, 2nd ed. 2004, section 11.3: alpha = 1 − observed / expected disagreement, over the matrix
    of coincidences, in which an item with m choices counts each of its ordered pairs 1 / (m − 1) times. None where everybody
    always chose alike, of which chance can't be told.
    """
    shared = [values for values in votes if len(values) > 1]
    if not shared:
        return None
    pairs = [a == b for values in shared for a, b in combinations(values, 2)]
    return Agreement(share=sum(pairs) / len(pairs), alpha=_alpha(shared), items=len(shared))


def _alpha(shared: Sequence[Sequence[float]]) -> float | None:
    totals: Counter[float] = Counter()
    disagreement = 0.0
    for values in shared:
        totals.update(values)
        apart = sum(a != b for a, b in combinations(values, 2))
        disagreement += 2 * apart / (len(values) - 1)
    n = sum(totals.values())
    expected = n * n - sum(count * count for count in totals.values())
    return 1 - (n - 1) * disagreement / expected if expected else None
