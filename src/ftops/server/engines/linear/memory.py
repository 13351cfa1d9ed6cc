"""Nearest neighbour: contexts remembered with the reply that followed them.

Owns similarity and what a remembered context adds to the score of its reply. Similarity is the squared cosine; of each reply
only the most similar context counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.linear.matrix import Columns, Floats, Index, Indices, Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Remembered contexts in the order of their replies. A strength is the score, in nats, at similarity 1."""

    rows: Rows
    classes: Columns
    strengths: Floats

    @classmethod
    def empty(cls) -> Self:
        """Remembers nothing."""
        return cls(rows=Rows.stack([]), classes=np.empty(0, np.int32), strengths=np.empty(0, np.float32))

    def remember(self, rows: Rows, classes: Sequence[int] | Indices, strength: float) -> Self:
        """Gives a memory that also holds ``rows``, each followed by the reply of its class, all with one strength."""
        every = np.concatenate([self.classes, np.asarray(classes, np.int32)])
        strengths = np.concatenate([self.strengths, np.full(len(rows), strength, np.float32)])
        order = np.argsort(every, kind="stable")
        return type(self)(rows=self.rows.extend(rows).take(order), classes=every[order], strengths=strengths[order])

    def rename(self, columns: Indices) -> Self:
        """Gives the same memory with column c called ``columns[c]``."""
        rows = self.rows.rename(columns)
        return type(self)(rows=rows, classes=self.classes, strengths=self.strengths)


class Neighbours:
    """A memory made ready for look-up. It must not be empty."""

    def __init__(self, memory: Memory, width: int) -> None:
        self._index = Index(memory.rows, width)
        self._classes = memory.classes
        self._first = np.flatnonzero(np.diff(memory.classes, prepend=-1))
        self._sizes = np.diff(np.append(self._first, len(memory.classes)))

    def similarities(self, rows: Rows) -> Floats:
        """Gives the similarity of each of ``rows`` with every remembered context, but 0 for all but the best of a reply."""
        similar = np.square(self._index.products(rows))
        best = np.maximum.reduceat(similar, self._first, axis=1)
        return np.where(similar == np.repeat(best, self._sizes, axis=1), similar, np.float32(0))

    def scores(self, similarities: Floats, strengths: Floats, n_classes: int) -> Floats:
        """Gives the scores of all replies; those without a remembered context score 0."""
        weighted = similarities * strengths
        # A strength may have become negative: the best neighbour counts all the same, not the zeros beside it.
        highest = np.maximum.reduceat(weighted, self._first, axis=1)
        lowest = np.minimum.reduceat(weighted, self._first, axis=1)
        scores = np.zeros((len(similarities), n_classes), np.float32)
        scores[:, self._classes[self._first]] = np.where(highest > 0, highest, lowest)
        return scores

    def gradient(self, similarities: Floats, by_class: Floats) -> Floats:
        """Gives the gradient of the strengths, from that of the classes' scores."""
        product: NDArray[np.float32] = (similarities * by_class[:, self._classes]).sum(axis=0)
        return product
