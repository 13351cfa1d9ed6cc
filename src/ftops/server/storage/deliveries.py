"""Deliveries: what webhooks have yet to be told.

Owns which events there are, and the outbox: a delivery is written in the transaction that ends the job or the batch, one for
each webhook that subscribes to it, and removed once it was received. So no crash comes between an end and its announcement.
Which webhooks there are is written at start-up; a delivery to one that has gone from the configuration waits for its return.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ftops.server import ids


class EventType(StrEnum):
    """What a webhook may subscribe to, by OpenAI's names."""

    BATCH_CANCELLED = "batch.cancelled"
    BATCH_COMPLETED = "batch.completed"
    BATCH_EXPIRED = "batch.expired"
    BATCH_FAILED = "batch.failed"
    JOB_CANCELLED = "fine_tuning.job.cancelled"
    JOB_FAILED = "fine_tuning.job.failed"
    JOB_SUCCEEDED = "fine_tuning.job.succeeded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """That a webhook wants to be told of a type of event, in one project or, with None, in all."""

    webhook: str
    event: EventType
    project: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event for one webhook. ``attempts`` have failed so far."""

    id: str
    webhook: str
    created_at: int
    attempts: int
    body: str


_COLUMNS = "id, webhook, created_at, attempts, body"


def subscribe(connection: sqlite3.Connection, subscriptions: Iterable[Subscription]) -> None:
    """Replaces all subscriptions."""
    connection.execute("DELETE FROM subscriptions")
    connection.executemany(
        "INSERT INTO subscriptions VALUES (?, ?, ?)",
        [(each.webhook, each.event, each.project) for each in subscriptions],
    )


def announce(connection: sqlite3.Connection, *, event: EventType, project: str, subject: str, now: int) -> None:
    """Notes that a project's job or batch, whose id is ``subject``, has ended; call it in the transaction that ends it."""
    webhooks = connection.execute(
        "SELECT webhook FROM subscriptions WHERE event = ? AND (project IS NULL OR project = ?)", (event, project)
    ).fetchall()
    content = {
        "id": ids.new_webhook_event_id(),
        "object": "event",
        "created_at": now,
        "type": event,
        "data": {"id": subject},
    }
    connection.executemany(
        "INSERT INTO deliveries (id, webhook, created_at, due_at, body) VALUES (?, ?, ?, ?, ?)",
        [(ids.new_delivery_id(), row[0], now, now, json.dumps(content)) for row in webhooks],
    )


def next_due(connection: sqlite3.Connection, webhook: str, *, now: float) -> Delivery | None:
    """The delivery to a webhook that has been due the longest."""
    query = f"SELECT {_COLUMNS} FROM deliveries WHERE webhook = ? AND due_at <= ? ORDER BY due_at, seq LIMIT 1"  # noqa: S608
    row = connection.execute(query, (webhook, now)).fetchone()
    return None if row is None else Delivery(**row)


def put_off(connection: sqlite3.Connection, delivery: Delivery, *, until: float) -> None:
    """Notes that an attempt has failed, and when the next one is due."""
    connection.execute("UPDATE deliveries SET attempts = attempts + 1, due_at = ? WHERE id = ?", (until, delivery.id))


def delete(connection: sqlite3.Connection, delivery: Delivery) -> None:
    """Removes a delivery that was received, or that nobody wants."""
    connection.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))


def has_old(connection: sqlite3.Connection, *, before: int) -> bool:
    """Whether there is a delivery whose event is older than ``before``."""
    return connection.execute("SELECT 1 FROM deliveries WHERE created_at < ? LIMIT 1", (before,)).fetchone() is not None


def delete_old(connection: sqlite3.Connection, *, before: int) -> tuple[Delivery, ...]:
    """Removes the deliveries whose event is older than ``before``; gives them."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM deliveries WHERE created_at < ?", (before,)).fetchall()  # noqa: S608
    connection.execute("DELETE FROM deliveries WHERE created_at < ?", (before,))
    return tuple(Delivery(**row) for row in rows)


def has_new(connection: sqlite3.Connection, *, after: int) -> bool:
    """Whether a webhook of this server has yet to be told of an event after a time."""
    query = "SELECT 1 FROM deliveries WHERE created_at > ? AND webhook IN (SELECT webhook FROM subscriptions) LIMIT 1"
    return connection.execute(query, (after,)).fetchone() is not None
