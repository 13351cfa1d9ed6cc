"""Sketches of texts, small enough to keep for every row of a file.

Owns what is kept of the set of a text's grams (``text_grams``: runs of four letters). How alike two texts are by that is
worked out in ``text_similarities``. A sketch has two parts.

The signature, by which texts that are alike are found: 96 slots of a MinHash in one pass, in which every gram is thrown at one
slot a round, slots that no round fills copy their neighbour, and equal sets fill equal slots (after Dahlgaard, Knudsen,
Thorup: Fast Similarity Sketching, 2017). Of each slot 8 bits are kept.

The details, which tell how much they are alike. Of a text of up to 256 grams that is 16 bits of the hash of each. Of a longer
one it is a map of 2,048 bits, one of which each gram sets. A text that would fill it is thinned out: it has a level, and only
hashes that begin with as many zero bits count, in the signature too. The level follows from how many different grams a text of
that length is expected to have, and from how many it has where expectation fails; about 400 to 800 are left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ftops.datasets.text_grams import Array, Grams, grams_of

SLOTS: Final = 96
MAP: Final = 2048
MAP_BITS: Final = 11
_WHOLE: Final = 256
_ROUNDS: Final = 12
_EMPTY: Final = np.uint32(0xFFFFFFFF)
_THROWN_ONCE: Final = 4 * SLOTS  # as many grams leave 2 of 100 slots empty, and are thrown no second time
_WORDS: Final = MAP // 16
_CHOSEN: Final = 768
_FEW: Final = 200  # bits of a map that are set: with as few, or as many, expectation failed
_MANY: Final = 900
_HALF_DIFFER: Final = 16_000  # of the grams in prose of that length
_FACTORS: Final = np.random.default_rng(4).integers(2**63, 2**64, _ROUNDS, dtype=np.uint64) | np.uint64(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """The sketches of some texts in their order, in numpy arrays alone.

    ``signatures`` has a row of slots for each text; ``details`` lie end to end, 16 bits of each hash or the words of a map,
    and ``ends`` says where those of each text end. ``levels`` are 0 where they are hashes, and one more than the text's level
    where they are a map. ``identities`` are numbers that only texts with the same grams share. A text without letters and
    digits has no details.
    """

    signatures: Array
    details: Array
    ends: Array
    levels: Array
    identities: Array

    def sizes(self) -> Array:
        """Gives how many details each text has."""
        return np.diff(self.ends, prepend=0)

    def taken(self, texts: Array) -> "Block":
        """Gives the sketches of ``texts``, which may be in any order and repeat."""
        sizes = self.ends[texts] - np.where(texts > 0, self.ends[texts - 1], 0)
        ends = np.cumsum(sizes)
        at = np.arange(int(sizes.sum())) + np.repeat(self.ends[texts] - ends, sizes)
        return Block(
            signatures=self.signatures[texts],
            details=self.details[at],
            ends=ends,
            levels=self.levels[texts],
            identities=self.identities[texts],
        )

    @staticmethod
    def joined(parts: Sequence["Block"]) -> "Block":
        """Puts blocks one after another, which copies them."""
        given = [part for part in parts if len(part.ends)] or [_nothing()]
        return Block(
            signatures=np.concatenate([part.signatures for part in given]),
            details=np.concatenate([part.details for part in given]),
            ends=np.cumsum(np.concatenate([part.sizes() for part in given])),
            levels=np.concatenate([part.levels for part in given]),
            identities=np.concatenate([part.identities for part in given]),
        )


@dataclass(frozen=True, slots=True)
class Sketches:
    """The sketches of texts in their order, at most about 0.6 kB each.

    They are in blocks, as one array of all would be a second copy.
    """

    blocks: tuple[Block, ...]

    @staticmethod
    def joined(parts: Sequence["Sketches"]) -> "Sketches":
        """Puts sketches one after another."""
        return Sketches(tuple(block for part in parts for block in part.blocks))

    def __len__(self) -> int:
        return sum(len(block.ends) for block in self.blocks)

    @property
    def levels(self) -> Array:
        """Gives the ``levels`` of all blocks."""
        return np.concatenate([np.empty(0, np.uint8), *(block.levels for block in self.blocks)])

    @property
    def identities(self) -> Array:
        """Gives the ``identities`` of all blocks."""
        return np.concatenate([np.empty(0, np.uint64), *(block.identities for block in self.blocks)])

    def with_grams(self) -> Array:
        """Gives the texts that have a gram."""
        return np.flatnonzero(np.concatenate([np.empty(0, np.int64), *(block.sizes() for block in self.blocks)]))

    def slots(self, numbers: Array) -> Array:
        """Gives these slots of all texts, a row for each text."""
        blocks = _nothing(), *self.blocks
        return np.concatenate([block.signatures[:, numbers] for block in blocks])

    def signatures_of(self, texts: Array) -> Array:
        """Gives the signatures of ``texts``, which may be in any order and repeat."""
        found = np.empty((len(texts), SLOTS), np.uint8)
        for block, at, inside in self._where(texts):
            found[at] = block.signatures[inside]
        return found

    def taken(self, texts: Array) -> Block:
        """Gives the sketches of ``texts``, which may be in any order and repeat."""
        places = [np.empty(0, np.int64)]
        parts = []
        for block, at, inside in self._where(texts):
            places.append(at)
            parts.append(block.taken(inside))
        return Block.joined(parts).taken(np.argsort(np.concatenate(places)))

    def _where(self, texts: Array) -> Iterator[tuple[Block, Array, Array]]:
        """Gives for each block with some of ``texts`` their places in ``texts`` and in the block."""
        order = np.argsort(texts, kind="stable")
        begins = np.cumsum([0, *(len(block.ends) for block in self.blocks)])
        cuts = np.searchsorted(texts[order], begins)
        for block, begin, low, high in zip(self.blocks, begins, cuts, cuts[1:], strict=False):
            if low < high:
                yield block, order[low:high], texts[order[low:high]] - begin


def sketch(forms: Sequence[bytes]) -> Sketches:
    """Sketches texts, each given as its normal form in UTF-8."""
    places: list[Array] = []
    parts: list[Block] = []
    for of_some, grams in grams_of(forms):
        places.append(of_some)
        parts.append(_sketch_of(grams))
    return Sketches((Block.joined(parts).taken(np.argsort(np.concatenate(places))),) if parts else ())


def _nothing() -> Block:
    return Block(
        signatures=np.empty((0, SLOTS), np.uint8),
        details=np.empty(0, np.uint16),
        ends=np.empty(0, np.int64),
        levels=np.empty(0, np.uint8),
        identities=np.empty(0, np.uint64),
    )


def _sketch_of(grams: Grams) -> Block:
    is_long = grams.counts > _WHOLE
    levels = _levels(grams.counts / (1 + grams.counts / _HALF_DIFFER))
    hashes, counts = grams.below(_limits(levels))
    maps = _maps(hashes, counts, levels, is_long)
    bits = np.count_nonzero(maps, axis=1)
    is_wrong = (bits >= _MANY) | (bits <= _FEW) & (levels[is_long] > 0)
    if is_wrong.any():
        for text in np.flatnonzero(is_long)[is_wrong]:
            different = np.unique(grams.hashes[grams.begins[text] :][: grams.counts[text]])
            levels[text] = _levels(np.array(len(different)))
        hashes, counts = grams.below(_limits(levels))
        maps = _maps(hashes, counts, levels, is_long)
    sizes = np.where(is_long, _WORDS, counts)
    details = np.empty(int(sizes.sum()), np.uint16)
    of_long = np.repeat(is_long, sizes)
    details[of_long] = np.packbits(maps, axis=1).view(np.uint16).ravel()
    details[~of_long] = hashes[np.repeat(~is_long, counts)] >> np.uint32(16)
    return Block(
        signatures=_signatures(hashes, counts),
        details=details,
        ends=np.cumsum(sizes),
        levels=np.where(is_long, levels + 1, 0).astype(np.uint8),
        identities=_identities(hashes, counts, levels),
    )


def _levels(different: Array) -> Array:
    """Gives the level for texts of so many different grams."""
    return np.ceil(np.log2(np.maximum(different / _CHOSEN, 1))).astype(np.int64)


def _limits(levels: Array) -> Array:
    """Gives the greatest hash at each level."""
    return np.uint32(0xFFFFFFFF) >> levels.astype(np.uint32)


def _maps(hashes: Array, counts: Array, levels: Array, is_long: Array) -> Array:
    """Gives the maps of the long texts, a row for each: by the bits of a hash that follow those that are zero."""
    many = int(np.count_nonzero(is_long))
    if not many:
        return np.zeros((0, MAP), bool)
    rows = np.where(is_long, np.cumsum(is_long) - 1, many)  # short texts share a row, which goes
    maps = np.zeros((many + 1) * MAP, bool)
    shifts = np.repeat((32 - MAP_BITS - levels).astype(np.uint32), counts)
    maps[np.repeat(rows * MAP, counts) + (hashes >> shifts)] = True
    return maps.reshape(-1, MAP)[:many]


def _identities(hashes: Array, counts: Array, levels: Array) -> Array:
    """Gives a number for each text that is the same for the same grams."""
    terms = hashes * _FACTORS[0]
    terms ^= terms >> np.uint64(32)
    terms *= _FACTORS[1]
    identities: Array = levels.astype(np.uint64) * _FACTORS[2]
    begins = np.cumsum(counts) - counts
    has_some = counts > 0
    if len(terms):
        identities[has_some] += np.add.reduceat(terms, begins[has_some])
    return identities


def _signatures(hashes: Array, counts: Array) -> Array:
    slots = np.full(len(counts) * SLOTS, _EMPTY)
    table = slots.reshape(len(counts), SLOTS)
    texts, many, begins = np.arange(len(counts)), counts, np.repeat(np.arange(len(counts)) * SLOTS, counts)
    for number in range(_ROUNDS):
        # Earlier rounds win by the number that stands before the hash. In the first it grows with the hash, so that a slot
        # holds the same at any level that leaves it something.
        at = ((hashes & np.uint32(0xFFFF)) * np.uint32(SLOTS)) >> np.uint32(16)
        np.minimum.at(slots, begins + at, (hashes >> np.uint32(4)) | np.uint32(number << 28))
        is_open = (table[texts] == _EMPTY).any(axis=1) & (many < _THROWN_ONCE)
        if not is_open.any():
            break
        if not is_open.all():
            again = np.flatnonzero(np.repeat(is_open, many))
            hashes, begins, texts, many = hashes[again], begins[again], texts[is_open], many[is_open]
        hashes = _thrown(hashes, number)
    _fill_from_neighbours(slots, np.flatnonzero((table == _EMPTY).any(axis=1) & (counts > 0)))
    signatures: Array = ((table * np.uint32(0x9E3779B1)) >> np.uint32(24)).astype(np.uint8)
    return signatures


def _thrown(hashes: Array, number: int) -> Array:
    """Scrambles hashes once more for the next round."""
    hashes = hashes * _FACTORS[number].astype(np.uint32)
    hashes ^= hashes >> np.uint32(15)
    return hashes


def _fill_from_neighbours(slots: Array, open_: Array) -> None:
    """Copies into each empty slot of the texts ``open_`` the last full one before it, going round."""
    of_open = (open_[:, None] * SLOTS + np.arange(SLOTS)).ravel()
    empty = of_open[slots[of_open] == _EMPTY]
    while len(empty):
        before = np.where(empty % SLOTS, empty - 1, empty + (SLOTS - 1))
        slots[empty] = slots[before]
        empty = empty[slots[empty] == _EMPTY]
