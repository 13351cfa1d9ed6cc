"""How alike two texts are, by their sketches.

Owns what is worked out from the ``details`` of ``text_sketches``, for pairs of texts: the Jaccard index of their sets of
grams. For two texts of up to 256 grams it is the index itself, but for 16-bit hashes that meet, which makes an error of 0.03
at most in practice. For others it is estimated: the number of grams in one map, and in two laid over each other, follows from
how many bits are set (linear counting: Whang, Vander-Zanden, Taylor 1990). The standard deviation of that is about 0.01 for
texts of up to 768 different grams, and about 0.02 for longer ones.
"""

from typing import Final

import numpy as np

from ftops.datasets.text_grams import Array
from ftops.datasets.text_sketches import MAP, MAP_BITS, Block, Sketches

_PAIRS_AT_ONCE: Final = 1 << 11


def similarities(first: Sketches, firsts: Array, second: Sketches, seconds: Array) -> Array:
    """Gives the similarity of each pair: text ``firsts[i]`` of ``first`` and ``seconds[i]`` of ``second``.

    Where a long text has more than twice as many grams as the other it may be 0.
    """
    found = np.zeros(len(firsts))
    for begin in range(0, len(firsts), _PAIRS_AT_ONCE):
        part = slice(begin, begin + _PAIRS_AT_ONCE)
        one, other = first.taken(firsts[part]), second.taken(seconds[part])
        is_whole = (one.levels == 0) & (other.levels == 0)
        gaps = np.abs(np.maximum(one.levels, 1).astype(np.int64) - np.maximum(other.levels, 1))
        ways = (
            (is_whole, _indexes),
            (~is_whole & (gaps == 0), _estimates),
            (~is_whole & (gaps == 1), _estimates_between_levels),
        )
        for which, way in ways:
            if len(at := np.flatnonzero(which)):
                found[begin + at] = way(one.taken(at), other.taken(at))
    return found


def _indexes(one: Block, other: Block) -> Array:
    """Gives the index of pairs of texts whose hashes are all there."""
    pairs = np.arange(len(one.ends), dtype=np.uint32)
    keys = [np.repeat(pairs, side.sizes()) << np.uint32(16) | side.details for side in (one, other)]
    marked = np.concatenate([keys[0] << np.uint32(1), keys[1] << np.uint32(1) | np.uint32(1)])
    marked.sort()
    marked = marked[_is_new(marked)] >> np.uint32(1)
    is_new = _is_new(marked)
    all_, common = (np.bincount(marked[which] >> np.uint32(16), minlength=len(pairs)) for which in (is_new, ~is_new))
    indexes: Array = common / np.maximum(all_, 1)
    return indexes


def _estimates(one: Block, other: Block) -> Array:
    """Gives the index of pairs by maps of one level."""
    return _by_maps(_opened(one), _opened(other))


def _estimates_between_levels(one: Block, other: Block) -> Array:
    """Gives the index of pairs by maps whose levels are next to each other.

    Of the lower one's map only half counts at the higher level, and two bits of the other map, side by side, are one.
    """
    maps = _opened(one), _opened(other)
    halves = [each[:, : MAP // 2] for each in maps]
    folded = [each[:, ::2] | each[:, 1::2] for each in maps]
    is_lower = (one.levels < other.levels)[:, None]
    return _by_maps(np.where(is_lower, halves[0], folded[0]), np.where(is_lower, folded[1], halves[1]))


def _by_maps(one: Array, other: Array) -> Array:
    """Gives the index that follows from how many bits are set in each of two maps, and in either."""
    bits = one.shape[1]
    set_ = np.array([np.count_nonzero(each, axis=1) for each in (one, other, one | other)])
    counts = -np.log1p(-np.minimum(set_, bits - 1) / bits)
    indexes: Array = np.clip((counts[0] + counts[1]) / np.maximum(counts[2], 1 / bits) - 1, 0, 1)
    return indexes


def _opened(sketches: Block) -> Array:
    """Gives the maps of texts, a row for each, those of short texts as well."""
    sizes, is_long = sketches.sizes(), sketches.levels > 0
    maps = np.zeros((len(sizes), MAP), bool)
    is_map = np.repeat(is_long, sizes)
    maps[is_long] = np.unpackbits(sketches.details[is_map].view(np.uint8)).reshape(-1, MAP)
    owners = np.repeat(np.arange(len(sizes)), sizes)[~is_map]
    maps[owners, sketches.details[~is_map] >> np.uint16(16 - MAP_BITS)] = True
    return maps


def _is_new(ordered: Array) -> Array:
    """Tells which of ordered numbers differ from the one before. A sort and this beat ``np.unique``, which hashes."""
    is_new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return is_new
