"""Capitals that stand for words of a text, as BAC does in Bank of America.

Owns that search. The places of a letter are one number here, with a bit for each character of the text, and all ways to go on
from one letter to the next are followed at once, so that no text takes long.
"""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GAP: Final = 12  # characters between two letters, none of which ends a sentence
_ENDS: Final = ".?!\n"
_WORD_BEGINS: Final = re.compile(r"\b\w")


class Abbreviated:
    """A text, and whether capitals are in it."""

    def __init__(self, text: str) -> None:
        self._text = _lower(text)
        self._bits: dict[str, int] = {}

    def has(self, capitals: str) -> bool:
        """Tells whether the letters are in the text in this order, close together, the first one where a word begins."""
        letters = _lower(capitals)
        places = self._of(letters[0]) & self._word_begins
        for letter in letters[1:]:
            wanted, reached = self._of(letter), 0
            for _ in range(_GAP + 1):
                places <<= 1
                reached |= places & wanted
                places &= self._within_sentences
            places = reached
        return places > 0

    @cached_property
    def _codes(self) -> "NDArray[Any]":
        import numpy as np

        if self._text.isascii():
            return np.frombuffer(self._text.encode("ascii"), np.uint8)
        return np.frombuffer(self._text.encode("utf-32-le", "surrogatepass"), np.uint32)

    @cached_property
    def _word_begins(self) -> int:
        import numpy as np

        flags = np.zeros(len(self._text), np.bool_)
        flags[[match.start() for match in _WORD_BEGINS.finditer(self._text)]] = True
        return _number(flags)

    @cached_property
    def _within_sentences(self) -> int:
        import numpy as np

        return _number(~np.isin(self._codes, [ord(end) for end in _ENDS]))

    def _of(self, letter: str) -> int:
        if letter not in self._bits:
            self._bits[letter] = _number(self._codes == ord(letter))
        return self._bits[letter]


def _lower(text: str) -> str:
    """Gives the text in lower case, with as many characters: only one letter of Unicode has more than one there."""
    return text.replace("İ", "i").lower()


def _number(flags: "NDArray[Any]") -> int:
    import numpy as np

    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")
