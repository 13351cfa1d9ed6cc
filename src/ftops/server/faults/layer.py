"""Stands between the gate and the routes, and sends every request through the rules of the faults file.

Owns their order: as if each rule were a proxy, the first in the file nearest to the client. A request that one of them answers
doesn't reach the next, and one that a rule duplicates reaches it twice. Owns ``GET /faults`` too.
"""

import datetime as dt
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from ftops.server import wire
from ftops.server.faults.book import CURRENT_EXCHANGE, FaultBook
from ftops.server.faults.strikes import strike
from ftops.server.faults.tally import Exchange, Tally
from ftops.server.faults.visibility import Visibility

_REPORT_PATH = "/faults"


class Faults:
    """An ASGI application around the one that has the routes."""

    def __init__(self, app: ASGIApp, *, book: FaultBook, most_bytes: int) -> None:
        """``most_bytes`` is the longest body that is kept, to be carried out twice or later."""
        self._routes = Visibility(app)
        self._book = book
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["path"] == _REPORT_PATH and scope["method"] == "GET":
            await wire.respond(self._book.report())(scope, receive, send)
            return
        exchange = Exchange(request_id=scope["state"]["request_id"])
        scope["state"]["faults"] = exchange.struck_by
        CURRENT_EXCHANGE.set(exchange)
        await self._behind(self._book.tallies(), exchange)(scope, receive, send)

    def _behind(self, tallies: Sequence[Tally], exchange: Exchange) -> ASGIApp:
        """The application that stands behind the rules before these."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            now = dt.datetime.now(dt.UTC)
            for number, tally in enumerate(tallies, start=1):
                fits = tally.rule.fits(scope["method"], scope["path"], now=now)
                turn = tally.take_turn(exchange) if fits else None
                if turn is not None:
                    rest = self._behind(tallies[number:], exchange)
                    with turn:
                        await strike(turn, rest, scope, receive, send, most_bytes=self._most_bytes)
                    return
            await self._routes(scope, receive, send)

        return app
