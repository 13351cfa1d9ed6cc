"""Rows that a check suspects, until the whole file tells which of them stay suspect.

Owns that memory: a digest and a line for each, and the words for the first few hundred different ones of a batch.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from ftops.datasets.checking.hits import Hit, Hits, shortened
from ftops.datasets.findings import SHOWN_OF_A_KIND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOLD: Final = 256


class Candidates(NamedTuple):
    """Suspects of a batch in the order of their lines; ``told`` has what to say of a digest, where that was kept."""

    digests: "NDArray[np.uint64]"
    lines: "NDArray[np.int64]"
    told: Mapping[int, Hit]


def candidates(found: Iterable[tuple[int, Hit]]) -> Candidates:
    """Keeps suspects: what is to be counted as the same has one digest."""
    import numpy as np

    digests, lines = [], []
    told: dict[int, Hit] = {}
    for digest, hit in found:
        digests.append(digest)
        lines.append(hit.line)
        if len(told) < _TOLD:
            told.setdefault(digest, hit)
    return Candidates(np.array(digests, dtype=np.uint64), np.array(lines, dtype=np.int64), told)


def remaining(
    seen: Sequence[Candidates], choose: Callable[["NDArray[np.uint64]"], "NDArray[np.bool_]"], *, says: str
) -> Hits:
    """Gives the suspects of all batches that ``choose`` leaves of their digests; ``says`` is for those without words."""
    import numpy as np

    digests = np.concatenate([part.digests for part in seen])
    lines = np.concatenate([part.lines for part in seen])
    places = choose(digests).nonzero()[0]
    first = [_hit(seen, int(digests[place]), int(lines[place]), says) for place in places[:SHOWN_OF_A_KIND].tolist()]
    return shortened(first)._replace(total=int(places.size))


def _hit(seen: Sequence[Candidates], digest: int, line: int, says: str) -> Hit:
    for part in seen:
        if (hit := part.told.get(digest)) is not None:
            return hit._replace(line=line)
    return Hit(line, "", says)


def text_digest(text: str) -> int:
    """Gives 64 bits, of which 32 are the length: equal for equal texts in every process, and quick."""
    data = text.encode("utf-8", "surrogatepass")
    return (len(data) & 0xFFFF_FFFF) << 32 | zlib.crc32(data)
