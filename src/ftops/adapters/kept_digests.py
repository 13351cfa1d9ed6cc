"""Which bytes a file has, without reading them again: by size, times and inode, as git's index does it.

Owns when that can be trusted. A file that was written within the last moments before it was digested may have been written
again since within one tick of its time stamp: such a digest is not kept. What is paid for doesn't rely on it: an upload is
digested as it is sent.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from ftops.adapters.content_cache import ContentCache

_PIECE: Final = 1 << 20
_SETTLED_NS: Final = 2_000_000_000  # the coarsest time stamps, those of FAT, come every two seconds
_SPARE: Final = 10_000


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    device: int
    sha256: str


class KeptDigests:
    """SHA-256 (hex) of files, kept in ``.ftops/cache`` from run to run."""

    def __init__(self, ftops_dir: Path | None, *, seal: bytes | None) -> None:
        self._cache = (
            None
            if ftops_dir is None
            else ContentCache(ftops_dir, "digests", kind=_Kept, version="1", seal=seal, spare=_SPARE)
        )

    def digest(self, path: str, stream: BinaryIO) -> str:
        """Gives the digest of an open file, read from its start only where it isn't known; leaves it at its start."""
        before = _state(stream)
        if self._cache is not None and (kept := self._cache.get(path)) is not None and kept == _with(kept, before):
            return kept.sha256
        sha256 = _sha256(stream)
        is_settled = time.time_ns() - max(before[1], before[2]) > _SETTLED_NS
        if self._cache is not None and is_settled and _state(stream) == before:
            self._cache.put(path, _Kept(*before, sha256))
        return sha256

    def save(self) -> None:
        """Writes them for the next run."""
        if self._cache is not None:
            self._cache.save()


def _state(stream: BinaryIO) -> tuple[int, int, int, int, int]:
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _with(kept: _Kept, state: tuple[int, int, int, int, int]) -> _Kept:
    return _Kept(*state, kept.sha256)


def _sha256(stream: BinaryIO) -> str:
    hashed = hashlib.sha256()
    while piece := stream.read(_PIECE):
        hashed.update(piece)
    stream.seek(0)
    return hashed.hexdigest()
