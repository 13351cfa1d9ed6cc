"""Datasets as files of the work tree: read for planning, and again for uploading.

Owns opening them inside the project. What is uploaded is checked against the digest that was planned.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec

from ftops.adapters.kept_digests import KeptDigests
from ftops.adapters.kept_scans import KeptScans
from ftops.adapters.project_paths import KnownFolders, PathRefused, file_inside
from ftops.datasets.formats import Use
from ftops.datasets.reading import Scan, file_size_finding, normal_lines, scan, terminated
from ftops.datasets.split import parse_part_name, part_of
from ftops.domain.desired import Dataset
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import Split
from ftops.errors import Problem, Stale

_IN_MEMORY: Final = 8_000_000
_PIECE: Final = 1 << 20


class DatasetFiles:
    """Reads the dataset files below ``root``; fits ``application.declare.DatasetReader``."""

    def __init__(self, root: Path, *, kept: KeptScans | None = None, digests: KeptDigests | None = None) -> None:
        self._root = root
        self._known = KnownFolders(root)
        self._kept = kept
        self._digests = digests or KeptDigests(None, seal=None)

    def scan(self, path: str, *, use: Use, split: Split | None = None) -> Scan:
        """Reads the file once; ``path`` is relative to the root. A file that can't be read is a problem of the result."""
        try:
            found = self._root / file_inside(self._root, self._root, path, known=self._known)
            with found.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if (large := file_size_finding(size)) is not None:
                    return _unreadable(path, f"{large.says} ({large.code})")
                return self._scanned(stream, size, path, use, split)
        except PathRefused as error:
            return _unreadable(path, error.expected)
        except OSError as error:
            return _unreadable(path, f"expected a readable file: {visible(error.strerror or str(error))}")

    def _scanned(self, stream: BinaryIO, size: int, path: str, use: Use, split: Split | None) -> Scan:
        """Gives the scan of an open file: the kept one where the same bytes were scanned before."""
        reopen = partial(self._reopened, path)
        if self._kept is not None:
            known = self._kept.get(self._digests.digest(path, stream), reopen, path=path, use=use, split=split)
            if known is not None:
                return known
        # A small file is read once, so that what is hashed is what is scanned.
        is_small = size <= _IN_MEMORY
        source: BinaryIO = io.BytesIO(stream.read(size)) if is_small else stream
        if self._kept is None:
            return scan(source, path=path, use=use, split=split, reopen=reopen)
        # What is hashed now is what is scanned: the file may have changed since it was looked up.
        sha256 = _sha256(source)
        source.seek(0)
        fresh = scan(source, path=path, use=use, split=split, reopen=reopen)
        source.seek(0)
        # A large file may have changed in between.
        if is_small or _sha256(source) == sha256:
            return self._kept.put(sha256, fresh, use=use, split=split)
        return fresh

    def _reopened(self, path: str) -> BinaryIO:
        try:
            return (self._root / file_inside(self._root, self._root, path)).open("rb")
        except (PathRefused, OSError) as error:
            raise Stale(f"{visible(path)} can't be read any more", remedy="run ftops plan again") from error

    def content(self, dataset: Dataset) -> BinaryIO:
        """Gives what to upload for ``dataset``, from its start; the caller closes it.

        Raises ``Stale`` where the file is gone, or holds something else than was read for planning.
        """
        copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  (the caller closes it)
        hashed = hashlib.sha256()
        try:
            for line in self._lines(dataset.path):
                hashed.update(line)
                copy.write(line)
        except (OSError, PathRefused, msgspec.MsgspecError, ValueError, RecursionError) as error:
            copy.close()
            raise _changed(dataset) from error
        if hashed.hexdigest() != dataset.sha256:
            copy.close()
            raise _changed(dataset)
        copy.seek(0)
        return cast("BinaryIO", copy)

    def _lines(self, name: str) -> Iterator[bytes]:
        derived = parse_part_name(name)
        path = name if derived is None else derived[0]
        with (self._root / file_inside(self._root, self._root, path)).open("rb") as stream:
            for line in normal_lines(stream):
                if derived is None:
                    yield line
                elif part_of(msgspec.json.decode(line, type=dict[str, Any]), derived[1]) == derived[2]:
                    yield terminated(line)


def _sha256(stream: BinaryIO) -> str:
    hashed = hashlib.sha256()
    while piece := stream.read(_PIECE):
        hashed.update(piece)
    return hashed.hexdigest()


def _unreadable(path: str, expected: str) -> Scan:
    return Scan(parts=(), problems=(Problem(file=visible(path), expected=expected),))


def _changed(dataset: Dataset) -> Stale:
    return Stale(f"{visible(dataset.path)} is not what was read for planning", remedy="run ftops plan again")
