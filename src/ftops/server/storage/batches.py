"""Rows of batches.

Owns which statuses there are, and the rule of jobs: a batch that has ended is never changed again, so every change names the
statuses that it starts from and says whether it took place.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from ftops.server.storage import places
from ftops.server.storage.paging import Page, cut


class BatchStatus(StrEnum):
    """Where a batch stands; the first four are unfinished."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


UNFINISHED = (
    BatchStatus.VALIDATING,
    BatchStatus.IN_PROGRESS,
    BatchStatus.FINALIZING,
    BatchStatus.CANCELLING,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewBatch:
    """What a request for a batch settles. ``output_seconds`` is how long the files of results will stay, None for ever."""

    id: str
    project: str
    created_at: int
    expires_at: int
    endpoint: str
    completion_window: str
    input_file: str
    input_sha256: str
    input_bytes: int
    output_seconds: int | None
    metadata: Mapping[str, str] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a batch has come: which part of its input is done, and how much of the files of results tells of it.

    ``completed`` requests stand in the output file, ``failed`` ones in the error file; all lengths are in bytes.
    """

    completed: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_offset: int = 0
    output_bytes: int = 0
    error_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRow(NewBatch):
    """A batch. ``errors`` say why it failed; ``total`` is the number of requests, once they have been counted."""

    seq: int
    status: BatchStatus
    model: str | None
    errors: Sequence[Mapping[str, Any]] | None
    output_file: str | None
    error_file: str | None
    in_progress_at: int | None
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    total: int
    progress: Progress


_JSON = ("metadata", "errors")
_COUNTERS = tuple(field.name for field in fields(Progress))
_CHANGEABLE = frozenset(
    {
        "status", "model", "errors", "output_file", "error_file", "in_progress_at", "finalizing_at", "completed_at",
        "failed_at", "expired_at", "cancelling_at", "cancelled_at", "total",
    }
)  # fmt: skip
_IS_UNFINISHED = "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')"


def insert(connection: sqlite3.Connection, batch: NewBatch) -> None:
    """Adds a batch in status validating."""
    values = {**asdict(batch), "status": BatchStatus.VALIDATING}
    values["metadata"] = None if batch.metadata is None else json.dumps(batch.metadata)
    names, places = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO batches ({names}) VALUES ({places})", tuple(values.values()))  # noqa: S608


def find(connection: sqlite3.Connection, batch_id: str) -> BatchRow | None:
    """A batch by its id."""
    row = connection.execute("SELECT * FROM batches WHERE id = ?", (batch_id,)).fetchone()
    return None if row is None else _read(row)


def unfinished(connection: sqlite3.Connection) -> tuple[BatchRow, ...]:
    """The batches that have yet to end, oldest first."""
    rows = connection.execute(f"SELECT * FROM batches WHERE {_IS_UNFINISHED} ORDER BY seq").fetchall()  # noqa: S608
    return tuple(_read(row) for row in rows)


def has_unfinished(connection: sqlite3.Connection) -> bool:
    """Whether any batch has yet to end."""
    return connection.execute(f"SELECT 1 FROM batches WHERE {_IS_UNFINISHED} LIMIT 1").fetchone() is not None  # noqa: S608


def change(
    connection: sqlite3.Connection,
    batch: NewBatch,
    *,
    expect: Sequence[BatchStatus],
    progress: Progress | None = None,
    **values: object,
) -> bool:
    """Writes columns of a batch that still has one of the statuses expected; says whether it had."""
    unknown = values.keys() - _CHANGEABLE
    if unknown:
        raise ValueError(f"not to be changed: {sorted(unknown)}")
    stored = {k: json.dumps(v) if k in _JSON and v is not None else v for k, v in values.items()}
    if progress is not None:
        stored |= asdict(progress)
    assignments = ", ".join(f"{name} = ?" for name in stored)
    statuses = ", ".join("?" * len(expect))
    cursor = connection.execute(
        f"UPDATE batches SET {assignments} WHERE id = ? AND status IN ({statuses})",  # noqa: S608
        (*stored.values(), batch.id, *expect),
    )
    return cursor.rowcount == 1


def page(connection: sqlite3.Connection, *, project: str, limit: int, after: str | None) -> Page[BatchRow]:
    """A project's batches, newest first; ``UnknownCursor`` when ``after`` is none of them."""
    before = 2**62 if after is None else places.place_of(connection, "batches", after, project=project)
    query = "SELECT * FROM batches WHERE project = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    rows = connection.execute(query, (project, before, limit + 1)).fetchall()
    return cut([_read(row) for row in rows], limit)


def _read(row: sqlite3.Row) -> BatchRow:
    values = dict(row)
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    values["status"] = BatchStatus(values["status"])
    progress = Progress(**{name: values.pop(name) for name in _COUNTERS})
    return BatchRow(progress=progress, **values)
