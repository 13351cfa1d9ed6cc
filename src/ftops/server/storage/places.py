"""Where objects stand in their lists, those too that were deleted a short while ago.

Owns the table ``departed``. Who deletes while paging names the last object of the page before, which has gone by then; its
place is known for a day.
"""

import sqlite3
from typing import Literal

from ftops.server.storage.database import Database
from ftops.server.storage.paging import UnknownCursor

Table = Literal["files", "jobs", "batches"]

_KEPT_SECONDS = 24 * 3600


def place_of(connection: sqlite3.Connection, table: Table, object_id: str, *, project: str) -> int:
    """The ``seq`` of a project's object; ``UnknownCursor`` when it never was there, or went too long ago."""
    row = connection.execute(
        f"SELECT seq FROM {table} WHERE id = ? AND project = ?",  # noqa: S608
        (object_id, project),
    ).fetchone()
    if row is None:
        query = "SELECT seq FROM departed WHERE list = ? AND id = ? AND project = ?"
        row = connection.execute(query, (table, object_id, project)).fetchone()
    if row is None:
        raise UnknownCursor(object_id)
    return int(row[0])


def keep_place(connection: sqlite3.Connection, table: Table, object_id: str, *, now: int) -> None:
    """Remembers where an object stood, if it is there; call it in the transaction that deletes it."""
    connection.execute(
        f"INSERT INTO departed SELECT ?, id, project, seq, ? FROM {table} WHERE id = ?",  # noqa: S608
        (table, now, object_id),
    )


def forget_old(database: Database, now: int) -> None:
    """Forgets the places of what went more than a day ago; for ``Upkeep``."""
    with database.write() as connection:
        connection.execute("DELETE FROM departed WHERE departed_at < ?", (now - _KEPT_SECONDS,))
