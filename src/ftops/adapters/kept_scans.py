"""Datasets in which nothing was found wrong before, by the SHA-256 of their bytes and what they are used for.

Owns what is kept of them: nothing that quotes a row. Their tokens are kept too, once somebody asked for them: otherwise each
plan that tells a cost would read the file again.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from ftops import datasets
from ftops.adapters.content_cache import ContentCache
from ftops.adapters.package_code import package_code
from ftops.datasets.formats import Use
from ftops.datasets.reading import Scan, Shape, scanned_before
from ftops.domain.desired import Dataset, Measures, TokenSum
from ftops.domain.manifest import Split


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    shapes: tuple[Shape, ...]
    fields: dict[str, int] | None
    counted: tuple[TokenSum | None, ...]


class KeptScans:
    """Scans without problems."""

    def __init__(self, ftops_dir: Path, *, seal: bytes | None) -> None:
        self._cache = ContentCache(ftops_dir, "datasets", kind=_Kept, version=f"2 {package_code(datasets)}", seal=seal)
        self._measuring = (
            threading.Lock()
        )  # datasets are measured wherever they are needed, in an apply by several threads

    def get(
        self, sha256: str, open_again: Callable[[], BinaryIO], *, path: str, use: Use, split: Split | None
    ) -> Scan | None:
        """Gives the scan of a file with this content at ``path``; None where it was never scanned for this use."""
        key = _key(sha256, use, split)
        kept = self._cache.get(key)
        if kept is None or not len(kept.shapes) == len(kept.counted) == (1 if split is None else 2):
            return None
        parts = scanned_before(kept.shapes, open_again, path=path, use=use, split=split)
        known = (replace(part, counted=counted) for part, counted in zip(parts, kept.counted, strict=True))
        return self._remembering(key, Scan(parts=tuple(known), fields=kept.fields))

    def put(self, sha256: str, scan: Scan, *, use: Use, split: Split | None) -> Scan:
        """Keeps a scan, unless there is something to say about it: that names the file. Gives one whose tokens are kept."""
        if scan.problems:
            return scan
        shapes = tuple(Shape(sha256=part.sha256, size=part.size, rows=part.rows) for part in scan.parts)
        fields = None if scan.fields is None else dict(scan.fields)
        key = _key(sha256, use, split)
        self._cache.put(key, _Kept(shapes=shapes, fields=fields, counted=(None,) * len(shapes)))
        return self._remembering(key, scan)

    def save(self) -> None:
        """Writes them for the next run."""
        with self._measuring:
            self._cache.save()

    def _remembering(self, key: str, scan: Scan) -> Scan:
        """Gives the scan with parts whose tokens are kept when they are counted."""
        parts = (
            part if part.counted else replace(part, measure=partial(self._measured, key, place, part))
            for place, part in enumerate(scan.parts)
        )
        return replace(scan, parts=tuple(parts))

    def _measured(self, key: str, place: int, part: Dataset) -> Measures:
        measures = part.measure()
        with self._measuring:
            kept = self._cache.get(key)
            if kept is not None and kept.counted[place] is None:
                counted = list(kept.counted)
                counted[place] = TokenSum(tokens=measures.tokens, caveats=measures.caveats)
                self._cache.put(key, _Kept(shapes=kept.shapes, fields=kept.fields, counted=tuple(counted)))
        return measures


def _key(sha256: str, use: Use, split: Split | None) -> str:
    return f"{sha256} {use}" if split is None else f"{sha256} {use} {split.fraction!r} {split.seed}"
