"""One bounded GET of a few kilobytes: what a host answers, or why it doesn't.

Owns no protocol beyond HTTP: no redirect is followed, no body larger than a megabyte is read, and a proxy is used as Python's
own rules say, but never to this machine itself.
"""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any, Final

from ftops.adapters.backend_address import is_loopback

_BODY_LIMIT: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back. ``date`` is the host's own time, ``at`` ours when it came (both UTC)."""

    status: int
    body: bytes
    date: datetime | None
    at: datetime

    def json(self) -> Any:
        """Gives the body as JSON values, None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered(Exception):
    """No answer came; ``cause`` is what the operating system or TLS said."""

    cause: BaseException

    @property
    def is_name_unknown(self) -> bool:
        """Whether the host's name could not be resolved."""
        return isinstance(self.cause, socket.gaierror)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def ask(url: str, *, headers: Mapping[str, str] | None = None, seconds: float) -> Answer:
    """Sends one GET. Raises Unanswered."""
    proxies = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    opener = urllib.request.build_opener(_NoRedirect(), *proxies)
    request = urllib.request.Request(url, headers={"User-Agent": "ftops", **(headers or {})})  # noqa: S310 - http or https
    try:
        with opener.open(request, timeout=seconds) as answer:
            return _answer(answer.status, answer.headers, answer.read(_BODY_LIMIT))
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.headers, b"")
    except urllib.error.URLError as error:
        cause = error.reason if isinstance(error.reason, BaseException) else error
        raise Unanswered(cause=cause) from error
    except (OSError, ssl.SSLError, http.client.HTTPException, ValueError) as error:
        raise Unanswered(cause=error) from error


def _answer(status: int, headers: Message, body: bytes) -> Answer:
    return Answer(status=status, body=body, date=_moment(headers.get("Date")), at=datetime.now(UTC))


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
