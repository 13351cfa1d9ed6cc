"""Model outputs and embeddings on this machine: one SQLite file in a private folder, for tens of thousands of answers.

Owns the file's format. Answers hold other people's text, so folder and files are readable by their owner only. Each answer is
committed by itself in write-ahead mode: a killed process loses none that was put, and two processes may work at once.
"""

import os
import sqlite3
import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from ftops.domain.scores import Outcome
from ftops.errors import FREE_SPACE, LocalStorageFailed, local_storage_failed
from ftops.ports import ChatAnswer

_FILE: Final = "outputs.sqlite3"
_WAIT_SECONDS: Final = 30.0
_NUMBER_BYTES: Final = 8

# As many as one question has room for in every SQLite.
_AT_ONCE: Final = 500

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS output (key TEXT PRIMARY KEY, answer BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS embedding (key TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID",
)


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
        return self.get_all((key,)).get(key)

    def get_all(self, keys: Sequence[str]) -> dict[str, ChatAnswer]:
        """Gives those of the answers that are kept, by key. Raises LocalStorageFailed."""
        found: dict[str, ChatAnswer] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for key, blob in self._read(f"SELECT key, answer FROM output WHERE key IN ({marks})", some):  # noqa: S608
                answer = _decoded(blob)
                if answer is not None:
                    found[key] = answer
        return found

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
        self._write("INSERT OR REPLACE INTO output VALUES (?, ?)", key, msgspec.msgpack.encode(kept))

    def get_vector(self, key: str) -> tuple[float, ...] | None:
        """Gives the embedding kept for a text's digest. Raises LocalStorageFailed."""
        rows = self._read("SELECT vector FROM embedding WHERE key = ?", (key,))
        if not rows or len(rows[0][0]) % _NUMBER_BYTES:
            return None
        numbers = array("d")
        numbers.frombytes(rows[0][0])
        return tuple(numbers)

    def put_vector(self, key: str, vector: Sequence[float]) -> None:
        """Keeps an embedding. Raises LocalStorageFailed."""
        self._write("INSERT OR REPLACE INTO embedding VALUES (?, ?)", key, array("d", vector).tobytes())

    def close(self) -> None:
        """Gives back the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _read(self, question: str, keys: Sequence[str]) -> list[Any]:
        with self._lock:
            if self._connection is None and not (self._folder / _FILE).exists():
                return []
            with self._translating():
                return self._open().execute(question, tuple(keys)).fetchall()

    def _write(self, statement: str, key: str, blob: bytes) -> None:
        with self._lock, self._translating():
            self._open().execute(statement, (key, blob))

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
                for statement in _SCHEMA:
                    connection.execute(statement)
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
