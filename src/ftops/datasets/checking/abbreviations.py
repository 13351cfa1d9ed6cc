"""Capitals that stand for words of a text, as BAC does in Bank of America.

Owns that search. The places of a letter are one number here, with a bit for each character of the text, and all ways to go on
from one letter to the next are followed at once, so that no text takes long.
"""

import re
from typing import Final

_GAP: Final = 12  # characters between two letters, none of which ends a sentence
_ENDS: Final = "[.?!\n]"


class Abbreviated:
    """A text, and whether capitals are in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, int] = {}

    def has(self, capitals: str) -> bool:
        """Tells whether the letters are in the text in this order, close together, the first one where a word begins."""
        places = self._places(rf"\b{capitals[0]}")
        for letter in capitals[1:]:
            if not places:
                return False
            places = self._reached(places, letter)
        return places > 0

    def _reached(self, places: int, letter: str) -> int:
        """Gives the places of ``letter`` that are close after one of ``places``."""
        wanted, ends, found = self._places(letter), self._places(_ENDS), 0
        for _ in range(_GAP + 1 if wanted else 0):
            places <<= 1
            found |= places & wanted
            places &= ~ends
        return found

    def _places(self, pattern: str) -> int:
        """Gives what matches, whatever the case, as a number with the bits of these characters."""
        if pattern not in self._known:
            digits = bytearray(b"0") * (len(self._text) + 1)
            for match in re.finditer(pattern, self._text, re.IGNORECASE):
                digits[-1 - match.start()] = ord("1")
            self._known[pattern] = int(digits, 2)
        return self._known[pattern]
