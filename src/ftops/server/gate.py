"""Stands before every request: who may come in, what every answer bears, and what is logged.

Owns the checks that keep web pages away from a server without a key, the answer's standard headers, the access log, and the
bare 500 for faults of ours, or 507 for a full disk. Whose key it is, ``access`` tells. Logs neither bodies nor query strings
nor keys.
"""

import asyncio
import datetime as dt
import ipaddress
import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ftops.server import ids, wire
from ftops.server.access import PROJECT_KEY, Access, Project, place
from ftops.server.errors import ApiError, answer_to, place_of
from ftops.server.settings import Settings

_LOG = logging.getLogger(__name__)
ACCESS_LOG = logging.getLogger("ftops.server.access")

_API_VERSION = b"2020-10-01"
_OPEN_PATH = "/healthz"
_HEADERS = "ftops.headers"


class Gate:
    """An ASGI application around the one that has the routes."""

    def __init__(self, app: ASGIApp, *, settings: Settings, access: Access) -> None:
        self._app = app
        self._access = access
        self._only_loopback = settings.is_loopback and not access.has_keys
        self._logs_access = settings.logs_access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; other scopes there are none."""
        began = time.perf_counter()
        request_id = ids.new_request_id()
        status = 0
        project = self._access.default

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                milliseconds = round((time.perf_counter() - began) * 1000)
                message["headers"] = [
                    *message["headers"],
                    *_headers(scope, request_id, project),
                    (b"openai-processing-ms", b"%d" % milliseconds),
                ]
            await send(message)

        try:
            project = self._admit(scope)
            place(scope, project)
            scope.setdefault("state", {})["request_id"] = request_id
            await self._app(scope, receive, send_with_headers)
        except ApiError as refusal:
            await wire.respond_error(refusal)(scope, receive, send_with_headers)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except asyncio.CancelledError:
            # The server ends, and has waited for this request as long as it waits. Raised on, it would be shown as a fault.
            if status == 0:
                await wire.respond_error(_ending())(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - the boundary: no fault of ours may end the server or show a traceback
            _LOG.error("%s: %s", request_id, place_of(error))
            if status == 0:
                await wire.respond_error(answer_to(error))(scope, receive, send_with_headers)
        if self._logs_access:
            _log_access(scope, status, began, request_id)

    def _admit(self, scope: Scope) -> Project:
        """The project that a request acts for; ``ApiError`` when it isn't let in."""
        headers = Headers(scope=scope)
        if self._only_loopback:
            # A web page can make its visitor's browser call a loopback address: by a name of its own that resolves
            # to it (then Host tells), or across origins (then Origin does).
            origin = headers.get("origin")
            if not _is_loopback_url(f"//{headers.get('host', '')}") or (origin and not _is_loopback_url(origin)):
                raise ApiError("This server answers to loopback names only.", status=403, code="forbidden_host")
        return self._access.default if scope["path"] == _OPEN_PATH else self._access.project(headers)


def tell_with_answer(request: Request, headers: Mapping[str, str]) -> None:
    """Has the answer to a request bear these headers, whatever it will be."""
    request.scope["state"][_HEADERS] = [(name.encode(), value.encode()) for name, value in headers.items()]


def is_loopback(host: str) -> bool:
    """Whether an address or name reaches this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=64)
def _is_loopback_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    # Neither header holds a user's name: what looks like one is there to mislead whoever reads it otherwise.
    return host is not None and "@" not in parts.netloc and is_loopback(host)


def _headers(scope: Scope, request_id: str, project: Project) -> list[tuple[bytes, bytes]]:
    return [
        *scope.get("state", {}).get(_HEADERS, ()),
        (b"x-request-id", request_id.encode()),
        (b"openai-version", _API_VERSION),
        (b"openai-organization", project.organization.encode()),
    ]


def _ending() -> ApiError:
    return ApiError("The server is shutting down.", status=503, kind="server_error")


def _log_access(scope: Scope, status: int, began: float, request_id: str) -> None:
    project = scope.get(PROJECT_KEY)
    line = {
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        "project": None if project is None else project.id,  # None: it wasn't let in
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round((time.perf_counter() - began) * 1000, 1),
        "request_id": request_id,
    }
    struck_by = scope.get("state", {}).get("faults")
    if struck_by:
        line["fault"] = ", ".join(struck_by)
    ACCESS_LOG.info(msgspec.json.encode(line).decode())
