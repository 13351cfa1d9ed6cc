"""What happens when the disk is full or fails.

Owns which errors are the disk's, and the reserve: a little space that is given up when there is no other, since even deleting
needs some, and so does starting.
"""

import contextlib
import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

DISK_ERRORS = (OSError, sqlite3.Error)
"""What storage raises when the disk is full, broken or gone: no request or job is to blame, and it may pass."""

RESERVE_FILE = "reserve"

# A disk that fails is often made read-only by the system.
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
_NO_SPACE_SQLITE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})
_DAMAGED_SQLITE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# A deletion writes some pages to the database's log; this is many times as much.
_RESERVED_BYTES = 1024 * 1024
_PIECE = 64 * 1024


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of storage means that nothing can be written at the moment."""
    match error:
        case sqlite3.Error():
            return _kind(error) in _NO_SPACE_SQLITE
        case OSError():
            return error.errno in _NO_SPACE
        case _:
            return False


def is_database_damaged(error: BaseException) -> bool:
    """Whether SQLite has found that its file isn't what it wrote."""
    return isinstance(error, sqlite3.Error) and _kind(error) in _DAMAGED_SQLITE


def is_short(folder: Path) -> bool:
    """Whether there is next to no space left, apart from the reserve. ``OSError`` when the folder has gone."""
    return shutil.disk_usage(folder).free < 2 * _PIECE


class Reserve:
    """A file that does nothing but take space. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def replenish(self) -> None:
        """Takes as much of the space as is missing and can be had; a part of it is better than nothing."""
        with self._lock:
            self._replenish()

    def give_up_if_short(self) -> None:
        """Frees the space if there is next to no other."""
        with self._lock:
            if is_short(self._path.parent):
                self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def given_up(self) -> Iterator[None]:
        """Frees the space for the block, and takes it again afterwards, as far as it is there then."""
        with self._lock:
            self._path.unlink(missing_ok=True)
            try:
                yield
            finally:
                self._replenish()

    def _replenish(self) -> None:
        with contextlib.suppress(OSError):
            # Never the very last space: a reserve that takes that is the reason why others need it.
            while self._size() < _RESERVED_BYTES and not is_short(self._path.parent):
                with self._path.open("ab", buffering=0) as file:
                    file.write(os.urandom(_PIECE))  # zeros take no space on a disk that compresses

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0


def _kind(error: sqlite3.Error) -> int:
    # The lowest byte is the kind of error, those above say which operation met it.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
