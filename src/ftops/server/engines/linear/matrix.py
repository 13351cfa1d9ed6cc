"""Sparse rows, and the few products that learning needs.

Owns the layout (compressed rows) and the only use of scipy. Its products run in one thread in a fixed order, unlike BLAS, so
that equal input gives equal bits on any number of cores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Columns = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Sparse rows: row i has ``columns`` and ``values`` from ``starts[i]`` to ``starts[i + 1]``."""

    starts: Indices
    columns: Columns
    values: Floats

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def stack(cls, rows: Sequence[tuple[NDArray[np.integer], Floats]]) -> Self:
        """Makes rows of pairs of columns and values."""
        lengths = [len(columns) for columns, _ in rows]
        return cls(
            starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            columns=np.concatenate([np.empty(0, np.int32), *(columns for columns, _ in rows)]).astype(np.int32),
            values=np.concatenate([np.empty(0, np.float32), *(values for _, values in rows)]).astype(np.float32),
        )

    def take(self, places: Indices) -> Self:
        """Gives the rows at ``places``, in that order."""
        lengths = self.starts[places + 1] - self.starts[places]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        cells = np.repeat(self.starts[places] - starts[:-1], lengths) + np.arange(starts[-1])
        return type(self)(starts=starts, columns=self.columns[cells], values=self.values[cells])

    def extend(self, other: Self) -> Self:
        """Gives these rows followed by others."""
        return type(self)(
            starts=np.concatenate([self.starts, other.starts[1:] + self.starts[-1]]),
            columns=np.concatenate([self.columns, other.columns]),
            values=np.concatenate([self.values, other.values]),
        )

    def rename(self, columns: Indices) -> Self:
        """Gives the same rows with column c called ``columns[c]``."""
        return type(self)(starts=self.starts, columns=columns[self.columns].astype(np.int32), values=self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Rows against the few columns that occur in them: products cost what the batch holds, not the whole vocabulary."""

    used: NDArray[np.int32]
    compact: csr_array

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Finds the columns in use."""
        used, places = np.unique(rows.columns, return_inverse=True)
        shape = (len(rows), len(used))
        return cls(used=used, compact=csr_array((rows.values, places, rows.starts), shape=shape))

    def times(self, weights: Floats) -> Floats:
        """Gives the product of the rows and ``weights``, which has a row for each column of the vocabulary."""
        product: Floats = self.compact @ weights[self.used]
        return product

    def descend(self, weights: Floats, gradient: Floats, step: float) -> None:
        """Moves ``weights`` in place against the gradient of the product."""
        weights[self.used] -= np.float32(step) * (self.compact.T @ gradient)


def product(rows: Rows, weights: Floats) -> Floats:
    """Gives the product of rows and ``weights``, which has a row for each column of the vocabulary."""
    if len(rows) == 1:
        # What a request asks for. To make a sparse matrix of one row would take ten times as long as the product does.
        alone: Floats = np.einsum("i,ij->j", rows.values, weights[rows.columns])
        return alone[np.newaxis]
    return Batch.of(rows).times(weights)


class Index:
    """Rows that are looked up by similarity: an inverted index from columns to rows."""

    def __init__(self, rows: Rows, width: int) -> None:
        self._width = width
        self._by_column = csr_array((rows.values, rows.columns, rows.starts), shape=(len(rows), width)).T.tocsr()

    def products(self, rows: Rows) -> Floats:
        """Gives the scalar products of ``rows`` with the rows of the index: one line for each of ``rows``."""
        shape = (len(rows), self._width)
        sparse = csr_array((rows.values, rows.columns, rows.starts), shape=shape) @ self._by_column
        dense: Floats = sparse.toarray()
        return dense
