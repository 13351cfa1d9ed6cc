"""A sample of a file's rows that doesn't depend on how the file is cut into batches.

Owns which rows are in it: about ``SIZE`` of them, all rows of a file of up to ``SIZE`` lines. A row is chosen by a hash of its
line, so that every batch knows by itself which of its rows may come in.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SIZE: Final = 2_000
_WHOLE: Final = 2.0**64


def candidates(lines: Sequence[int]) -> npt.NDArray[np.int64]:
    """Gives the places of the rows that are in the sample of a file that ends here, if not of a longer one.

    Of a file of n lines they are about SIZE · (1 + ln(n / SIZE)) in all batches together.
    """
    numbers = np.array(lines, np.int64)
    return np.flatnonzero(_fractions(numbers) * np.maximum(numbers, SIZE) < SIZE)


def is_sampled(lines: npt.NDArray[np.int64], last: int) -> npt.NDArray[np.bool_]:
    """Tells of candidates whether they are in the sample of a file whose last line is ``last``."""
    return np.asarray(_fractions(lines) * max(last, SIZE) < SIZE)


def _fractions(lines: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Hashes line numbers to fractions from 0 to 1 as splitmix64 does (Steele, Lea, Flood 2014)."""
    codes = lines.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    codes = (codes ^ (codes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    codes = (codes ^ (codes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (codes ^ (codes >> np.uint64(31))) / _WHOLE
