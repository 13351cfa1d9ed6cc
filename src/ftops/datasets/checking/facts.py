"""The facts that answers state: names of several words, and long numbers.

Owns what counts as one, by the definition of D135 in ``docs/data-checks.md``; ``mentions`` knows whether a prompt has it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import accumulate
from typing import Final, NamedTuple

from ftops.datasets.checking.mentions import Said
from ftops.datasets.normal_text import normal_text

MOST: Final = 200  # names and numbers of one answer, so that no answer is held against its prompt for long
# Letters by case, digits, and everything else; Latin-1, so that names in other scripts are not looked for.
_CLASSES: Final = bytes(
    ord("A") if chr(c).isupper() else ord("a") if chr(c).islower() else ord("0") if chr(c).isdecimal() else c
    for c in range(256)
)
# In classes. Each begins with one literal byte, which is how expressions are found fast. What Latin-1 doesn't have, as a thin
# blank, is a question mark there.
_NAME: Final = re.compile(rb"A(?<=a A)a+(?: Aa+){1,19}")
_NUMBER: Final = re.compile(rb"0[.,]?0[.,]?0(?:[.,]?0)*")
_CALCULATES: Final = re.compile(rb"0[\s\x1c-\x1f\x85\xa0?]*[-=\xd7*/+\xf7][\s\x1c-\x1f\x85\xa0?]*\$?0")
_LONG: Final = re.compile(r"[0-9]{3}")  # in an answer without it, no number is long, whatever its points
_NO_POINTS: Final = str.maketrans("", "", ".,")


class Facts(NamedTuple):
    """Names and numbers of an answer as it has them, in its order."""

    names: Sequence[str]
    numbers: Sequence[str]

    def first_not_in(self, said: Said) -> str | None:
        """Gives the first name of which ``said`` has no word, or else the first number that it doesn't have."""
        for name in self.names:
            if not any(said.has(normal_text(word), word) for word in name.split()):
                return name
        for number in self.numbers:
            if not said.has(number.translate(_NO_POINTS), number):
                return number
        return None


def facts_in(answers: Sequence[str]) -> Iterator[tuple[int, Facts]]:
    """Gives the places of the answers that state facts, with these."""
    classes = b"|".join([answer.encode("latin-1", "replace") for answer in answers]).translate(_CLASSES)
    ends = tuple(accumulate(len(answer) + 1 for answer in answers))
    names = _stated(_NAME, classes, ends, answers, without=frozenset())
    numbers = _stated(_NUMBER, classes, ends, answers, without=_calculating(classes, ends))
    for place in sorted(names.keys() | numbers.keys()):
        long = numbers.get(place, ())
        if not any(map(_LONG.search, long)):
            long = ()
        if place in names or long:
            yield place, Facts(names.get(place, ()), long)


def _calculating(classes: bytes, ends: Sequence[int]) -> Set[int]:
    """Gives the answers that calculate; ``ends`` are where the classes of each end."""
    found: set[int] = set()
    match = _CALCULATES.search(classes)
    while match is not None:
        found.add(place := bisect_right(ends, match.start()))
        match = _CALCULATES.search(classes, ends[place])
    return found


def _stated(
    kind: re.Pattern[bytes], classes: bytes, ends: Sequence[int], answers: Sequence[str], *, without: Set[int]
) -> Mapping[int, Sequence[str]]:
    """Gives what of a kind stands in answers, by their places; none of those ``without``."""
    found: dict[int, list[str]] = {}
    for match in kind.finditer(classes):
        place = bisect_right(ends, match.start())
        if place not in without:
            of_answer = found.setdefault(place, [])
            if len(of_answer) < MOST:
                first = ends[place] - 1 - len(answers[place])
                of_answer.append(answers[place][match.start() - first : match.end() - first])
    return found
