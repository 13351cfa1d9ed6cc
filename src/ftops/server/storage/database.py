"""The SQLite file: its version, and who may write when.

Owns connections and transactions. One connection writes, behind a lock; others read, as many as there are readers at the same
time, and each query sees all that is committed. A commit is on the disk when it returns (``synchronous=FULL``), so what was
acknowledged survives ``kill -9`` and a power cut.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftops.server.storage.schema import MIGRATIONS, SCHEMA_VERSION


class NewerData(Exception):
    """The data folder was written by a later ftops. ``version`` is its schema's."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the data folder has schema version {version}, and this ftops knows {SCHEMA_VERSION}")
        self.version = version


class LostDatabase(Exception):
    """There is content in the data folder, but the database that knows what it is has gone."""


class Database:
    """The open file. Safe to use from any thread."""

    def __init__(self, path: Path, *, may_be_new: bool = True) -> None:
        """Opens the file, makes it when it isn't there; ``NewerData`` when a later ftops made it.

        ``LostDatabase`` when it would have to be made though it may not be new.
        """
        if not may_be_new and (not path.exists() or path.stat().st_size == 0):
            raise LostDatabase
        self._path = path
        self._writer = _connect_writer(path)
        self._writer_lock = threading.RLock()
        try:
            _prepare(self._writer, may_be_new=may_be_new)
        except BaseException:
            self._writer.close()
            raise
        self._idle_readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._is_closed = False

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that commits when the block ends, and rolls back when it raises."""
        with self._writer_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for queries, each of which sees all that is committed. Nobody waits for another's."""
        with self._readers_lock:
            connection = self._idle_readers.pop() if self._idle_readers else None
        connection = connection or _connect_reader(self._path)
        try:
            yield connection
        finally:
            with self._readers_lock:
                if self._is_closed:
                    connection.close()
                else:
                    self._idle_readers.append(connection)

    def check(self) -> None:
        """Reads all of the file; ``sqlite3.DatabaseError`` when it is damaged."""
        with self.read() as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    def close(self) -> None:
        """Waits for the transaction under way, then closes; queries under way end as they would have."""
        with self._writer_lock, self._readers_lock:
            self._is_closed = True
            for connection in (*self._idle_readers, self._writer):
                connection.close()


def meta(connection: sqlite3.Connection, key: str) -> str | None:
    """A fact about the folder itself."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Writes a fact about the folder itself."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
    connection.row_factory = sqlite3.Row
    return connection


def _connect_writer(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _prepare(connection: sqlite3.Connection, *, may_be_new: bool) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise NewerData(version)
    if version == 0 and not may_be_new:  # its write-ahead log, in which everything stood, is lost
        raise LostDatabase
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        # One transaction, version included: a crash leaves either nothing or everything.
        connection.executescript(f"BEGIN;{script}PRAGMA user_version = {number};COMMIT;")
