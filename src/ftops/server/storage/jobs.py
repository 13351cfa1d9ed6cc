"""Rows of fine-tuning jobs and their metadata.

Owns which statuses there are, and the one rule of concurrency: a job that has ended is never changed again, so every change
names the status that it starts from and says whether it took place.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from ftops.server.storage import places
from ftops.server.storage.paging import Page, cut


class JobStatus(StrEnum):
    """Where a job stands; the last three are ends."""

    VALIDATING = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRAINING = (JobStatus.RUNNING, JobStatus.PAUSING)
"""A thread has the job in its hands."""

AT_WORK = (JobStatus.VALIDATING, JobStatus.QUEUED, *TRAINING)
"""The server has something to do for the job."""

UNFINISHED = (*AT_WORK, JobStatus.PAUSED)
"""The job may still come to any end."""

# Spelled out, as in the conditions of the indices.
_AT_WORK = ", ".join(f"'{status}'" for status in AT_WORK)
_WITHOUT_METADATA = "metadata IS NULL OR metadata = '{}'"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """What a request for a job settles. ``given`` holds the hyperparameters that came with a value, ``auto`` left out."""

    id: str
    project: str
    created_at: int
    organization_id: str
    model: str
    base: str
    model_hash: str
    training_file: str
    training_sha256: str
    validation_file: str | None
    validation_sha256: str | None
    parent_sha256: str | None
    suffix: str | None
    seed: int
    method: str
    given: Mapping[str, float | str]
    metadata: Mapping[str, str] | None
    integrations: Sequence[Mapping[str, Any]]
    grader: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRow(NewJob):
    """A job. ``seq`` is its place in the order of creation; ``error`` has ``code``, ``message`` and ``param``.

    ``has_grades`` says that its grader could score an answer, at least one.
    """

    seq: int
    status: JobStatus
    started_at: int | None
    finished_at: int | None
    estimated_finish: int | None
    resolved: Mapping[str, float | str] | None
    total_steps: int | None
    last_step: int
    trained_tokens: int | None
    fine_tuned_model: str | None
    result_file: str | None
    error: Mapping[str, str | None] | None
    has_grades: bool


_JSON = ("given", "metadata", "integrations", "grader", "resolved", "error")
_CHANGEABLE = frozenset(
    {
        "status", "started_at", "finished_at", "estimated_finish", "resolved", "total_steps", "last_step",
        "trained_tokens", "fine_tuned_model", "result_file", "error", "has_grades",
    }
)  # fmt: skip


def insert(connection: sqlite3.Connection, job: NewJob) -> int:
    """Adds a job in status validating_files; gives its sequence number."""
    values: dict[str, object] = {name: getattr(job, name) for name in NewJob.__dataclass_fields__ if name not in _JSON}
    for name in ("given", "metadata", "integrations", "grader"):
        value = getattr(job, name)
        values[name] = None if value is None else json.dumps(value)
    values["status"] = JobStatus.VALIDATING
    names, places = ", ".join(values), ", ".join("?" * len(values))
    cursor = connection.execute(f"INSERT INTO jobs ({names}) VALUES ({places})", tuple(values.values()))  # noqa: S608
    seq = cursor.lastrowid
    if seq is None:
        raise sqlite3.DatabaseError("the inserted job has no row number")
    connection.executemany(
        "INSERT INTO job_metadata VALUES (?, ?, ?, ?)",
        [(job.project, key, value, seq) for key, value in (job.metadata or {}).items()],
    )
    return seq


def find(connection: sqlite3.Connection, job_id: str) -> JobRow | None:
    """A job by its id."""
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else _read(row)


def at_work(connection: sqlite3.Connection) -> tuple[JobRow, ...]:
    """The jobs that the server has something to do for, oldest first."""
    rows = connection.execute(f"SELECT * FROM jobs WHERE status IN ({_AT_WORK}) ORDER BY seq").fetchall()  # noqa: S608
    return tuple(_read(row) for row in rows)


def is_any_at_work(connection: sqlite3.Connection) -> bool:
    """Whether there is such a job."""
    row = connection.execute(f"SELECT 1 FROM jobs WHERE status IN ({_AT_WORK}) LIMIT 1").fetchone()  # noqa: S608
    return row is not None


def first_ended_before(connection: sqlite3.Connection, moment: float) -> JobRow | None:
    """Of the jobs that ended before a moment, in seconds since 1970, the one that ended first."""
    row = connection.execute(
        "SELECT * FROM jobs WHERE finished_at < ? ORDER BY finished_at LIMIT 1", (moment,)
    ).fetchone()
    return None if row is None else _read(row)


def delete(connection: sqlite3.Connection, job: JobRow, *, now: int) -> None:
    """Removes a job and its metadata; what else it has is removed before."""
    places.keep_place(connection, "jobs", job.id, now=now)
    connection.execute("DELETE FROM jobs WHERE seq = ?", (job.seq,))
    connection.executemany(
        "DELETE FROM job_metadata WHERE project = ? AND key = ? AND value = ? AND job = ?",
        [(job.project, key, value, job.seq) for key, value in (job.metadata or {}).items()],
    )


def change(connection: sqlite3.Connection, job: NewJob, *, expect: Sequence[JobStatus], **values: object) -> bool:
    """Writes columns of a job that still has one of the statuses expected; says whether it had."""
    unknown = values.keys() - _CHANGEABLE
    if unknown:
        raise ValueError(f"not to be changed: {sorted(unknown)}")
    stored = {k: json.dumps(v) if k in _JSON and v is not None else v for k, v in values.items()}
    assignments = ", ".join(f"{name} = ?" for name in stored)
    statuses = ", ".join("?" * len(expect))
    cursor = connection.execute(
        f"UPDATE jobs SET {assignments} WHERE id = ? AND status IN ({statuses})",  # noqa: S608
        (*stored.values(), job.id, *expect),
    )
    return cursor.rowcount == 1


def page(
    connection: sqlite3.Connection, *, project: str, limit: int, after: str | None, metadata: Mapping[str, str] | None
) -> Page[int]:
    """The ``seq`` of a project's jobs with all the metadata given, newest first; None are the jobs without any.

    ``UnknownCursor`` when ``after`` is none of the project's.
    """
    before = 2**62 if after is None else places.place_of(connection, "jobs", after, project=project)
    if not metadata:
        condition = "" if metadata is not None else f"AND ({_WITHOUT_METADATA}) "
        query = f"SELECT seq FROM jobs WHERE project = ? AND seq < ? {condition}ORDER BY seq DESC LIMIT ?"  # noqa: S608
        rows = connection.execute(query, (project, before, limit + 1)).fetchall()
        return cut([seq for (seq,) in rows], limit)
    # The rarest pair leads, so that a pair that every job bears doesn't make this a scan of all jobs.
    pairs = list(metadata.items())
    if len(pairs) > 1:
        pairs.sort(key=lambda pair: _frequency(connection, project, pair))
    others = " AND EXISTS (SELECT 1 FROM job_metadata WHERE project = ? AND key = ? AND value = ? AND job = lead.job)"
    query = (
        "SELECT lead.job FROM job_metadata AS lead "  # noqa: S608
        f"WHERE lead.project = ? AND lead.key = ? AND lead.value = ? AND lead.job < ?{others * (len(pairs) - 1)} "
        "ORDER BY lead.job DESC LIMIT ?"
    )
    flat = [text for pair in pairs[1:] for text in (project, *pair)]
    rows = connection.execute(query, (project, *pairs[0], before, *flat, limit + 1)).fetchall()
    return cut([seq for (seq,) in rows], limit)


def several(connection: sqlite3.Connection, seqs: Sequence[int]) -> tuple[JobRow, ...]:
    """The jobs with these ``seq``, in no particular order; those that are gone are left out."""
    query = "SELECT * FROM jobs WHERE seq IN (SELECT value FROM json_each(?))"
    return tuple(_read(row) for row in connection.execute(query, (json.dumps(seqs),)))


def _frequency(connection: sqlite3.Connection, project: str, pair: tuple[str, str]) -> int:
    query = "SELECT count(*) FROM (SELECT 1 FROM job_metadata WHERE project = ? AND key = ? AND value = ? LIMIT 10000)"
    return int(connection.execute(query, (project, *pair)).fetchone()[0])


def _read(row: sqlite3.Row) -> JobRow:
    values = dict(row)
    for name in _JSON:
        values[name] = None if values[name] is None else msgspec.json.decode(values[name])
    values |= {"status": JobStatus(values["status"]), "has_grades": bool(values["has_grades"])}
    return JobRow(**values)
