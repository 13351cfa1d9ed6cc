"""Which hashed features a model knows, and how telling each one is.

Owns the mapping from hashes to columns and the weighting by inverse document frequency. A model that continues from a parent
keeps the parent's columns and weights them as the parent did, since its weights were learnt so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ftops.server.engines.linear.features import Features, Floats, Hashes
from ftops.server.engines.linear.matrix import Indices, Rows

BIAS_HASH = np.uint32(0)
BIAS_VALUE = np.float32(0.1)
"""Every row has this column, so that where nothing else is known the commonest reply is the likeliest."""

MOST_WEIGHTS = 4_000_000
"""Columns times classes of a dense model: 16 MB of float32. Beyond that the rarest features are left out."""

MOST_COLUMNS = 500_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """Known hashes, ascending, the bias first; ``idf`` weighs each."""

    hashes: Hashes
    idf: Floats

    @classmethod
    def empty(cls) -> Self:
        """Knows the bias alone."""
        return cls(hashes=np.array([BIAS_HASH], np.uint32), idf=np.ones(1, np.float32))

    def learn(self, documents: Sequence[Features], classes: int) -> Self:
        """Gives a vocabulary that also knows the features of ``documents``, as many as ``classes`` dense classes allow.

        A feature is weighted by √ln((n + 1) / (df + ½)): what occurs everywhere weighs almost nothing.
        """
        every = np.concatenate([self.hashes[:0], *(document.hashes for document in documents)])
        hashes, counts = np.unique(every, return_counts=True)
        fresh = ~np.isin(hashes, self.hashes)
        hashes, counts = hashes[fresh], counts[fresh]
        room = max(0, min(MOST_COLUMNS, MOST_WEIGHTS // max(1, classes)) - len(self.hashes))
        kept = np.sort(np.argsort(-counts, kind="stable")[:room])
        idf = np.sqrt(np.log((len(documents) + 1) / (np.minimum(counts, len(documents)) + 0.5)))
        merged = np.concatenate([self.hashes, hashes[kept]])
        order = np.argsort(merged, kind="stable")
        weights = np.concatenate([self.idf, idf[kept].astype(np.float32)])
        return type(self)(hashes=merged[order], idf=weights[order])

    def places_of(self, other: Self) -> Indices:
        """Gives the column here of every column of a vocabulary that this one grew from."""
        return np.searchsorted(self.hashes, other.hashes)

    def rows(self, documents: Sequence[Features]) -> Rows:
        """Gives one row for each document, of length 1 (but for the bias).

        What isn't known counts as most telling: it has no column, but makes the rest of its row shorter, so that a text with
        one known word is not mistaken for that word.
        """
        return Rows.stack([self._row(document) for document in documents])

    def _row(self, document: Features) -> tuple[Indices, Floats]:
        places = np.searchsorted(self.hashes, document.hashes)
        places[places == len(self.hashes)] = 0
        known = self.hashes[places] == document.hashes
        values = document.values * np.where(known, self.idf[places], self.idf.max())
        length = np.sqrt(np.square(values).sum()) or np.float32(1)
        return (
            np.concatenate([[0], places[known]]),
            np.concatenate([[BIAS_VALUE], values[known] / length]).astype(np.float32),
        )
