"""What happens when the disk is full or fails.

Owns which errors are the disk's, and the reserve: a little space that is given up when there is no other, since even deleting
needs some.
"""

import contextlib
import errno
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

DISK_ERRORS = (OSError, sqlite3.Error)
"""What storage raises when the disk is full, broken or gone: no request or job is to blame, and it may pass."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_SPACE_SQLITE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
# A deletion writes some pages to the database's log; this is many times as much.
_RESERVED_BYTES = 1024 * 1024


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of storage means that nothing can be written at the moment."""
    match error:
        case sqlite3.Error():
            # The lowest byte is the kind of error, those above say which operation met it.
            return getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_SPACE_SQLITE
        case OSError():
            return error.errno in _NO_SPACE
        case _:
            return False


class Reserve:
    """A file that does nothing but take space. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        """Takes the space, if there is any."""
        self._path = path
        self._lock = threading.Lock()
        self._take()

    @contextlib.contextmanager
    def given_up(self) -> Iterator[None]:
        """Frees the space for the block, and takes it again afterwards, if it is there then."""
        with self._lock:
            self._path.unlink(missing_ok=True)
            try:
                yield
            finally:
                self._take()

    def _take(self) -> None:
        try:
            if not self._path.exists() or self._path.stat().st_size < _RESERVED_BYTES:
                self._path.write_bytes(bytes(_RESERVED_BYTES))
        except OSError:
            with contextlib.suppress(OSError):  # half a reserve may be the space that somebody else lacks
                self._path.unlink(missing_ok=True)
