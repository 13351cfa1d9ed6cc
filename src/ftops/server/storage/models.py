"""Rows of fine-tuned models, checkpoints among them. Base models have no rows: any name is one."""

import sqlite3
from dataclasses import dataclass, fields

from ftops.server.storage import blobs


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """A model that a job made. ``sha256`` names the blob with its weights."""

    name: str
    project: str
    created_at: int
    base: str
    owner: str
    job: str
    sha256: str


_COLUMNS = ", ".join(field.name for field in fields(ModelRow))
_PLACES = ", ".join("?" for _ in fields(ModelRow))


def insert(connection: sqlite3.Connection, row: ModelRow) -> None:
    """Adds a model whose weights are a blob already."""
    values = tuple(getattr(row, field.name) for field in fields(ModelRow))
    connection.execute(f"INSERT INTO models ({_COLUMNS}) VALUES ({_PLACES})", values)  # noqa: S608
    blobs.share(connection, row.sha256, owner=row.name)


def find(connection: sqlite3.Connection, name: str, *, project: str) -> ModelRow | None:
    """A project's model by its full name."""
    query = f"SELECT {_COLUMNS} FROM models WHERE name = ? AND project = ?"  # noqa: S608
    row = connection.execute(query, (name, project)).fetchone()
    return None if row is None else ModelRow(**row)


def all_models(connection: sqlite3.Connection, *, project: str) -> tuple[ModelRow, ...]:
    """Every model of a project, oldest first: OpenAI doesn't page this list."""
    query = f"SELECT {_COLUMNS} FROM models WHERE project = ? ORDER BY seq"  # noqa: S608
    rows = connection.execute(query, (project,)).fetchall()
    return tuple(ModelRow(**row) for row in rows)


def delete(connection: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """Removes a model; gives the blobs that it no longer needs."""
    connection.execute("DELETE FROM models WHERE name = ?", (name,))
    return blobs.release(connection, name)
