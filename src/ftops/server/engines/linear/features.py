"""Hashes text into sparse features: words, pairs of words, and character n-grams within words.

Owns the hash and what of a context weighs how much. CRC-32 stands in for Python's ``hash``, which differs from process to
process. Results are read-only, since they are cached.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.linear.conversation import Context

Hashes = NDArray[np.uint32]
Floats = NDArray[np.float32]

TOKEN = re.compile(r"\w+|[^\w\s]")
WORD_WEIGHT, PAIR_WEIGHT, CHARACTERS_WEIGHT = 1.0, 0.7, 0.4
CHARACTERS = range(3, 6)
LONGEST_WORD = 40
"""Characters of a word that are read: a pasted key or an encoded image must not drown the words around it."""

# The last user turn decides most; the same words elsewhere are other features (their hashes are salted) and weigh less.
PARTS = (
    ("user", np.uint32(0), 1.0),
    ("after", np.uint32(0x5BD1E995), 1.0),
    ("history", np.uint32(0x1B873593), 0.35),
    ("system", np.uint32(0xCC9E2D51), 0.25),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """A sparse vector: hashes with their values. Hashes of one part are distinct and ascending."""

    hashes: Hashes
    values: Floats


def featurise(context: Context) -> Features:
    """Gives the features of a context, each part scaled to a length of its own weight."""
    parts = [(hash_text(text), salt, weight) for name, salt, weight in PARTS if (text := getattr(context, name))]
    if not parts:
        return Features(hashes=np.empty(0, np.uint32), values=np.empty(0, np.float32))
    return Features(
        hashes=np.concatenate([part.hashes ^ salt for part, salt, _ in parts]),
        values=np.concatenate([part.values * np.float32(weight) for part, _, weight in parts]),
    )


@lru_cache(maxsize=512)
def hash_text(text: str) -> Features:
    """Gives the features of a text, scaled to length 1. Cached: system messages and prompts of evaluations come again."""
    tokens = tokenise(text)
    words: list[int] = []
    characters: list[int] = []
    for token in tokens:
        word, grams = _hash_word(token)
        words.append(word)
        characters.extend(grams)
    pairs = [stable_hash(f"{one} {two}") for one, two in zip(["", *tokens], [*tokens, ""], strict=True)]
    squares = np.repeat(
        np.square([WORD_WEIGHT, PAIR_WEIGHT, CHARACTERS_WEIGHT]), [len(words), len(pairs), len(characters)]
    )
    hashes, places = np.unique(np.array([*words, *pairs, *characters], np.uint32), return_inverse=True)
    # The square root of the count: a word said four times counts twice.
    values = np.sqrt(np.bincount(places, weights=squares))
    features = Features(hashes=hashes, values=(values / np.sqrt(np.square(values).sum())).astype(np.float32))
    features.hashes.flags.writeable = features.values.flags.writeable = False
    return features


def tokenise(text: str) -> list[str]:
    """Splits lower-cased text into words and single punctuation marks."""
    return [token[:LONGEST_WORD] for token in TOKEN.findall(text.lower())]


def stable_hash(text: str) -> int:
    """Hashes to 32 bits, the same in every process."""
    return crc32(text.encode(errors="surrogatepass"))


@lru_cache(maxsize=16_384)
def _hash_word(word: str) -> tuple[int, tuple[int, ...]]:
    """Gives the hash of a word and those of the character n-grams in it, its ends marked."""
    marked = f"<{word}>"
    grams = [
        stable_hash(f"\x01{marked[start : start + length]}")
        for length in CHARACTERS
        if length < len(marked)
        for start in range(len(marked) - length + 1)
    ]
    return stable_hash(f"\x02{word}"), tuple(grams)
