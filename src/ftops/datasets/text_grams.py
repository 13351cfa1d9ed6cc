"""The grams of texts as numbers, many texts at once.

Owns what a gram is: a run of four letters or digits of the normal form (``normal_text``), blanks and punctuation left out;
a shorter form is one gram. Of a form longer than 1,048,576 characters only those count. A gram's number is a hash of 32 bits,
the same in every process; no two grams of ASCII share one, but for two of them all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

LONGEST: Final = 1 << 20
_GRAM: Final = 4
_LETTERS_AT_ONCE: Final = 1 << 16  # arrays of this length stay in the processor's cache
_NEWLINE: Final = ord("\n")
_GREATEST: Final = np.uint32(0xFFFFFFFE)
_NONE: Final = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grams:
    """The grams of texts, as they come, repetitions included.

    ``hashes`` has a place for each letter and one for each text's end: the hash of the gram that begins there, or the greatest
    number where none does. Text i has the places from ``begins[i]``, of which the first ``counts[i]`` are those with a gram.
    """

    hashes: Array
    begins: Array
    counts: Array

    def below(self, limits: Array) -> tuple[Array, Array]:
        """Gives the hashes of text i that are ``limits[i]`` or less, text by text, and how many are each text's.

        With a limit of 2^32 - 2 that is all of them.
        """
        spans = np.diff(self.begins, append=len(self.hashes))
        at = np.flatnonzero(self.hashes <= np.repeat(np.minimum(limits, _GREATEST), spans))
        return self.hashes[at], np.diff(np.searchsorted(at, self.begins), append=len(at))


def grams_of(forms: Sequence[bytes]) -> Iterator[tuple[Array, Grams]]:
    """Gives the grams of some texts at a time, with the places that these have in ``forms``: normal forms in UTF-8."""
    lengths = np.fromiter(map(len, forms), np.int64, len(forms))
    is_ascii = np.fromiter(map(bytes.isascii, forms), bool, len(forms))
    by_length = np.argsort(lengths, kind="stable")  # texts of one length take the same steps
    for places in _portions(by_length[is_ascii[by_length]], lengths):
        yield places, _grams(*_ascii_codes([forms[place] for place in places]))
    for places in _portions(by_length[~is_ascii[by_length]], lengths):
        yield places, _grams(*_other_codes([forms[place] for place in places]))


def _portions(places: Array, lengths: Array) -> Sequence[Array]:
    if not len(places):
        return ()
    numbers = np.cumsum(lengths[places] + 1) // _LETTERS_AT_ONCE
    return np.split(places, np.flatnonzero(np.diff(numbers)) + 1)


def _ascii_codes(forms: Sequence[bytes]) -> tuple[Array, Array]:
    """Gives the code of the gram that begins at each letter, a byte for a letter, and where each form ends."""
    lines = b"".join(form + b"\n" for form in forms)
    codes = np.ndarray((len(lines),), "<u4", lines + bytes(_GRAM), strides=(1,)).astype(np.uint32)
    return codes, np.flatnonzero(np.frombuffer(lines, np.uint8) == _NEWLINE)


def _other_codes(forms: Sequence[bytes]) -> tuple[Array, Array]:
    """Gives the same for normal forms of any letters; grams of ASCII alone have the same codes in both."""
    lines = "".join(form.decode("utf-8", "surrogatepass")[:LONGEST] + "\n" for form in forms)
    letters = np.frombuffer((lines + "\0" * _GRAM).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)
    ends = np.flatnonzero(letters == _NEWLINE)
    letters = np.where(letters < 0x80, letters, _mixed(letters))
    codes = letters[:-_GRAM].copy()
    for place in range(1, _GRAM):
        shifted = letters[place : place - _GRAM]
        codes ^= (shifted << np.uint32(8 * place)) | (shifted >> np.uint32(32 - 8 * place))
    return codes, ends


def _grams(codes: Array, ends: Array) -> Grams:
    begins = np.concatenate([[0], ends[:-1] + 1])
    lengths = np.minimum(ends - begins, LONGEST)
    counts = np.where(lengths >= _GRAM, lengths - (_GRAM - 1), np.minimum(lengths, 1))
    for length in range(1, _GRAM):
        codes[begins[lengths == length]] &= np.uint32((1 << 8 * length) - 1)
    hashes = _mixed(codes)
    np.minimum(hashes, _GREATEST, out=hashes)
    short = begins[(lengths > 0) & (lengths < _GRAM)]
    kept = hashes[short]
    for place in range(_GRAM):
        hashes[np.maximum(ends - place, 0)] = _NONE
    hashes[short] = kept
    for text in np.flatnonzero(ends - begins > LONGEST):
        hashes[begins[text] + counts[text] : ends[text]] = _NONE
    return Grams(hashes=hashes, begins=begins, counts=counts)


def _mixed(numbers: Array) -> Array:
    """Scrambles 32-bit numbers, each to another one, as MurmurHash3 ends (Appleby 2011)."""
    shifted = numbers >> np.uint32(16)
    numbers = numbers ^ shifted
    for factor, shift in ((np.uint32(0x85EBCA6B), np.uint32(13)), (np.uint32(0xC2B2AE35), np.uint32(16))):
        numbers *= factor
        np.right_shift(numbers, shift, out=shifted)
        numbers ^= shifted
    return numbers
