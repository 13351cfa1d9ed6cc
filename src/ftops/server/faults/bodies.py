"""Keeps what passes by: a request's body, to be read again, and an answer, to be looked at before it goes out.

Bodies may be uploads of hundreds of megabytes: beyond one they wait in a temporary file.
"""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import IO, Any

import msgspec
from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ftops.server.errors import too_large
from ftops.server.settings import MEGABYTE

_CHUNK = 256 * 1024


@contextlib.asynccontextmanager
async def recorded(receive: Receive, *, most: int) -> AsyncIterator[Callable[[], Receive]]:
    """Reads a whole request; what it gives makes a ``receive`` that tells the request from its beginning.

    ``ApiError`` 413 beyond ``most`` bytes, ``ClientDisconnect`` when the client went away before the end.
    """
    with tempfile.SpooledTemporaryFile(max_size=MEGABYTE) as spool:
        size = await _fill(spool, receive, most=most)
        yield lambda: _replay(spool, size, receive)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole answer."""

    start: Message
    body: bytes

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return int(self.start["status"])

    def json(self) -> Any:
        """Its body, decoded; None when it isn't JSON."""
        if not Headers(raw=self.start["headers"]).get("content-type", "").startswith("application/json"):
            return None
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None

    async def send(self, send: Send, *, body: bytes | None = None) -> None:
        """Sends it, with another body if one is given."""
        sent = self.body if body is None else body
        start = {**self.start, "headers": list(self.start["headers"])}
        if body is not None:
            MutableHeaders(scope=start)["content-length"] = str(len(sent))
        await send(start)
        await send({"type": "http.response.body", "body": sent, "more_body": False})


async def ask(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """What the application answers; only for routes whose answers are small."""
    start: Message | None = None
    pieces: list[bytes] = []

    async def keep(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        else:
            pieces.append(message.get("body", b""))

    # Starlette writes into the scope which route it found: every call has its own.
    await app({**scope}, receive, keep)
    if start is None:
        raise ClientDisconnect
    return Answer(start=start, body=b"".join(pieces))


async def discard(_: Message) -> None:
    """A ``send`` that sends nothing."""


async def _fill(spool: IO[bytes], receive: Receive, *, most: int) -> int:
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            raise too_large(limit=most)
        await to_thread.run_sync(spool.write, piece)
        if not message.get("more_body", False):
            return size


def _replay(spool: IO[bytes], size: int, receive: Receive) -> Receive:
    told, is_over = 0, False

    def read() -> bytes:
        spool.seek(told)
        return spool.read(_CHUNK)

    async def again() -> Message:
        nonlocal told, is_over
        if is_over:
            return await receive()  # which tells when the client goes away
        piece = await to_thread.run_sync(read)
        told += len(piece)
        is_over = told >= size
        return {"type": "http.request", "body": piece, "more_body": not is_over}

    return again
