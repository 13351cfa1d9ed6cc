"""Rows that a check suspects, until the whole file tells which of them stay suspect.

Owns that memory: a digest and a line for each, and what the first few hundred different ones of a batch are. They are put into
words only once it is known which are told.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from ftops.datasets.checking.hits import Hit, Hits
from ftops.datasets.findings import SHOWN_OF_A_KIND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KNOWN: Final = 256


class Suspect(NamedTuple):
    """What a row is suspected for: a value in ``field``, a JSON pointer, under ``name``, which is empty where it has none."""

    line: int
    field: str
    value: str | float
    name: str = ""


class Candidates(NamedTuple):
    """Suspects of a batch in the order of their lines; ``known`` has them by their digests, if not too many."""

    digests: "NDArray[np.uint64]"
    lines: "NDArray[np.int64]"
    known: Mapping[int, Suspect]


def candidates(
    digests: Sequence[int], lines: Sequence[int], describe: Callable[[Sequence[int]], Sequence[Suspect]]
) -> Candidates:
    """Keeps suspects: what is to be counted as the same has one digest. ``describe`` tells of some by their places."""
    import numpy as np

    first: dict[int, int] = {}
    for place, digest in enumerate(digests):
        if len(first) == _KNOWN:
            break
        first.setdefault(digest, place)
    known = dict(zip(first, describe(tuple(first.values())), strict=True))
    return Candidates(np.array(digests, dtype=np.uint64), np.array(lines, dtype=np.int64), known)


def remaining(
    seen: Sequence[Candidates],
    choose: Callable[["NDArray[np.uint64]"], "NDArray[np.bool_]"],
    *,
    tell: Callable[[Suspect], str],
    kind: str,
) -> Hits:
    """Gives the suspects of all batches that ``choose`` leaves of their digests, told by ``tell`` or else as ``kind``."""
    import numpy as np

    digests = np.concatenate([part.digests for part in seen])
    lines = np.concatenate([part.lines for part in seen])
    places = choose(digests).nonzero()[0]
    first = []
    for place in places[:SHOWN_OF_A_KIND].tolist():
        suspect = _known(seen, int(digests[place]))
        field, says = (suspect.field, tell(suspect)) if suspect else ("", kind)
        first.append(Hit(int(lines[place]), field, says))
    return Hits(tuple(first), int(places.size))


def _known(seen: Sequence[Candidates], digest: int) -> Suspect | None:
    return next((part.known[digest] for part in seen if digest in part.known), None)


def text_digest(text: str) -> int:
    """Gives 64 bits, of which 32 are the length: equal for equal texts in every process, and quick."""
    data = text.encode("utf-8", "surrogatepass")
    return (len(data) & 0xFFFF_FFFF) << 32 | zlib.crc32(data)
