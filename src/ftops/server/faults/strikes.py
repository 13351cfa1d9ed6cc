"""Carries a fault out on one request.

Owns what the client gets to see of each kind, and whether the request takes effect. ``rest`` is what stands behind the rule:
the rules that follow it, and at last the routes.
"""

import asyncio
import http
import math
from typing import assert_never

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ftops.server import wire
from ftops.server.errors import ApiError, internal_error
from ftops.server.faults.bodies import discard, recorded
from ftops.server.faults.connection import hang_up
from ftops.server.faults.rules import Cut, Delay, DenyTraining, Drop, Duplicate, Lag, Retire, Status, Throttle
from ftops.server.faults.tally import Turn
from ftops.server.faults.visibility import hide_what_is_created


async def strike(turn: Turn, rest: ASGIApp, scope: Scope, receive: Receive, send: Send, *, most_bytes: int) -> None:
    """Answers a request, or doesn't, as the rule says; bodies that must be kept may have ``most_bytes``."""
    fault = turn.tally.rule.fault
    if isinstance(fault, Lag):
        # Whether it strikes shows when something has been created.
        await rest(hide_what_is_created(scope, turn, seconds=fault.seconds), receive, send)
        return
    turn.strike()
    match fault:
        case Drop(is_after=is_after):
            await _drop(rest, scope, receive, is_after=is_after)
        case Status():
            if fault.is_after:
                await rest(scope, receive, discard)
            await wire.respond_error(_error(fault))(scope, receive, send)
        case Delay():
            await _delay(fault, rest, scope, receive, send, most_bytes=most_bytes)
        case Duplicate():
            await _duplicate(rest, scope, receive, send, most_bytes=most_bytes)
        case Cut():
            await rest(scope, receive, _Scissors(fault, scope, send))
        case Throttle():
            await _throttle(fault.retry_after or turn.tally.seconds_to_room(), scope, receive, send)
        case DenyTraining():
            await wire.respond_error(_training_denied())(scope, receive, send)
        case Retire():
            raise TypeError("a retired model is refused where models are looked up")
        case unknown:
            assert_never(unknown)


async def _drop(rest: ASGIApp, scope: Scope, receive: Receive, *, is_after: bool) -> None:
    try:
        if is_after:
            await rest(scope, receive, discard)
    finally:
        await hang_up(scope)


async def _delay(fault: Delay, rest: ASGIApp, scope: Scope, receive: Receive, send: Send, *, most_bytes: int) -> None:
    if not fault.is_after:
        # A request that waits in a queue is carried out even when the client has lost patience meanwhile.
        async with recorded(receive, most=most_bytes) as replay:
            await _sleep(fault.seconds, scope)
            await rest(scope, replay(), send)
        return
    has_slept = False

    async def send_late(message: Message) -> None:
        nonlocal has_slept
        if not has_slept:
            has_slept = True
            await _sleep(fault.seconds, scope)
        await send(message)

    await rest(scope, receive, send_late)


async def _sleep(seconds: float, scope: Scope) -> None:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError as error:
        # The server ends, and waits no longer: to the client it is gone.
        await hang_up(scope)
        raise ClientDisconnect from error


async def _duplicate(rest: ASGIApp, scope: Scope, receive: Receive, send: Send, *, most_bytes: int) -> None:
    last: Message | None = None

    async def hold_last_back(message: Message) -> None:
        nonlocal last
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            last = message
        else:
            await send(message)

    async with recorded(receive, most=most_bytes) as replay:
        # Who has the answer may rely on it that everything has happened: its end waits for the second time.
        try:
            await rest({**scope}, replay(), hold_last_back)
            await rest({**scope}, replay(), discard)
        finally:
            if last is not None:
                await send(last)


async def _throttle(seconds: float, scope: Scope, receive: Receive, send: Send) -> None:
    error = ApiError(
        f"Rate limit reached for requests. Please try again in {seconds:.3g}s.",
        status=429,
        kind="requests",
        code="rate_limit_exceeded",
    )
    response = wire.respond_error(error)
    # Whole seconds, as RFC 9110 has it, and beside it what OpenAI's SDKs read first.
    response.headers["retry-after"] = str(math.ceil(seconds))
    response.headers["retry-after-ms"] = str(math.ceil(seconds * 1000))
    await response(scope, receive, send)


def _error(fault: Status) -> ApiError:
    is_ours = fault.status >= 500
    message = internal_error().message if is_ours else _phrase(fault.status)
    return ApiError(
        fault.message or message,
        status=fault.status,
        kind=fault.kind or ("server_error" if is_ours else "invalid_request_error"),
        code=fault.code,
    )


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "The request could not be served."


def _training_denied() -> ApiError:
    return ApiError(
        "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new fine-tuning "
        "training jobs.",
        status=403,
        code="training_not_available",
    )


class _Scissors:
    """A ``send`` that cuts a body off and hangs up; what comes after the cut is dropped.

    Where an answer doesn't say its length, as a stream of events, a part of it is known at its end only: it is kept till then.
    """

    def __init__(self, fault: Cut, scope: Scope, send: Send) -> None:
        self._part = fault.part
        self._left = fault.size
        self._kept: list[bytes] = []
        self._scope = scope
        self._send = send
        self._is_cut = False

    async def __call__(self, message: Message) -> None:
        if self._is_cut:
            return
        if message["type"] == "http.response.start":
            length = Headers(raw=message["headers"]).get("content-length")
            if self._part is not None and length is not None:
                self._left = int(int(length) * self._part)
            await self._send(message)
            return
        piece, is_last = message.get("body", b""), not message.get("more_body", False)
        if self._left is None and self._part is not None:
            self._kept.append(piece)
            if not is_last:
                return
            piece = b"".join(self._kept)
            self._left = int(len(piece) * self._part)
        await self._pass(piece, is_last=is_last)

    async def _pass(self, piece: bytes, *, is_last: bool) -> None:
        left = self._left or 0
        self._left = left - len(piece)
        # Never the last piece as far as the protocol knows: it would end the body properly.
        await self._send({"type": "http.response.body", "body": piece[:left], "more_body": True})
        if self._left <= 0 or is_last:
            self._is_cut = True
            await hang_up(self._scope)
