"""Sketches of texts, small enough to keep for every row, and how alike two texts are by them.

The similarity of two texts is the Jaccard index of their sets of grams: runs of four letters or digits of the normal form
(``normal_text``), blanks and punctuation left out; a shorter form is one gram. Of a form longer than 1,048,576 characters only
those count.

A sketch holds two things. The signature: 192 slots of a MinHash in one pass, in which every gram is thrown at one slot a
round, slots that no round fills copy their neighbour, and equal sets fill equal slots (after Dahlgaard, Knudsen, Thorup: Fast
Similarity Sketching, 2017). The sample: 16 bits of the hash of each gram, of all grams up to 256, and of those whose hash ends
in enough zeros that about 256 are left otherwise. The sample gives the index itself for texts of up to 256 grams (but for
16-bit hashes that meet, an error of 0.03 at most in practice); for longer ones slots and sample together estimate it, with a
standard deviation of about 0.02. Hashes are the same in every process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ftops.datasets.normal_text import normal_lines, normal_text

Array: TypeAlias = npt.NDArray[Any]

SLOTS: Final = 192
GRAM: Final = 4
SAMPLE: Final = 256
LONGEST: Final = 1 << 20
_LETTERS_AT_ONCE: Final = 1 << 17  # arrays of this length stay in the processor's cache
_ROUNDS: Final = 12
_EMPTY: Final = np.uint32(0xFFFFFFFF)
_NEWLINE: Final = ord("\n")
_SAMPLE_BITS: Final = 16
_PAIRS_AT_ONCE: Final = 1 << 15  # with a sample and a side in 32 bits
_SCRAMBLED: Final = np.random.default_rng(4).integers(2**63, 2**64, _ROUNDS, dtype=np.uint64) | np.uint64(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sketches:
    """The sketches of texts in their order: at most about 0.8 kB each, in numpy arrays alone.

    ``signatures`` has a row of slots for each text; ``samples`` lie end to end, ``sizes`` says how many are each text's, and
    ``levels`` how many zeros their hashes end in. A text without letters and digits has a size and a level of 0.
    """

    signatures: Array
    samples: Array
    sizes: Array
    levels: Array

    def __len__(self) -> int:
        return len(self.sizes)

    @staticmethod
    def joined(parts: Sequence["Sketches"]) -> "Sketches":
        """Puts sketches one after another."""
        given = [part for part in parts if len(part)] or [_nothing()]
        return Sketches(
            signatures=np.concatenate([part.signatures for part in given]),
            samples=np.concatenate([part.samples for part in given]),
            sizes=np.concatenate([part.sizes for part in given]),
            levels=np.concatenate([part.levels for part in given]),
        )


def sketch(texts: Sequence[str]) -> Sketches:
    """Sketches each text."""
    forms = [text if text.isascii() else normal_text(text)[:LONGEST] for text in texts]
    plain = [index for index, form in enumerate(forms) if form.isascii()]
    others = [index for index, form in enumerate(forms) if not form.isascii()]
    parts = [_sketch_of(*_ascii_letters(chunk)) for chunk in _chunks([forms[index] for index in plain])]
    parts += [_sketch_of(*_other_letters(chunk)) for chunk in _chunks([forms[index] for index in others])]
    return _reordered(Sketches.joined(parts), np.array(plain + others, dtype=np.int64))


def similarities(first: Sketches, firsts: Array, second: Sketches, seconds: Array) -> Array:
    """Gives the similarity of each pair: text ``firsts[i]`` of ``first`` and ``seconds[i]`` of ``second``."""
    found = np.empty(len(firsts))
    ends = [np.cumsum(side.sizes, dtype=np.int64) for side in (first, second)]
    for begin in range(0, len(firsts), _PAIRS_AT_ONCE):
        part = slice(begin, begin + _PAIRS_AT_ONCE)
        one, other = firsts[part], seconds[part]
        level = np.maximum(first.levels[one], second.levels[other])
        apart = 2 * level.astype(np.int64) - first.levels[one] - second.levels[other]
        keys = (_sampled(first, ends[0], one, level, apart), _sampled(second, ends[1], other, level, apart))
        common, all_ = _common(*keys, pairs=len(one))
        equal = np.count_nonzero(first.signatures[one] == second.signatures[other], axis=1)
        is_whole = level == 0
        found[part] = np.where(is_whole, common / np.maximum(all_, 1), (common + equal) / (all_ + SLOTS))
    return found


def _nothing() -> Sketches:
    return Sketches(
        signatures=np.empty((0, SLOTS), np.uint8),
        samples=np.empty(0, np.uint16),
        sizes=np.empty(0, np.uint32),
        levels=np.empty(0, np.uint8),
    )


def _chunks(forms: Sequence[str]) -> Iterator[Sequence[str]]:
    begin = letters = 0
    for index, form in enumerate(forms):
        if letters and letters + len(form) > _LETTERS_AT_ONCE:
            yield forms[begin:index]
            begin, letters = index, 0
        letters += len(form) + 1
    if forms:
        yield forms[begin:]


def _ascii_letters(forms: Sequence[str]) -> tuple[Array, Array]:
    """Gives the code of the gram that begins at each letter, a byte for a letter, and where each form ends."""
    lines = normal_lines(forms)
    codes = np.ndarray((len(lines),), "<u4", lines + bytes(GRAM), strides=(1,)).astype(np.uint32)
    return codes, np.flatnonzero(np.frombuffer(lines, np.uint8) == _NEWLINE)


def _other_letters(forms: Sequence[str]) -> tuple[Array, Array]:
    """Gives the same for normal forms of any letters; grams of ASCII alone have the same codes in both."""
    lines = "".join(form + "\n" for form in forms)
    letters = np.frombuffer((lines + "\0" * GRAM).encode("utf-32-le"), "<u4").astype(np.uint32)
    ends = np.flatnonzero(letters == _NEWLINE)
    is_other = letters >= 0x80
    letters[is_other] = _mixed(letters[is_other].astype(np.uint64)).astype(np.uint32)
    codes = letters[:-GRAM].copy()
    for place in range(1, GRAM):
        shifted = letters[place : place - GRAM]
        codes ^= (shifted << np.uint32(8 * place)) | (shifted >> np.uint32(32 - 8 * place))
    return codes, ends


def _sketch_of(codes: Array, ends: Array) -> Sketches:
    begins = np.concatenate([[0], ends[:-1] + 1])
    lengths = np.minimum(ends - begins, LONGEST)
    counts = np.where(lengths >= GRAM, lengths - (GRAM - 1), np.minimum(lengths, 1))
    is_gram = np.ones(len(codes), bool)
    for place in range(GRAM):
        is_gram[np.maximum(ends - place, 0)] = False
    for text in np.flatnonzero(ends - begins > LONGEST):
        is_gram[begins[text] + counts[text] : ends[text]] = False
    for length in range(1, GRAM):
        short = begins[lengths == length]
        is_gram[short] = True
        codes[short] &= np.uint32((1 << 8 * length) - 1)
    hashes = _mixed(codes[is_gram].astype(np.uint64))
    owners = np.repeat(np.arange(len(counts)), counts)
    samples, sizes, levels = _samples(hashes, owners, counts)
    return Sketches(signatures=_signatures(hashes, owners, counts), samples=samples, sizes=sizes, levels=levels)


def _mixed(codes: Array) -> Array:
    """Scrambles 64-bit numbers as splitmix64 ends (Steele, Lea, Flood 2014)."""
    codes = (codes + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    codes ^= codes >> np.uint64(27)
    codes *= np.uint64(0x94D049BB133111EB)
    codes ^= codes >> np.uint64(31)
    return codes


def _signatures(hashes: Array, owners: Array, counts: Array) -> Array:
    slots = np.full(len(counts) * SLOTS, _EMPTY)
    table = slots.reshape(len(counts), SLOTS)
    for number, factor in enumerate(_SCRAMBLED):
        thrown = hashes * factor
        at = ((thrown >> np.uint64(40)) * np.uint64(SLOTS)) >> np.uint64(24)
        # Earlier rounds win by the number that stands before the hash.
        values = (thrown.astype(np.uint32) >> np.uint32(4)) | np.uint32(number << 28)
        np.minimum.at(slots, owners * SLOTS + at.astype(np.int64), values)
        is_open = (table == _EMPTY).any(axis=1)
        is_thrown_again = is_open[owners]
        if not is_thrown_again.any():
            break
        hashes, owners = hashes[is_thrown_again], owners[is_thrown_again]
    _fill_from_neighbours(slots, np.flatnonzero(is_open & (counts > 0)))
    return (table & np.uint32(0xFF)).astype(np.uint8)


def _fill_from_neighbours(slots: Array, open_: Array) -> None:
    """Copies into each empty slot of the texts ``open_`` the last full one before it, going round."""
    of_open = (open_[:, None] * SLOTS + np.arange(SLOTS)).ravel()
    empty = of_open[slots[of_open] == _EMPTY]
    while len(empty):
        before = np.where(empty % SLOTS, empty - 1, empty + (SLOTS - 1))
        slots[empty] = slots[before]
        empty = empty[slots[empty] == _EMPTY]


def _samples(hashes: Array, owners: Array, counts: Array) -> tuple[Array, Array, Array]:
    levels = np.ceil(np.log2(np.maximum(counts / SAMPLE, 1))).astype(np.uint8)
    if not levels.any():
        return hashes.astype(np.uint16), counts.astype(np.uint32), levels
    shifts = levels[owners].astype(np.uint64)
    is_sampled = (hashes & ((np.uint64(1) << shifts) - np.uint64(1))) == 0
    owners = owners[is_sampled]
    samples = (hashes[is_sampled] >> shifts[is_sampled]).astype(np.uint16)
    # A gram that a long text repeats is kept once, or it could make a sample of any size.
    keys = np.sort(owners << _SAMPLE_BITS | samples)
    keys = keys[_is_new(keys)]
    owners = keys >> _SAMPLE_BITS
    return keys.astype(np.uint16), np.bincount(owners, minlength=len(counts)).astype(np.uint32), levels


def _reordered(given: Sketches, places: Array) -> Sketches:
    """Moves text i of ``given`` to ``places[i]``."""
    if np.array_equal(places, np.arange(len(places))):
        return given
    order = np.argsort(places)
    ends = np.cumsum(given.sizes, dtype=np.int64)
    _, at = _spread(ends, given.sizes, order)
    return Sketches(
        signatures=given.signatures[order],
        samples=given.samples[at],
        sizes=given.sizes[order],
        levels=given.levels[order],
    )


def _spread(ends: Array, sizes: Array, texts: Array) -> tuple[Array, Array]:
    """Gives the places of the samples of ``texts``, and for each place the number of its text among them."""
    many = sizes[texts].astype(np.int64)
    owners = np.repeat(np.arange(len(texts)), many)
    before = np.cumsum(many) - many
    return owners, np.arange(len(owners)) + (ends[texts] - many - before)[owners]


def _sampled(side: Sketches, ends: Array, texts: Array, level: Array, apart: Array) -> Array:
    """Gives pair number and sample in one integer, of what a sample at ``level`` would hold.

    Levels that are ``apart`` have fewer bits in common.
    """
    owners, at = _spread(ends, side.sizes, texts)
    samples = side.samples[at].astype(np.int64)
    if apart.any():
        finer = (level - side.levels[texts]).astype(np.int64)[owners]
        is_kept = (samples & ((1 << finer) - 1)) == 0
        owners, samples = owners[is_kept], samples[is_kept] >> finer[is_kept]
        samples &= (1 << (_SAMPLE_BITS - apart[owners])) - 1
    return owners << _SAMPLE_BITS | samples


def _common(first: Array, second: Array, *, pairs: int) -> tuple[Array, Array]:
    """Counts for each pair the samples that both have, and those that either has."""
    marked = np.concatenate([first << 1, second << 1 | 1]).astype(np.uint32)
    marked.sort()
    marked = marked[_is_new(marked)]
    keys = marked >> np.uint32(1)
    is_new = _is_new(keys)
    either = np.bincount(keys[is_new] >> np.uint32(_SAMPLE_BITS), minlength=pairs)
    return np.bincount(keys[~is_new] >> np.uint32(_SAMPLE_BITS), minlength=pairs), either


def _is_new(ordered: Array) -> Array:
    """Tells which of ordered numbers differ from the one before. A sort and this beat ``np.unique``, which hashes."""
    is_new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return is_new
