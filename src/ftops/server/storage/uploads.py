"""Rows of uploads in parts, and of their parts.

Owns the one rule of concurrency: an upload that isn't pending is never changed again. A part's content is a blob that its row
owns, until the upload ends.
"""

import sqlite3
from dataclasses import dataclass, fields
from enum import StrEnum

from ftops.server.storage import blobs


class UploadStatus(StrEnum):
    """Where an upload stands; only the first may change."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadRow:
    """An upload of ``bytes`` in all. ``lifetime`` is how many seconds its file will be kept, None for ever."""

    id: str
    project: str
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    bytes: int
    mime_type: str
    lifetime: int | None
    status: UploadStatus
    file: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PartRow:
    """A part of an upload. ``bytes`` is the length of its content."""

    id: str
    upload: str
    created_at: int
    bytes: int
    sha256: str


_COLUMNS = ", ".join(field.name for field in fields(UploadRow))
_PLACES = ", ".join("?" for _ in fields(UploadRow))
_PART_COLUMNS = ", ".join(field.name for field in fields(PartRow))


def insert(connection: sqlite3.Connection, row: UploadRow) -> None:
    """Adds an upload."""
    values = tuple(getattr(row, field.name) for field in fields(UploadRow))
    connection.execute(f"INSERT INTO uploads ({_COLUMNS}) VALUES ({_PLACES})", values)  # noqa: S608


def find(connection: sqlite3.Connection, upload_id: str, *, project: str) -> UploadRow | None:
    """A project's upload."""
    query = f"SELECT {_COLUMNS} FROM uploads WHERE id = ? AND project = ?"  # noqa: S608
    row = connection.execute(query, (upload_id, project)).fetchone()
    return None if row is None else UploadRow(**{**dict(row), "status": UploadStatus(row["status"])})


def add_part(connection: sqlite3.Connection, part: PartRow) -> None:
    """Adds a part whose blob has been kept under its id."""
    values = tuple(getattr(part, field.name) for field in fields(PartRow))
    connection.execute(f"INSERT INTO upload_parts ({_PART_COLUMNS}) VALUES (?, ?, ?, ?, ?)", values)  # noqa: S608


def parts(connection: sqlite3.Connection, upload_id: str) -> dict[str, PartRow]:
    """An upload's parts by their ids."""
    query = f"SELECT {_PART_COLUMNS} FROM upload_parts WHERE upload = ?"  # noqa: S608
    return {row["id"]: PartRow(**row) for row in connection.execute(query, (upload_id,))}


def count_parts(connection: sqlite3.Connection, upload_id: str) -> int:
    """How many parts an upload has."""
    row = connection.execute("SELECT count(*) FROM upload_parts WHERE upload = ?", (upload_id,)).fetchone()
    return int(row[0])


def size_of_parts(connection: sqlite3.Connection, upload_id: str, *, besides: str) -> int:
    """The bytes of an upload's parts, equal content counted once; that of the digest ``besides`` is left out."""
    each = "SELECT DISTINCT sha256, bytes FROM upload_parts WHERE upload = ? AND sha256 <> ?"
    row = connection.execute(f"SELECT coalesce(sum(bytes), 0) FROM ({each})", (upload_id, besides)).fetchone()  # noqa: S608
    return int(row[0])


def end(
    connection: sqlite3.Connection, upload_id: str, status: UploadStatus, *, file: str | None = None
) -> tuple[str, ...] | None:
    """Ends a pending upload and drops its parts; gives the blobs that they no longer need, None when it had ended."""
    cursor = connection.execute(
        "UPDATE uploads SET status = ?, file = ? WHERE id = ? AND status = ?",
        (status, file, upload_id, UploadStatus.PENDING),
    )
    if cursor.rowcount == 0:
        return None
    unused = tuple(sha256 for part in parts(connection, upload_id) for sha256 in blobs.release(connection, part))
    connection.execute("DELETE FROM upload_parts WHERE upload = ?", (upload_id,))
    return unused


def expire(connection: sqlite3.Connection, *, now: int) -> tuple[str, ...]:
    """Ends the pending uploads whose time is over; gives the blobs that their parts no longer need."""
    query = "SELECT id FROM uploads WHERE status = ? AND expires_at <= ?"
    rows = connection.execute(query, (UploadStatus.PENDING, now)).fetchall()
    return tuple(sha256 for row in rows for sha256 in end(connection, row[0], UploadStatus.EXPIRED) or ())
