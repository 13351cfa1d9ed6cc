"""Hides new objects for a while, as a store does whose replicas lag: the fault ``lag``.

Stands right before the routes, so that every way of creating an object passes it. A hidden object's id is exchanged for one
that doesn't exist: each route then says in its own words that there is none. Lists skip it and fill the page with those that
follow.
"""

import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ftops.server.faults.bodies import Answer, ask

_SCOPE_KEY = "ftops.lag"
_ALPHABET = string.ascii_letters + string.digits


def hide_what_is_created(scope: Scope, seconds: float) -> Scope:
    """The request, marked: what it creates is hidden for so long."""
    return {**scope, _SCOPE_KEY: seconds}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Hidden:
    """``collection`` is the path it was created at, where its kind is listed; ``until`` in monotonic seconds."""

    collection: str
    until: float


class Visibility:
    """An ASGI application around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._hidden: dict[str, _Hidden] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        seconds = scope.get(_SCOPE_KEY)
        hidden = self._still_hidden()
        if hidden:
            scope, send = _pretend(scope, send, hidden)
            if scope["method"] == "GET" and any(each.collection == scope["path"] for each in hidden.values()):
                await self._list(scope, receive, send, hidden)
                return
        if seconds is None:
            await self._app(scope, receive, send)
            return
        answer = await ask(self._app, scope, receive)
        self._hide(answer, scope["path"], seconds)
        await answer.send(send)

    def _still_hidden(self) -> Mapping[str, _Hidden]:
        if self._hidden:
            now = time.monotonic()
            self._hidden = {name: each for name, each in self._hidden.items() if each.until > now}
        return self._hidden

    def _hide(self, answer: Answer, path: str, seconds: float) -> None:
        made = answer.json() if answer.status < 300 else None
        made_id = made.get("id") if isinstance(made, dict) else None
        # What the path names was there before: cancelling a job creates none.
        if isinstance(made_id, str) and made_id not in path.split("/"):
            self._hidden = {**self._hidden, made_id: _Hidden(collection=path, until=time.monotonic() + seconds)}

    async def _list(self, scope: Scope, receive: Receive, send: Send, hidden: Mapping[str, _Hidden]) -> None:
        answer = await ask(self._app, scope, receive)
        first = answer.json()
        if answer.status != 200 or not _is_list(first):
            await answer.send(send)
            return
        page, shown = first, _shown(first, hidden)
        size = len(page["data"])
        # One more than the page holds tells whether another page follows.
        while page.get("has_more") and page["data"] and len(shown) <= size:
            following = {**scope, "query_string": _after(scope["query_string"], page["data"][-1]["id"])}
            page = (await ask(self._app, following, receive)).json()
            if not _is_list(page):
                break
            shown += _shown(page, hidden)
        body = {**first, "data": shown[:size]}
        if "has_more" in first:
            body["has_more"] = len(shown) > size
        if "first_id" in first:
            body["first_id"] = shown[0]["id"] if shown else None
            body["last_id"] = shown[:size][-1]["id"] if shown else None
        await answer.send(send, body=msgspec.json.encode(body))


def _pretend(scope: Scope, send: Send, hidden: Mapping[str, _Hidden]) -> tuple[Scope, Send]:
    """The request with ids that don't exist for the hidden ones it names, and a ``send`` that puts the real ones back."""
    named = [part for part in scope["path"].split("/") if part in hidden]
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    named += [value for name, value in query if name == "after" and value in hidden]
    if not named:
        return scope, send
    false = {name: _like(name) for name in named}
    path = "/".join(false.get(part, part) for part in scope["path"].split("/"))
    pairs = [(name, false.get(value, value)) if name == "after" else (name, value) for name, value in query]
    pretended = {**scope, "path": path, "raw_path": path.encode(), "query_string": urlencode(pairs).encode()}

    async def send_real(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            for real, stand_in in false.items():
                body = body.replace(stand_in.encode(), real.encode())
            message = {**message, "body": body}
        await send(message)

    return pretended, send_real


def _like(name: str) -> str:
    """A name of the same form and length: the answer that quotes it keeps its length when the real one is put back."""
    start = max(name.rfind("-"), name.rfind("_")) + 1
    return name[:start] + "".join(secrets.choice(_ALPHABET) for _ in name[start:])


def _is_list(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("data"), list)


def _shown(page: Mapping[str, Any], hidden: Mapping[str, _Hidden]) -> list[Any]:
    return [item for item in page["data"] if item.get("id") not in hidden]


def _after(query: bytes, last_id: str) -> bytes:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return urlencode([*(pair for pair in pairs if pair[0] != "after"), ("after", last_id)]).encode()
