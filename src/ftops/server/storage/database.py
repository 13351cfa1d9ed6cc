"""The SQLite file: its schema, its version, and who may write when.

Owns connections and transactions. One connection writes, behind a lock; another reads, and sees every commit. A commit is
on the disk when it returns (``synchronous=FULL``), so what was acknowledged survives ``kill -9`` and a power cut.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    expires_at INTEGER, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL
);
CREATE INDEX files_by_purpose ON files (purpose, seq);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, created_at INTEGER NOT NULL,
    finished_at INTEGER, estimated_finish INTEGER, organization_id TEXT NOT NULL, model TEXT NOT NULL, base TEXT NOT NULL,
    model_hash TEXT NOT NULL, training_file TEXT NOT NULL, training_sha256 TEXT NOT NULL, validation_file TEXT,
    validation_sha256 TEXT, parent_sha256 TEXT, suffix TEXT, seed INTEGER NOT NULL, method TEXT NOT NULL,
    given TEXT NOT NULL, resolved TEXT, metadata TEXT, integrations TEXT NOT NULL, total_steps INTEGER,
    last_step INTEGER NOT NULL DEFAULT 0, trained_tokens INTEGER, fine_tuned_model TEXT, result_file TEXT, error TEXT
);
CREATE INDEX jobs_unfinished ON jobs (seq) WHERE status IN ('validating_files', 'queued', 'running');
CREATE TABLE job_metadata (
    key TEXT NOT NULL, value TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY (key, value, job)
) WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job INTEGER NOT NULL, created_at INTEGER NOT NULL,
    level TEXT NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX events_by_job ON events (job, seq);

CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job INTEGER NOT NULL, created_at INTEGER NOT NULL,
    step INTEGER NOT NULL, epoch INTEGER NOT NULL, metrics TEXT NOT NULL, sha256 TEXT, model TEXT
);
CREATE INDEX checkpoints_by_job ON checkpoints (job, seq);

CREATE TABLE models (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, base TEXT NOT NULL,
    owner TEXT NOT NULL, job TEXT NOT NULL, sha256 TEXT NOT NULL
);

CREATE TABLE blob_uses (sha256 TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (sha256, owner)) WITHOUT ROWID;
CREATE INDEX blob_uses_by_owner ON blob_uses (owner);
"""


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
        self._writer = _connect(path)
        self._writer_lock = threading.RLock()
        try:
            _prepare(self._writer, may_be_new=may_be_new)
        except BaseException:
            self._writer.close()
            raise
        self._reader = _connect(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._reader_lock = threading.Lock()

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
        """A connection for queries, each of which sees all that is committed."""
        with self._reader_lock:
            yield self._reader

    def close(self) -> None:
        """Waits for the transaction under way, then closes."""
        with self._writer_lock, self._reader_lock:
            self._reader.close()
            self._writer.close()


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
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _prepare(connection: sqlite3.Connection, *, may_be_new: bool) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise NewerData(version)
    if version == 0:
        if not may_be_new:  # its write-ahead log, in which everything stood, is lost
            raise LostDatabase
        # One transaction, version included: a crash leaves either nothing or everything.
        connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
