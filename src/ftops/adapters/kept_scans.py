"""Datasets in which nothing was found wrong before, by the SHA-256 of their bytes and what they are used for.

Owns what is kept of them: nothing that quotes a row.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from ftops.adapters.content_cache import ContentCache
from ftops.datasets.formats import Use
from ftops.datasets.reading import Scan, Shape, scanned_before
from ftops.domain.manifest import Split


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    shapes: tuple[Shape, ...]
    fields: dict[str, int] | None


class KeptScans:
    """Scans without problems."""

    def __init__(self, ftops_dir: Path, *, seal: bytes | None) -> None:
        self._cache = ContentCache(ftops_dir, "datasets", kind=_Kept, version="1", seal=seal)

    def get(
        self, sha256: str, open_again: Callable[[], BinaryIO], *, path: str, use: Use, split: Split | None
    ) -> Scan | None:
        """Gives the scan of a file with this content at ``path``; None where it was never scanned for this use."""
        kept = self._cache.get(_key(sha256, use, split))
        if kept is None or len(kept.shapes) != (1 if split is None else 2):
            return None
        parts = scanned_before(kept.shapes, open_again, path=path, use=use, split=split)
        return Scan(parts=parts, fields=kept.fields)

    def put(self, sha256: str, scan: Scan, *, use: Use, split: Split | None) -> None:
        """Keeps a scan, unless there is something to say about it: that names the file."""
        if scan.problems:
            return
        shapes = tuple(Shape(sha256=part.sha256, size=part.size, rows=part.rows) for part in scan.parts)
        fields = None if scan.fields is None else dict(scan.fields)
        self._cache.put(_key(sha256, use, split), _Kept(shapes=shapes, fields=fields))

    def save(self) -> None:
        """Writes them for the next run."""
        self._cache.save()


def _key(sha256: str, use: Use, split: Split | None) -> str:
    return f"{sha256} {use}" if split is None else f"{sha256} {use} {split.fraction!r} {split.seed}"
