"""Model outputs on this machine: one SQLite file in a private folder, for tens of thousands of answers.

Owns the file's format. Answers hold other people's text, so folder and files are readable by their owner only. Each answer is
committed by itself in write-ahead mode: a killed process loses none that was put, and two processes may work at once.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from ftops.domain.scores import Outcome
from ftops.errors import FREE_SPACE, LocalStorageFailed, local_storage_failed
from ftops.ports import ChatAnswer

_FILE: Final = "outputs.sqlite3"
_WAIT_SECONDS: Final = 30.0

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS output (key TEXT PRIMARY KEY, answer BLOB NOT NULL) WITHOUT ROWID"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is stored, in MessagePack."""

    text: str
    tool_calls: list[dict[str, Any]]
    outcome: Outcome
    input_tokens: int
    output_tokens: int
    seconds: float


class OutputFiles:
    """Keeps answers below ``folder`` (``.ftops/outputs``). Safe to use from several threads and processes.

    Nothing is made before the first ``put``; ``get`` then finds nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, key: str) -> ChatAnswer | None:
        """Gives the answer kept for a request's digest. Raises LocalStorageFailed."""
        with self._lock:
            if self._connection is None and not (self._folder / _FILE).exists():
                return None
            with self._translating():
                row = self._open().execute("SELECT answer FROM output WHERE key = ?", (key,)).fetchone()
        return _decoded(row[0]) if row else None

    def put(self, key: str, answer: ChatAnswer) -> None:
        """Keeps an answer; a newer one takes the place of an older one. A killed process does not lose it.

        Raises LocalStorageFailed.
        """
        kept = _Kept(
            text=answer.text,
            tool_calls=[dict(call) for call in answer.tool_calls],
            outcome=answer.outcome,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            seconds=answer.seconds,
        )
        with self._lock, self._translating():
            self._open().execute("INSERT OR REPLACE INTO output VALUES (?, ?)", (key, msgspec.msgpack.encode(kept)))

    def close(self) -> None:
        """Gives back the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _translating(self) -> Iterator[None]:
        path = self._folder / _FILE
        try:
            yield
        except OSError as error:
            raise local_storage_failed(error) from error
        except sqlite3.Error as error:
            is_damaged = getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
            remedy = f"remove {path}: the models are asked again" if is_damaged else FREE_SPACE
            raise LocalStorageFailed(f"answers can't be kept in {path}: {error}", remedy=remedy) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / _FILE
            # SQLite gives its journal files the mode of the database, so this one decides for all.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(_SCHEMA)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection


def _decoded(blob: bytes) -> ChatAnswer | None:
    try:
        kept = msgspec.msgpack.decode(blob, type=_Kept)
    except msgspec.DecodeError:
        return None  # written by another version: the model is asked again
    return ChatAnswer(
        text=kept.text,
        tool_calls=tuple(kept.tool_calls),
        outcome=kept.outcome,
        input_tokens=kept.input_tokens,
        output_tokens=kept.output_tokens,
        seconds=kept.seconds,
    )
