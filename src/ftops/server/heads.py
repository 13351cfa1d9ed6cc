"""Bounds the heads of requests: how long they may be, and how long they may take.

uvicorn's faster protocol, on httptools, takes a head of any length, at a cost that grows with its square, and waits for its
end for ever; neither needs a key. The slower one, on h11, has a bound of its own for the length.
"""

import asyncio

_MOST_BYTES = 64 * 1024
_MOST_SECONDS = 60.0


def with_bounded_heads(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """One of uvicorn's HTTP protocols, with the bounds. Beyond them the connection is closed."""
    return type("BoundedHeadsProtocol", (_BoundsHeads, protocol), {})


class _BoundsHeads(asyncio.Protocol):
    """Put before a protocol of uvicorn's. A request whose head comes in one piece, as most do, starts no clock."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._is_in_head = False
        self._size = 0
        self._transport = transport
        self._clock: asyncio.TimerHandle | None = None
        self._start_clock()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head:
            self._stop_clock()
            return
        self._size += len(data)
        if self._size > _MOST_BYTES:
            self.send_400_response("The head of the request is too long.")  # type: ignore[attr-defined]
        elif self._clock is None:
            self._start_clock()

    def on_message_begin(self) -> None:
        """Called by httptools' parser at a request's first byte."""
        self._is_in_head = True
        self._size = 0
        super().on_message_begin()  # type: ignore[misc]

    def on_headers_complete(self) -> None:
        """Called by httptools' parser at the end of a request's head."""
        self._is_in_head = False
        super().on_headers_complete()  # type: ignore[misc]

    def _start_clock(self) -> None:
        self._clock = asyncio.get_running_loop().call_later(_MOST_SECONDS, self._transport.close)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
