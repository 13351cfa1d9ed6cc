"""Hides new objects for a while, as a store does whose replicas lag: the fault ``lag``.

Stands right before the routes, so that every way of creating an object passes it. A hidden object's id is exchanged for one
that doesn't exist: each route then says in its own words that there is none. Lists skip it and fill the page with those that
follow. Objects are hidden that a client can look up; what the server makes later of its own accord, as a job's model, is not.
"""

import secrets
import string
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ftops.server.faults.bodies import Answer, ask
from ftops.server.faults.rules import CREATIONS
from ftops.server.faults.tally import Turn

_SCOPE_KEY = "ftops.lag"
_ALPHABET = string.ascii_letters + string.digits
# Where each kind of object is listed, or would be: uploads have no list.
_COLLECTIONS: Final[Mapping[str, str]] = {
    "file": "/v1/files",
    "upload": "/v1/uploads",
    "fine_tuning.job": "/v1/fine_tuning/jobs",
    "batch": "/v1/batches",
}


def hide_what_is_created(scope: Scope, turn: Turn, *, seconds: float) -> Scope:
    """The request, marked: what it creates is hidden for so long, and the turn strikes if it creates anything.

    Of several marks the longest holds.
    """
    return {**scope, _SCOPE_KEY: (*scope.get(_SCOPE_KEY, ()), _Mark(turn=turn, seconds=seconds))}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    turn: Turn
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Hidden:
    """``collection`` is the path where its kind is listed; ``until`` in monotonic seconds."""

    collection: str
    until: float


class Visibility:
    """An ASGI application around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._hidden: dict[str, _Hidden] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        marks = scope.get(_SCOPE_KEY, ()) if _creates(scope) else ()
        hidden = self._still_hidden()
        if hidden:
            scope, send = _pretend(scope, send, hidden)
            if scope["method"] == "GET" and any(each.collection == scope["path"] for each in hidden.values()):
                await self._list(scope, receive, send, hidden)
                return
        if not marks:
            await self._app(scope, receive, send)
            return
        answer = await ask(self._app, scope, receive)
        self._hide(answer, scope["path"], marks)
        await answer.send(send)

    def _still_hidden(self) -> Mapping[str, _Hidden]:
        if self._hidden:
            now = time.monotonic()
            self._hidden = {name: each for name, each in self._hidden.items() if each.until > now}
        return self._hidden

    def _hide(self, answer: Answer, path: str, marks: tuple[_Mark, ...]) -> None:
        told = answer.json() if answer.status < 300 else None
        # What the path names was there before: completing an upload creates its file alone.
        made = {name: place for name, place in _objects(told) if name not in path.split("/")}
        if not made:
            return
        until = time.monotonic() + max(each.seconds for each in marks)
        self._hidden = {**self._hidden, **{name: _Hidden(collection=made[name], until=until) for name in made}}
        for each in marks:
            each.turn.strike()

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


def _creates(scope: Scope) -> bool:
    return any(each.fits(scope["method"], scope["path"]) for each in CREATIONS)


def _objects(told: Any) -> Iterator[tuple[str, str]]:
    """The ids of the object that an answer tells of and of its file, as an upload has one, with the paths that list them."""
    if not isinstance(told, dict):
        return
    for each in (told, told.get("file")):
        if isinstance(each, dict) and each.get("object") in _COLLECTIONS:
            yield each["id"], _COLLECTIONS[each["object"]]


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
