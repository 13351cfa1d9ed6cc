"""Which texts are nearly equal: within one set, and between two, without comparing all with all.

Owns the threshold. Two texts are near duplicates when the Jaccard index of their sets of grams (``text_sketches``: runs of
four letters or digits) is at least 0.8: by the index itself for texts of up to 256 grams, and by an estimate of at least 0.76
for longer ones, which finds about 97 in 100 of those at 0.8, and 1 in 100 at 0.71. Texts without a letter or digit are like no
other.

Candidates are texts with the same eight slots in one of 36 bands of their signatures: 99 of 100 pairs at 0.8, and 1 of
10,000 at 0.2. Of many texts in one band each is compared with the first and its next few neighbours, and texts that are linked
already are not compared again, so that a million texts like one another take hardly longer than a million others. What links a
group is nearness of one text to the next: its first and its last may differ more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ftops.datasets.text_grams import Array
from ftops.datasets.text_similarities import similarities
from ftops.datasets.text_sketches import SLOTS, Sketches

THRESHOLD: Final = 0.8
_ESTIMATED: Final = 0.76
_LEAST_EQUAL: Final = int(0.65 * SLOTS)  # slots; three and a half standard deviations below the threshold
_NEIGHBOURS: Final = 3
_AT_ONCE: Final = 1 << 16
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio
# Each slot is in three of 36 bands of eight.
_BANDS: Final = np.concatenate([np.random.default_rng(seed).permutation(SLOTS).reshape(-1, 8) for seed in range(3)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two near duplicates, as indexes of texts, and their similarity from 0 to 1."""

    first: int
    second: int
    similarity: float


def similar_pairs(sketches: Sketches) -> Iterator[Pair]:
    """Gives near duplicates, the lower index first: not all pairs, but enough to link every group.

    Texts with equal sets of grams come first, with a similarity of 1.
    """
    for first, second, similarity in _links(sketches):
        yield from _pairs(first, second, similarity)


def similar_groups(sketches: Sketches) -> tuple[tuple[int, ...], ...]:
    """Gives the groups that near duplicates link: each in the order of its texts, ordered by the first of them."""
    found = [(first, second) for first, second, _ in _links(sketches)]
    firsts, seconds = (np.concatenate(ends) for ends in zip(*found, strict=True))
    labels = _joined(np.arange(len(sketches)), firsts, seconds)
    texts = np.unique(np.concatenate([firsts, seconds]))
    texts = texts[np.argsort(labels[texts], kind="stable")]
    cuts = np.flatnonzero(np.diff(labels[texts])) + 1
    return tuple(tuple(group.tolist()) for group in np.split(texts, cuts) if len(group))


def similar_between(first: Sketches, second: Sketches) -> Iterator[Pair]:
    """Gives for each text of ``second`` that has near duplicates in ``first`` one of them, an equal one if there is one."""
    froms, open_ = first.with_grams(), second.with_grams()
    at, found = _matches(first.identities[froms], second.identities[open_], most=1)
    yield from _pairs(froms[at], open_[found], np.ones(len(at)))
    open_ = np.delete(open_, found)
    for mine, theirs in zip(_bands(first), _bands(second), strict=True):
        at, found = _matches(mine[froms], theirs[open_], most=_NEIGHBOURS)
        firsts, seconds, similarity = _near(first, froms[at], second, open_[found])
        seconds, once = np.unique(seconds, return_index=True)
        yield from _pairs(firsts[once], seconds, similarity[once])
        open_ = np.setdiff1d(open_, seconds, assume_unique=True)


def _links(sketches: Sketches) -> Iterator[tuple[Array, Array, Array]]:
    """Gives the first texts of such pairs, the second ones, and their similarities."""
    labels = np.arange(len(sketches))
    texts = sketches.with_grams()
    first, second = _firsts(*_shared(sketches.identities[texts], texts))
    yield first, second, np.ones(len(first))
    labels = _joined(labels, first, second)
    texts = texts[labels[texts] == texts]
    for keys in _bands(sketches):
        shared = _shared(keys[texts], texts)
        for candidates in (_firsts, _neighbours):
            first, second = candidates(*shared)
            is_open = labels[first] != labels[second]
            first, second, similarity = _near(sketches, first[is_open], sketches, second[is_open])
            yield first, second, similarity
            labels = _joined(labels, first, second)


def _pairs(first: Array, second: Array, similarity: Array) -> Iterator[Pair]:
    for one, other, alike in zip(first.tolist(), second.tolist(), similarity.tolist(), strict=True):
        yield Pair(first=one, second=other, similarity=alike)


def _bands(sketches: Sketches) -> Iterator[Array]:
    """Gives of each band the eight slots of all texts as one integer."""
    for numbers in _BANDS:
        yield sketches.slots(numbers).view(np.uint64).ravel()


def _packed(keys: Array, bits: int) -> Array:
    """Puts the place of each key into its low bits and sorts: a sort of numbers takes a part of what ``argsort`` takes."""
    packed = (keys >> np.uint64(bits) << np.uint64(bits)) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    return packed


def _meeting(keys: Array) -> Array:
    """Gives the places of keys that may be another's too. Mostly that is one in ten, and a sort of all would take longer."""
    bits = len(keys).bit_length() + 2
    thrown = ((keys * _FACTOR) >> np.uint64(64 - bits)).astype(np.int64)
    own = np.arange(len(keys), dtype=np.int32)
    table = np.empty(1 << bits, np.int32)
    table[thrown] = own
    is_met = np.zeros(1 << bits, bool)
    is_met[thrown[table[thrown] != own]] = True
    return np.flatnonzero(is_met[thrown])


def _shared(keys: Array, texts: Array) -> tuple[Array, Array]:
    """Gives the texts whose key is another's too, equal ones in a row, and for each the place where its row begins."""
    meeting = _meeting(keys)
    keys, texts = keys[meeting], texts[meeting]
    bits = max(len(keys), 1).bit_length()
    packed = _packed(keys, bits)
    runs = packed >> np.uint64(bits)
    is_shared = np.zeros(len(runs), bool)
    is_shared[1:] = runs[1:] == runs[:-1]
    is_shared[:-1] |= is_shared[1:]
    runs = runs[is_shared]
    members = texts[(packed[is_shared] & np.uint64((1 << bits) - 1)).astype(np.int64)]
    return members, np.searchsorted(runs, runs)


def _firsts(members: Array, begins: Array) -> tuple[Array, Array]:
    """Gives pairs of each member and the first of its row."""
    others = np.flatnonzero(begins != np.arange(len(begins)))
    return members[begins[others]], members[others]


def _neighbours(members: Array, begins: Array) -> tuple[Array, Array]:
    """Gives pairs of each member and the next few of its row."""
    firsts, seconds = [], []
    for distance in range(1, _NEIGHBOURS + 1):
        at = np.flatnonzero(begins[distance:] == begins[:-distance])
        firsts.append(members[at])
        seconds.append(members[at + distance])
    return np.concatenate(firsts), np.concatenate(seconds)


def _matches(mine: Array, theirs: Array, *, most: int) -> tuple[Array, Array]:
    """Gives places in ``mine`` and ``theirs`` with equal keys, the ``most`` first ones for each of ``theirs``."""
    bits = max(len(mine), 1).bit_length()
    packed = _packed(mine, bits)
    order = np.argsort(theirs)
    asked = theirs[order] >> np.uint64(bits)
    begins = np.searchsorted(packed, asked << np.uint64(bits))
    firsts, seconds = [], []
    for distance in range(most):
        inside = np.flatnonzero(begins + distance < len(packed))
        found = packed[begins[inside] + distance]
        is_equal = found >> np.uint64(bits) == asked[inside]
        firsts.append((found[is_equal] & np.uint64((1 << bits) - 1)).astype(np.int64))
        seconds.append(order[inside[is_equal]])
    return np.concatenate(firsts), np.concatenate(seconds)


def _near(first: Sketches, firsts: Array, second: Sketches, seconds: Array) -> tuple[Array, Array, Array]:
    """Gives those of the pairs that are near duplicates, with their similarity."""
    kept = [np.empty(0, np.int64)]
    for begin in range(0, len(firsts), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        is_equal = first.signatures_of(firsts[part]) == second.signatures_of(seconds[part])
        kept.append(np.flatnonzero(np.count_nonzero(is_equal, axis=1) >= _LEAST_EQUAL) + begin)
    likely = np.concatenate(kept)
    firsts, seconds = firsts[likely], seconds[likely]
    similarity = similarities(first, firsts, second, seconds)
    is_whole = (first.levels[firsts] == 0) & (second.levels[seconds] == 0)
    is_near = similarity >= np.where(is_whole, THRESHOLD, _ESTIMATED)
    return firsts[is_near], seconds[is_near], similarity[is_near]


def _joined(labels: Array, first: Array, second: Array) -> Array:
    """Gives texts that pairs link, through others too, the lowest label among them."""
    if not len(first):
        return labels
    nodes, ends = np.unique(labels[np.concatenate([first, second])], return_inverse=True)
    lowest = np.arange(len(nodes))
    # Each time at least half of the labels that can go are gone. scipy does it too, but takes 0.2 s and 35 MB to import.
    while True:
        one, other = lowest[ends[: len(first)]], lowest[ends[len(first) :]]
        if np.array_equal(one, other):
            break
        np.minimum.at(lowest, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(lowest, shorter := lowest[lowest]):
            lowest = shorter
    renamed = np.arange(len(labels))
    renamed[nodes] = nodes[lowest]
    joined: Array = renamed[labels]
    return joined
