"""What a file is for that no manifest names, told by its first rows.

Owns how much of a file is looked at for that. What one row tells, ``datasets.decoding`` decides.
"""

from collections import Counter
from typing import Final

from ftops.adapters.data_sources import DataSource, SourceRefused
from ftops.datasets.decoding import recognised_use
from ftops.datasets.formats import Use

_HEAD_BYTES: Final = 1 << 20
_ROWS: Final = 100


def recognised_file(source: DataSource, path: str) -> Use | None:
    """Tells what most of the first hundred rows are for; None where nothing is recognised, or the file can't be read."""
    try:
        with source.open(path) as stream:
            head = stream.read(_HEAD_BYTES)
    except (SourceRefused, OSError):
        return None
    found = Counter(use for line in head.split(b"\n", _ROWS)[:_ROWS] if (use := recognised_use(line)) is not None)
    # Of uses that are as frequent as each other, the most usual one.
    return max(found, key=lambda use: (found[use], use is Use.SUPERVISED), default=None)
