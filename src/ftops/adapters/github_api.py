"""Calls of GitHub's REST API: where they go, what they carry, how often they are tried, what its errors mean.

Owns the rules of who gets the token: GITHUB_TOKEN goes to GITHUB_API_URL only, over https, or to this machine. No redirect is
followed. Calls that may be repeated are, and every wait is bounded. It knows no comments.
Sources: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api (waiting) and
https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api (statuses).
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from ftops.adapters.backend_address import is_loopback
from ftops.domain.foreign_text import quoted, visible
from ftops.errors import HostAnswerLost, HostError, HostForbidden, HostNotFound, MissingKey, UsageProblem
from ftops.version import __version__

if TYPE_CHECKING:
    import httpx2

API_URL: Final = "https://api.github.com"
_TRIES: Final = 4
_LONGEST_WAIT: Final = 60.0  # seconds; who asks for more is not waited for
_CONNECT, _READ = 10.0, 30.0
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_REPOSITORY: Final = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9_.-]{1,100}/(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}")
_REMEDY_403: Final = (
    "give the job the permission pull-requests: write; a pull request from a fork never has it: --summary-only there"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Where GitHub's API is, and the token that it gets."""

    url: str
    token: str = field(repr=False)


def access_of(environ: Mapping[str, str]) -> Access:
    """Gives the API's address and the token of the environment. Raises MissingKey, and UsageProblem for an unfit address."""
    url = (environ.get("GITHUB_API_URL") or API_URL).rstrip("/")
    if not _is_fit(url):
        raise UsageProblem(f"GITHUB_API_URL is {quoted(url, limit=200)}", remedy="use an https address")
    token = environ.get("GITHUB_TOKEN", "")
    if not token:
        raise MissingKey(
            "GITHUB_TOKEN is not set, so there is nobody to comment as",
            remedy="give the step env: {GITHUB_TOKEN: ${{ github.token }}}, or use --summary-only",
        )
    if not _TOKEN.fullmatch(token):
        raise MissingKey(
            "GITHUB_TOKEN holds what no token holds", remedy="look for spaces, quotes and line breaks in it"
        )
    return Access(url=url, token=token)


def _is_fit(url: str) -> bool:
    if visible(url) != url or " " in url:
        return False
    try:
        parts = urlsplit(url)
        has_more = bool(parts.username or parts.query or parts.fragment or parts.port == 0)
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return is_safe and bool(parts.hostname) and not has_more


def check_repository(name: str) -> str:
    """Gives ``OWNER/NAME`` back. Raises UsageProblem where it is none."""
    if not _REPOSITORY.fullmatch(name):
        raise UsageProblem(f"{quoted(name)} is no repository", remedy="name it as OWNER/NAME")
    return name


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What GitHub answered: a status below 300 and the JSON. ``has_next``: there is another page."""

    data: Any
    has_next: bool = False


def connection(access: Access) -> "httpx2.Client":
    """Gives what makes calls, without a token and following no redirect. Raises HostError where it can't be set up."""
    import httpx2

    try:
        return httpx2.Client(
            headers={"User-Agent": f"ftops/{__version__}"},
            timeout=httpx2.Timeout(_READ, connect=_CONNECT),
            follow_redirects=False,
            trust_env=not is_loopback(access.url),  # a proxy can't reach this machine
        )
    except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
        # What the error says may hold a proxy's password.
        raise HostError(
            "the proxy or the certificates that the environment names can't be used",
            remedy="look at HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
        ) from error


def token_headers(access: Access) -> dict[str, str]:
    """Gives what a call of the API itself carries, and no other one."""
    return {"Authorization": f"Bearer {access.token}", "X-GitHub-Api-Version": "2022-11-28"}


class GitHubApi:
    """Calls the API. Not for several threads at once."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._http = connection(access)
        self._http.headers.update({"Accept": "application/vnd.github+json", **token_headers(access)})

    def __enter__(self) -> Self:
        """Gives itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Gives back connections."""
        self._http.close()

    def call(self, method: str, path: str, *, body: Any = None, query: Mapping[str, str | int] | None = None) -> Reply:
        """Calls ``path`` below the API's address. A POST is never repeated once it may have arrived.

        Raises HostForbidden, HostNotFound, HostAnswerLost (of a POST) and other HostErrors.
        """
        tries = 0
        while True:
            tries += 1
            answer = self._send(method, path, body, query, is_last=tries == _TRIES)
            if answer is not None and answer.status_code < 300:
                return _reply(answer)
            wait = float(2 ** (tries - 1)) if answer is None else _wait(answer, tries)
            if answer is not None and (wait is None or tries == _TRIES):
                raise self._refusal(answer, method)
            if method == "POST" and answer is not None and answer.status_code >= 500:
                raise HostAnswerLost(f"GitHub answered {answer.status_code}")
            time.sleep(wait or 0.0)

    def _send(
        self, method: str, path: str, body: Any, query: Mapping[str, str | int] | None, *, is_last: bool
    ) -> "httpx2.Response | None":
        """Gives the answer, None where there was none and the call may be repeated."""
        import httpx2

        try:
            return self._http.request(method, f"{self._access.url}{path}", json=body, params=query)
        except httpx2.RequestError as error:
            never_arrived = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.UnsupportedProtocol)
            said = f"GitHub can't be reached at {self._access.url}: {self._without_token(error)}"
            if method == "POST" and not never_arrived:
                raise HostAnswerLost(said) from error
            if is_last:
                raise HostError(said, remedy="look at the network, or run it again later") from error
            return None

    def _without_token(self, error: Exception) -> str:
        said = str(error) or type(error).__name__
        return visible(said.replace(self._access.token, "***"))[:300]

    def _refusal(self, answer: "httpx2.Response", method: str) -> HostError:
        status, said = answer.status_code, visible(_message(answer))[:300]
        if status == 401:
            return HostForbidden(
                f"GitHub does not accept the token in GITHUB_TOKEN: {said}",
                status=status,
                remedy="give the step env: {GITHUB_TOKEN: ${{ github.token }}}",
            )
        if status == 429 or _is_throttled(answer):
            return HostError(
                f"GitHub asks to wait longer than {_LONGEST_WAIT:.0f} s: {said}", remedy="run it again later"
            )
        if status == 403:
            what = "read the comments" if method == "GET" else "write the comment"
            return HostForbidden(f"GITHUB_TOKEN may not {what}: {said}", status=status, remedy=_REMEDY_403)
        if status == 404:
            return HostNotFound(f"GitHub knows no such thing, or GITHUB_TOKEN may not see it: {said}")
        if status == 422:
            return HostError(f"GitHub refuses the text: {said}")
        if 300 <= status < 400:
            return HostError(
                f"GitHub answered {status}: the repository has moved", remedy="name it as it is called now"
            )
        return HostError(f"GitHub answered {status}: {said}", remedy="run it again later")


def _reply(answer: "httpx2.Response") -> Reply:
    if answer.status_code == 204:
        return Reply(data=None)
    try:
        return Reply(data=answer.json(), has_next="next" in answer.links)
    except (ValueError, RecursionError) as error:
        raise HostError("GitHub's answer is no JSON", remedy="look at GITHUB_API_URL") from error


def _wait(answer: "httpx2.Response", tries: int) -> float | None:
    """Gives for how many seconds to wait before another try; None where another one would change nothing."""
    if answer.status_code < 500 and answer.status_code != 429 and not _is_throttled(answer):
        return None
    stated = answer.headers.get("Retry-After", "")
    if stated.isascii() and stated.isdigit():
        wait = float(stated)
    else:
        # Who says "too fast" without a time means a minute at least.
        wait = _LONGEST_WAIT if _is_throttled(answer) else float(2 ** (tries - 1))
    return wait if wait <= _LONGEST_WAIT else None


def _is_throttled(answer: "httpx2.Response") -> bool:
    """Whether a 403 says that calls came too fast, as GitHub's secondary limits do, at times in words alone."""
    if answer.status_code != 403:
        return False
    is_spent = answer.headers.get("X-RateLimit-Remaining") == "0"
    return "Retry-After" in answer.headers or is_spent or "rate limit" in _message(answer).lower()


def _message(answer: "httpx2.Response") -> str:
    try:
        data = answer.json()
    except (ValueError, RecursionError):
        return f"status {answer.status_code}"
    if not isinstance(data, dict):
        return f"status {answer.status_code}"
    errors = data.get("errors")
    details = (
        [str(one["message"]) for one in errors if isinstance(one, dict) and "message" in one]
        if isinstance(errors, list)
        else []
    )
    return ": ".join([str(data.get("message", "")), *details])
