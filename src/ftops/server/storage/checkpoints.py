"""Rows of checkpoints.

A running job keeps the weights of its last epochs here, to go on from after a restart; they have no model name until the job
has succeeded and publishes them. A job that ends otherwise leaves none.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftops.server import ids
from ftops.server.storage import blobs
from ftops.server.storage.jobs import JobRow
from ftops.server.storage.paging import Page, UnknownCursor, cut

KEPT_EPOCHS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointRow:
    """A checkpoint. ``metrics`` has the keys of an engine's step metrics; ``model`` is None until it is published."""

    id: str
    created_at: int
    step: int
    epoch: int
    metrics: Mapping[str, Any]
    sha256: str
    model: str | None


_COLUMNS = "id, created_at, step, epoch, metrics, sha256, model"


def insert(connection: sqlite3.Connection, job: JobRow, row: CheckpointRow) -> tuple[str, ...]:
    """Adds a checkpoint whose blob has been kept under its id, and drops those of epochs no longer kept.

    Gives the blobs that the dropped ones no longer need.
    """
    connection.execute(
        "INSERT INTO checkpoints (id, job, created_at, step, epoch, metrics, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row.id, job.seq, row.created_at, row.step, row.epoch, json.dumps(dict(row.metrics)), row.sha256),
    )
    return _drop(connection, job, "epoch <= ?", row.epoch - KEPT_EPOCHS)


def drop_all(connection: sqlite3.Connection, job: JobRow) -> tuple[str, ...]:
    """Removes a job's checkpoints; gives the blobs that they no longer need."""
    return _drop(connection, job, "epoch >= ?", 0)


def of_job(connection: sqlite3.Connection, job: JobRow) -> tuple[CheckpointRow, ...]:
    """All of a job's checkpoints, published or not, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM checkpoints WHERE job = ? ORDER BY seq",  # noqa: S608
        (job.seq,),
    ).fetchall()
    return tuple(_read(row) for row in rows)


def publish(connection: sqlite3.Connection, row: CheckpointRow, *, model: str) -> tuple[str, ...]:
    """Names the model that a checkpoint became; the model's row holds the weights from now on."""
    connection.execute("UPDATE checkpoints SET model = ? WHERE id = ?", (model, row.id))
    return blobs.release(connection, row.id)


def page(connection: sqlite3.Connection, job: JobRow, *, limit: int, after: str | None) -> Page[CheckpointRow]:
    """A job's published checkpoints, newest first; ``UnknownCursor`` when ``after`` is none of them."""
    before = 2**62
    if after is not None:
        cursor = connection.execute("SELECT seq FROM checkpoints WHERE id = ? AND job = ?", (after, job.seq)).fetchone()
        if cursor is None:
            raise UnknownCursor(after)
        before = int(cursor[0])
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM checkpoints WHERE job = ? AND seq < ? AND model IS NOT NULL "  # noqa: S608
        "ORDER BY seq DESC LIMIT ?",
        (job.seq, before, limit + 1),
    ).fetchall()
    return cut([_read(row) for row in rows], limit)


def new_row(*, step: int, epoch: int, metrics: Mapping[str, Any], sha256: str, now: int) -> CheckpointRow:
    """A checkpoint that isn't published."""
    return CheckpointRow(
        id=ids.new_checkpoint_id(), created_at=now, step=step, epoch=epoch, metrics=metrics, sha256=sha256, model=None
    )


def _drop(connection: sqlite3.Connection, job: JobRow, condition: str, epoch: int) -> tuple[str, ...]:
    rows = connection.execute(
        f"SELECT id FROM checkpoints WHERE job = ? AND {condition}",  # noqa: S608
        (job.seq, epoch),
    ).fetchall()
    unused: list[str] = []
    for row in rows:
        connection.execute("DELETE FROM checkpoints WHERE id = ?", (row[0],))
        unused.extend(blobs.release(connection, row[0]))
    return tuple(unused)


def _read(row: sqlite3.Row) -> CheckpointRow:
    return CheckpointRow(**{**dict(row), "metrics": json.loads(row["metrics"])})
