"""Hangs up: closes a client's connection without an answer, or in the middle of one.

Owns the way from the application, which ASGI keeps away from sockets, to uvicorn's transport: a protocol of ours leaves it in
the scope's extensions. Works the same for both of uvicorn's HTTP protocols.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

_EXTENSION = "ftops.hang_up"


async def hang_up(scope: Scope) -> None:
    """Closes the connection after what has been sent so far, and returns when it is closed."""
    close = scope.get("extensions", {}).get(_EXTENSION)
    if close is None:
        raise RuntimeError("no connection can be closed here: serve with hang_up_protocol()")
    await cast("Callable[[], Awaitable[None]]", close)()


def hang_up_protocol() -> type[asyncio.Protocol]:
    """The HTTP protocol that uvicorn would choose, with ``hang_up`` for every request."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    return type("HangUpProtocol", (_HangsUp, AutoHTTPProtocol), {})


class _HangsUp(asyncio.Protocol):
    """Put before a protocol of uvicorn's, which calls ``app`` for each request."""

    app: ASGIApp

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._is_lost = asyncio.Event()
        inner = self.app

        async def close() -> None:
            # Not abort(): what stands in the buffer is to reach the client, when an answer is cut.
            transport.close()
            await self._is_lost.wait()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_EXTENSION] = close
            await inner(scope, receive, send)

        self.app = app

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._is_lost.set()
