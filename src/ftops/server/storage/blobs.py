"""Content, stored once under its SHA-256.

Owns the ``blobs`` and ``spool`` folders and the ``blob_uses`` table, which says who needs a blob; a blob that nobody needs is
removed. New content is staged first (outside any lock, it may be large) and becomes a blob within the transaction that writes
the row which needs it, so that a removal in between can't pull it away.
"""

import contextlib
import hashlib
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ftops.server.storage.database import Database
from ftops.server.storage.disk import DISK_ERRORS, RESERVE_FILE, Reserve, is_disk_full

_FOLDER = re.compile(r"[0-9a-f]{2}")
_BLOB = re.compile(r"[0-9a-f]{64}")
_PIECE = 256 * 1024
_SPOOLED = "upload-"
# What servers before this one called them.
_SPOOLED_BEFORE = "tmp"


class DamagedBlob(Exception):
    """A blob that is missing, or isn't what was written. ``sha256`` is its name."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """Content that is on the disk but isn't a blob yet. ``size`` in bytes.

    Left without ``Blobs.keep``, or by an error, it is gone.
    """

    path: Path
    sha256: str
    size: int
    blobs: "Blobs" = field(repr=False)

    def __enter__(self) -> "Staged":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)
        if error is not None:
            # It may have become a blob in a transaction whose commit then failed, as it does where the last space went
            # into the blob. Where even this fails, the next start clears it away.
            with contextlib.suppress(*DISK_ERRORS):
                self.blobs.remove([self.sha256])


class Spool:
    """A temporary file that is hashed while it is written. Left without ``stage``, it is gone."""

    def __init__(self, folder: Path, blobs: "Blobs") -> None:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=_SPOOLED)
        self._blobs = blobs
        self.path = Path(name)
        self.size = 0
        self._file = os.fdopen(descriptor, "w+b")
        self._digest = hashlib.sha256()
        self._is_staged = False

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        finally:  # closing writes what is buffered, which a full disk refuses
            if not self._is_staged:
                self.path.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Appends."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def reread(self) -> BinaryIO:
        """The content so far, from its beginning."""
        self._file.seek(0)
        return self._file

    def stage(self) -> Staged:
        """Forces the content onto the disk. The caller owns it from now on."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._is_staged = True
        return Staged(path=self.path, sha256=self._digest.hexdigest(), size=self.size, blobs=self._blobs)


class Blobs:
    """The two folders below the data folder."""

    def __init__(self, data_dir: Path, database: Database) -> None:
        """Makes the folders, and clears away what a crash left: half-written content and blobs that no row knows."""
        self._blobs = data_dir / "blobs"
        self._spool = data_dir / "spool"
        self._database = database
        self._blobs.mkdir(exist_ok=True)
        self._spool.mkdir(exist_ok=True)
        for left_over in self._spool.iterdir():
            if left_over.name.startswith((_SPOOLED, _SPOOLED_BEFORE)) and _is_file(left_over):
                left_over.unlink()
        self._remove_unknown()
        self._reserve = Reserve(data_dir / RESERVE_FILE)
        self._reserve.replenish()

    def spool(self) -> Spool:
        """A place to write content of unknown length."""
        return Spool(self._spool, self)

    def stage(self, content: bytes) -> Staged:
        """Writes content that is in memory anyway."""
        with self.spool() as spool:
            spool.write(content)
            return spool.stage()

    def keep(self, connection: sqlite3.Connection, staged: Staged, *, owner: str) -> None:
        """Makes a blob of staged content for ``owner``; call it in the transaction that writes the owner's row."""
        target = self._path(staged.sha256)
        if not target.parent.exists():
            target.parent.mkdir()
            _sync_folder(self._blobs)
        # A blob of this name may be there but damaged: what has just been hashed is known to be right.
        staged.path.replace(target)
        _sync_folder(target.parent)
        share(connection, staged.sha256, owner=owner)

    def read(self, sha256: str) -> bytes:
        """A blob's content; ``DamagedBlob`` when it isn't what was written."""
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise DamagedBlob(sha256) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedBlob(sha256)
        return content

    def open(self, sha256: str, *, size: int) -> BinaryIO:
        """A blob to read in pieces; it stays readable when it is removed meanwhile.

        ``DamagedBlob`` when there aren't ``size`` bytes. Its digest is for the caller to look at.
        """
        try:
            stream = self._path(sha256).open("rb")
        except FileNotFoundError as error:
            raise DamagedBlob(sha256) from error
        if os.fstat(stream.fileno()).st_size != size:
            stream.close()
            raise DamagedBlob(sha256)
        return stream

    def pieces(self, sha256: str, *, size: int) -> Iterator[bytes]:
        """A blob's content, piece by piece; the last one only once all are known to be what was written.

        Otherwise ``DamagedBlob``: nobody gets the whole of a damaged blob. It stays readable when it is removed meanwhile.
        """
        digest = hashlib.sha256()
        with self.open(sha256, size=size) as stream:
            piece = stream.read(_PIECE)
            digest.update(piece)
            while following := stream.read(_PIECE):
                yield piece
                digest.update(following)
                piece = following
        if digest.hexdigest() != sha256:
            raise DamagedBlob(sha256)
        yield piece

    def clear(self, change: Callable[[sqlite3.Connection], Iterable[str]]) -> None:
        """Carries out a change in a transaction of its own, and deletes the blobs that it gives as unused.

        On a full disk it gives up the reserve for that: deleting is how people make room.
        """
        try:
            with self._database.write() as connection:
                unused = change(connection)
        except DISK_ERRORS as error:
            if not is_disk_full(error):
                raise
            with self._reserve.given_up():
                with self._database.write() as connection:
                    unused = change(connection)
                self.remove(unused)
        else:
            self.remove(unused)

    def replenish_reserve(self) -> None:
        """Takes what is missing of the reserve, if there is space; for ``Upkeep``."""
        self._reserve.replenish()

    def remove(self, unused: Iterable[str]) -> None:
        """Deletes blobs, each only if still nobody needs it. Call it after the commit that made them unused."""
        with self._database.write() as connection:
            for sha256 in unused:
                row = connection.execute("SELECT 1 FROM blob_uses WHERE sha256 = ?", (sha256,)).fetchone()
                if row is None:
                    self._path(sha256).unlink(missing_ok=True)

    def _remove_unknown(self) -> None:
        with self._database.read() as connection:
            known = {row[0] for row in connection.execute("SELECT DISTINCT sha256 FROM blob_uses")}
        unknown = [sha256 for sha256 in _names(self._blobs) if sha256 not in known]
        if unknown:
            self._database.check()  # a database that lost rows would call blobs unknown that it knew
            self.remove(unknown)

    def _path(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256


def has_blobs(data_dir: Path) -> bool:
    """Whether a data folder holds any content."""
    folder = data_dir / "blobs"
    return folder.is_dir() and any(_names(folder))


def share(connection: sqlite3.Connection, sha256: str, *, owner: str) -> None:
    """Notes that ``owner`` needs a blob that exists."""
    connection.execute("INSERT OR IGNORE INTO blob_uses VALUES (?, ?)", (sha256, owner))


def release(connection: sqlite3.Connection, owner: str) -> tuple[str, ...]:
    """Notes that ``owner`` needs no blob any more; gives those that it had, for ``Blobs.remove`` after the commit."""
    rows = connection.execute("SELECT sha256 FROM blob_uses WHERE owner = ?", (owner,)).fetchall()
    connection.execute("DELETE FROM blob_uses WHERE owner = ?", (owner,))
    return tuple(row[0] for row in rows)


def _names(blobs: Path) -> Iterator[str]:
    """The blobs in a folder. File managers and people leave other things there, which are none of ours."""
    for folder in blobs.iterdir():
        if _FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            for path in folder.iterdir():
                if _BLOB.fullmatch(path.name) and path.name.startswith(folder.name) and _is_file(path):
                    yield path.name


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
