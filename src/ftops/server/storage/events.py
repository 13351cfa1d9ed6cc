"""Rows of a job's events, metrics among them. A job's events are written in their order, never
changed, and go with the job."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftops.server import ids
from ftops.server.storage.jobs import JobRow
from ftops.server.storage.paging import Page, UnknownCursor, cut


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened to a job. ``type`` is ``message`` or ``metrics``, ``level`` info, warn or error."""

    message: str
    level: str = "info"
    type: str = "message"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow(Event):
    """An event that is stored."""

    id: str
    created_at: int


def append(connection: sqlite3.Connection, seq: int, events: Sequence[Event], *, now: int) -> None:
    """Adds events to the job with this sequence number."""
    connection.executemany(
        "INSERT INTO events (id, job, created_at, level, type, message, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (ids.new_event_id(), seq, now, each.level, each.type, each.message, json.dumps(dict(each.data)))
            for each in events
        ],
    )


def page(connection: sqlite3.Connection, job: JobRow, *, limit: int, after: str | None) -> Page[EventRow]:
    """A job's events, newest first; ``UnknownCursor`` when ``after`` is none of them."""
    before = 2**62
    if after is not None:
        cursor = connection.execute("SELECT seq FROM events WHERE id = ? AND job = ?", (after, job.seq)).fetchone()
        if cursor is None:
            raise UnknownCursor(after)
        before = int(cursor[0])
    rows = connection.execute(
        "SELECT id, created_at, level, type, message, data FROM events WHERE job = ? AND seq < ? "
        "ORDER BY seq DESC LIMIT ?",
        (job.seq, before, limit + 1),
    ).fetchall()
    return cut([EventRow(**{**dict(row), "data": json.loads(row["data"])}) for row in rows], limit)


def metrics(connection: sqlite3.Connection, job: JobRow) -> Iterator[Mapping[str, Any]]:
    """The data of a job's metrics events, in the order of the steps."""
    rows = connection.execute("SELECT data FROM events WHERE job = ? AND type = 'metrics' ORDER BY seq", (job.seq,))
    for row in rows:
        yield json.loads(row[0])


def has_level(connection: sqlite3.Connection, job: JobRow, level: str) -> bool:
    """Whether any event of a job has this level."""
    query = "SELECT 1 FROM events WHERE job = ? AND level = ? LIMIT 1"
    return connection.execute(query, (job.seq, level)).fetchone() is not None


def delete_some(connection: sqlite3.Connection, job: JobRow, *, limit: int) -> int:
    """Removes up to ``limit`` events of a job, the oldest first; says how many there were to remove."""
    cursor = connection.execute(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE job = ? ORDER BY seq LIMIT ?)", (job.seq, limit)
    )
    return cursor.rowcount
