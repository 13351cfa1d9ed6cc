"""Tells webhooks of jobs and batches that have ended, signed as OpenAI signs.

Owns the threads, one for each webhook, so that a receiver that is down keeps no other waiting; the signature; and when to try
again. A delivery is received when the answer is 2xx, and unwanted when it is 410; after anything else it is tried again, ever
less often, for three days. So a receiver may get it twice, but always under the same ``webhook-id``. Redirects aren't
followed and proxies aren't used: a delivery goes where the configuration says and nowhere else. Logs hold neither bodies nor
secrets nor paths.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com), as the ``openai`` SDK checks them.
"""

import base64
import hashlib
import hmac
import http.client
import logging
import random
import ssl
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from ftops.server.errors import place_of
from ftops.server.settings import Webhook
from ftops.server.storage import deliveries
from ftops.server.storage.database import Database
from ftops.server.storage.deliveries import Delivery, EventType, Subscription
from ftops.version import __version__

_LOG = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_GIVE_UP_SECONDS = 72 * 3600
_LONGEST_PAUSE_SECONDS = 2 * 3600.0
# How long a server that nobody else needs stays for its webhooks: some attempts, but not three days of them.
_IDLE_SECONDS = 60


class Webhooks:
    """Starts with ``start``, ends with ``dismiss`` and ``join``; what is undelivered then waits for the next start."""

    def __init__(self, database: Database, webhooks: Sequence[Webhook], *, retry_seconds: float) -> None:
        self._database = database
        self._webhooks = webhooks
        self._is_stopping = threading.Event()
        self._threads = [_Sender(database, each, self._is_stopping, retry_seconds) for each in webhooks]

    def start(self) -> None:
        """Subscribes the webhooks, and begins to deliver. Call it before anything can end."""
        with self._database.write() as connection:
            deliveries.subscribe(connection, _subscriptions(self._webhooks))
        for thread in self._threads:
            thread.start()

    def dismiss(self) -> None:
        """Tells the threads to end after the attempt under way."""
        self._is_stopping.set()

    def join(self, deadline: float) -> None:
        """Waits for attempts until a time of ``time.monotonic``; one that takes longer is made again by the next server."""
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def has_news(self) -> bool:
        """Whether a webhook has yet to be told of what has just happened."""
        with self._database.read() as connection:
            return deliveries.has_new(connection, after=int(time.time()) - _IDLE_SECONDS)

    def give_up_old(self, now: int) -> None:
        """Forgets what could not be delivered for three days."""
        with self._database.read() as connection:
            is_needed = deliveries.has_old(connection, before=now - _GIVE_UP_SECONDS)
        if is_needed:
            with self._database.write() as connection:
                gone = deliveries.delete_old(connection, before=now - _GIVE_UP_SECONDS)
            for each in gone:
                _LOG.error("delivery %s is given up after %d attempts", each.id, each.attempts)


class _Sender(threading.Thread):
    """Delivers to one webhook, one after the other."""

    def __init__(
        self, database: Database, webhook: Webhook, is_stopping: threading.Event, retry_seconds: float
    ) -> None:
        super().__init__(name="webhook", daemon=True)
        self._database = database
        self._webhook = webhook
        self._is_stopping = is_stopping
        self._retry_seconds = retry_seconds

    def run(self) -> None:
        while not self._is_stopping.is_set():
            try:
                is_idle = not self._deliver_next()
            except Exception as error:  # noqa: BLE001 - whatever it is, the disk say, must not end the thread
                is_idle = True
                _LOG.error("webhook %s is looked after again in a while: %s", self._webhook.origin, place_of(error))
                self._is_stopping.wait(self._retry_seconds)
            if is_idle:
                self._is_stopping.wait(_LOOK_SECONDS)

    def _deliver_next(self) -> bool:
        """Tries the delivery that is due; False when there is none."""
        with self._database.read() as connection:
            delivery = deliveries.next_due(connection, self._webhook.id, now=time.time())
        if delivery is None:
            return False
        try:
            status = post(self._webhook, delivery, timestamp=int(time.time()))
        except (
            OSError,
            http.client.HTTPException,
            UnicodeError,
        ) as error:  # the last one for names that can't be looked up
            self._put_off(delivery, why=type(error).__name__)
            return True
        if 200 <= status < 300 or status == http.client.GONE:
            with self._database.write() as connection:
                deliveries.delete(connection, delivery)
            if status == http.client.GONE:
                _LOG.warning("webhook %s doesn't want %s: 410", self._webhook.origin, delivery.id)
        else:
            self._put_off(delivery, why=f"status {status}")
        return True

    def _put_off(self, delivery: Delivery, *, why: str) -> None:
        pause = pause_after(delivery.attempts, first=self._retry_seconds)
        with self._database.write() as connection:
            deliveries.put_off(connection, delivery, until=time.time() + pause)
        _LOG.warning("webhook %s: %s for %s, again in %.0f s", self._webhook.origin, why, delivery.id, pause)


def pause_after(attempts: int, *, first: float) -> float:
    """Seconds until the next attempt when ``attempts`` failed before this one: twice as long each time, less up to a half.

    The random part keeps deliveries that failed together from coming together again.
    """
    longest = min(first * 2.0 ** min(attempts, 60), _LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def sign(secret: bytes, *, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``: ``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64."""
    digest = hmac.new(secret, f"{delivery_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def post(webhook: Webhook, delivery: Delivery, *, timestamp: int) -> int:
    """Sends a delivery; gives the status of the answer, whose body isn't read.

    ``OSError`` or ``HTTPException`` when there is none; each step may take ten seconds.
    """
    parts = urlsplit(webhook.url)
    body = delivery.body.encode()
    headers = {
        "content-type": "application/json",
        "user-agent": f"ftops/{__version__}",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(webhook.secret, delivery_id=delivery.id, timestamp=timestamp, body=body),
    }
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)


def _subscriptions(webhooks: Sequence[Webhook]) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(webhook=each.id, event=EventType(event), project=each.project)
        for each in webhooks
        for event in sorted(each.events)
    )
