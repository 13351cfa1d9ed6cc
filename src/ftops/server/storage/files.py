"""Rows of uploaded files and result files."""

import sqlite3

import msgspec

from ftops.server.storage import blobs, places
from ftops.server.storage.paging import Page, cut


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A file. Times in seconds since 1970; ``bytes`` is the length of the content.

    A struct, since a page may have ten thousand of them, and dataclasses take several times as long to make.
    """

    id: str
    project: str
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    bytes: int
    sha256: str


_COLUMNS = ", ".join(FileRow.__struct_fields__)
_PLACES = ", ".join("?" for _ in FileRow.__struct_fields__)
_UNEXPIRED = "(expires_at IS NULL OR expires_at > ?)"


def insert(connection: sqlite3.Connection, row: FileRow) -> None:
    """Adds a file; its blob has been kept under the file's id."""
    query = f"INSERT INTO files ({_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608
    connection.execute(query, msgspec.structs.astuple(row))


def find(connection: sqlite3.Connection, file_id: str, *, project: str, now: int) -> FileRow | None:
    """A file of a project that is there and hasn't expired."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM files WHERE id = ? AND project = ? AND {_UNEXPIRED}",  # noqa: S608
        (file_id, project, now),
    ).fetchone()
    return None if row is None else FileRow(**row)


def page(
    connection: sqlite3.Connection,
    *,
    project: str,
    now: int,
    limit: int,
    after: str | None,
    purpose: str | None,
    is_ascending: bool,
) -> Page[FileRow]:
    """A project's files, in the order of their creation or the reverse; ``UnknownCursor`` when ``after`` is none of them."""
    conditions = ["project = ?", _UNEXPIRED]
    parameters: list[object] = [project, now]
    if purpose is not None:
        conditions.append("purpose = ?")
        parameters.append(purpose)
    if after is not None:
        conditions.append("seq > ?" if is_ascending else "seq < ?")
        parameters.append(places.place_of(connection, "files", after, project=project))
    order = "ASC" if is_ascending else "DESC"
    query = f"SELECT {_COLUMNS} FROM files WHERE {' AND '.join(conditions)} ORDER BY seq {order} LIMIT ?"  # noqa: S608
    rows = connection.execute(query, (*parameters, limit + 1)).fetchall()
    return cut([FileRow(**row) for row in rows], limit)


def delete(connection: sqlite3.Connection, file_id: str, *, now: int) -> tuple[str, ...]:
    """Removes a file; gives the blobs that it no longer needs."""
    places.keep_place(connection, "files", file_id, now=now)
    connection.execute("DELETE FROM files WHERE id = ?", (file_id,))
    return blobs.release(connection, file_id)


def delete_expired(connection: sqlite3.Connection, *, now: int) -> tuple[str, ...]:
    """Removes the files whose time is over; gives the blobs that they no longer need."""
    rows = connection.execute("SELECT id FROM files WHERE expires_at <= ?", (now,)).fetchall()
    return tuple(sha256 for row in rows for sha256 in delete(connection, row[0], now=now))
