"""A local server that behaves as GitHub's REST API does, as far as ftops calls it.

Comments of issues and pull requests with users, pages and GitHub's limit; who a token belongs to; the pull requests of a
commit. ``routes`` takes more. ``refuse`` makes the next calls fail; ``requests`` holds what was asked. Sources:
https://docs.github.com/rest/issues/comments, https://docs.github.com/rest/users/users#get-the-authenticated-user,
https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit and
https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACTIONS_BOT = "github-actions[bot]"
BODY_LIMIT = 65_536  # characters, as the API's message states it
_DENIED = "Resource not accessible by integration"
_REPOSITORY = r"/repos/(?P<repository>[^/]+/[^/]+)"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose token it is. An installation's token (an app's, as GITHUB_TOKEN is) has a bot's name and may not ask for it."""

    login: str
    is_installation: bool = False
    may_write: bool = True


@dataclass(frozen=True, kw_only=True)
class Request:
    """A call as it arrived. ``token`` is what came after ``Bearer``, None without one."""

    method: str
    path: str
    query: Mapping[str, str]
    token: str | None
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent back. ``body`` is JSON, or bytes that are sent as they are; None is no content."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Refusal:
    """The next ``times`` calls of a method and path fail. ``is_late``: they take effect first, and the answer is lost."""

    answer: Answer | None
    method: str = "GET|POST|PATCH|DELETE"
    path: str = ".*"
    times: int = 1
    is_late: bool = False

    def fits(self, request: Request) -> bool:
        return bool(self.times and re.fullmatch(self.method, request.method) and re.fullmatch(self.path, request.path))


@dataclass(kw_only=True)
class Comment:
    """One comment; ``login`` is its author's."""

    id: int
    repository: str
    number: int
    login: str
    body: str
    updates: int = 0


Handler = Callable[["GitHubStandin", Request, Mapping[str, str]], Answer]


def failure(status: int, message: str = "", **headers: str) -> Answer:
    """Gives an error in the API's shape; ``Retry_After="1"`` is the header ``Retry-After``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {
        "message": message or f"status {status}",
        "documentation_url": "https://docs.github.com/rest",
        "status": str(status),
    }
    return Answer(status=status, body=body, headers=named)


class GitHubStandin:
    """What GitHub knows. Tokens, comments and pull requests may be put in from outside; ``address`` is GITHUB_API_URL."""

    def __init__(self, *, address: str = "") -> None:
        self.address = address
        self.tokens: dict[str, Identity] = {}
        self.issues: set[tuple[str, int]] = set()
        self.comments: dict[int, Comment] = {}
        self.pulls_of_commit: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.requests: list[Request] = []
        self.refusals: list[Refusal] = []
        self.before: Callable[[Request], None] = lambda request: None
        self.routes: list[tuple[str, str, Handler]] = [
            ("GET", r"/user", _user),
            ("GET", rf"{_REPOSITORY}/issues/(?P<number>\d+)/comments", _list_comments),
            ("POST", rf"{_REPOSITORY}/issues/(?P<number>\d+)/comments", _create_comment),
            ("GET", rf"{_REPOSITORY}/issues/comments/(?P<id>\d+)", _get_comment),
            ("PATCH", rf"{_REPOSITORY}/issues/comments/(?P<id>\d+)", _update_comment),
            ("DELETE", rf"{_REPOSITORY}/issues/comments/(?P<id>\d+)", _delete_comment),
            ("GET", rf"{_REPOSITORY}/commits/(?P<sha>[0-9a-f]+)/pulls", _pulls_of_commit),
        ]
        # What is answered without a token.
        self.open_routes: list[tuple[str, str, Handler]] = []
        self._ids = itertools.count(1_001)
        self._lock = threading.RLock()

    # What a test puts in.

    def add_token(self, token: str, login: str = ACTIONS_BOT, *, may_write: bool = True) -> str:
        """A bot's name makes it an installation's token."""
        self.tokens[token] = Identity(login=login, is_installation=login.endswith("[bot]"), may_write=may_write)
        return token

    def add_issue(self, repository: str, number: int) -> None:
        self.issues.add((repository, number))

    def add_comment(self, repository: str, number: int, *, login: str, body: str) -> Comment:
        with self._lock:
            comment = Comment(id=next(self._ids), repository=repository, number=number, login=login, body=body)
            self.comments[comment.id] = comment
        return comment

    def add_pull_of_commit(self, repository: str, sha: str, number: int, **others: Any) -> None:
        pull = {
            "number": number,
            "state": "closed",
            "merged_at": "2026-11-21T12:00:00Z",
            "merge_commit_sha": sha,
            "base": {"ref": "main", "repo": {"full_name": repository}},
            "head": {"ref": "change", "sha": sha, "repo": {"full_name": repository}},
            **others,
        }
        self.add_issue(repository, number)
        self.pulls_of_commit.setdefault((repository, sha), []).append(pull)

    def refuse(self, answer: Answer | None, **how: Any) -> None:
        """Makes calls fail from now on; None hangs up without an answer. See ``Refusal``."""
        self.refusals.append(Refusal(answer, **how))

    # What a test looks at.

    def comments_of(self, repository: str, number: int) -> list[Comment]:
        return [c for c in self.comments.values() if (c.repository, c.number) == (repository, number)]

    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.method != "GET"]

    # Answering.

    def answer(self, request: Request) -> Answer | None:
        self.before(request)
        with self._lock:
            self.requests.append(request)
            refusal = next((one for one in self.refusals if one.fits(request)), None)
            if refusal is not None:
                refusal.times -= 1
                if refusal.is_late:
                    self._effect(request)
                return refusal.answer
            return self._effect(request)

    def identity(self, request: Request) -> Identity | None:
        return self.tokens.get(request.token or "")

    def _effect(self, request: Request) -> Answer:
        for method, pattern, handler in self.open_routes:
            if method == request.method and (match := re.fullmatch(pattern, request.path)):
                return handler(self, request, match.groupdict())
        identity = self.identity(request)
        if identity is None:
            return failure(401, "Bad credentials" if request.token else "Requires authentication")
        for method, pattern, handler in self.routes:
            if method == request.method and (match := re.fullmatch(pattern, request.path)):
                if request.method != "GET" and not identity.may_write:
                    return failure(403, _DENIED)
                return handler(self, request, match.groupdict())
        return failure(404, "Not Found")

    def next_id(self) -> int:
        return next(self._ids)


def page_of(standin: GitHubStandin, request: Request, items: list[Any]) -> Answer:
    """One page of a list, with the Link header."""
    size = min(100, max(1, int(request.query.get("per_page", "30"))))
    page = max(1, int(request.query.get("page", "1")))
    last = max(1, -(-len(items) // size))
    others = "".join(f"&{name}={value}" for name, value in request.query.items() if name not in {"page", "per_page"})
    base = f"{standin.address}{request.path}?per_page={size}{others}&page="
    links = {"prev": page - 1, "first": 1} if page > 1 else {}
    links |= {"next": page + 1, "last": last} if page < last else {}
    link = ", ".join(f'<{base}{number}>; rel="{name}"' for name, number in links.items())
    return Answer(body=items[(page - 1) * size : page * size], headers={"Link": link} if link else {})


def _user(standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
    identity = standin.identity(request)
    assert identity is not None
    if identity.is_installation:
        return failure(403, _DENIED)
    return Answer(body=_author(identity.login))


def _list_comments(standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
    key = (found["repository"], int(found["number"]))
    if key not in standin.issues:
        return failure(404, "Not Found")
    comments = sorted(standin.comments_of(*key), key=lambda comment: comment.id)
    return page_of(standin, request, [_comment_json(standin, comment) for comment in comments])


def _create_comment(standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
    key = (found["repository"], int(found["number"]))
    identity = standin.identity(request)
    if key not in standin.issues or identity is None:
        return failure(404, "Not Found")
    if (wrong := _wrong_body(request)) is not None:
        return wrong
    comment = standin.add_comment(*key, login=identity.login, body=request.body["body"])
    return Answer(status=201, body=_comment_json(standin, comment))


def _get_comment(standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
    comment = standin.comments.get(int(found["id"]))
    return failure(404, "Not Found") if comment is None else Answer(body=_comment_json(standin, comment))


def _update_comment(standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
    comment = standin.comments.get(int(found["id"]))
    if comment is None or comment.repository != found["repository"]:
        return failure(404, "Not Found")
    if (wrong := _wrong_body(request)) is not None:
        return wrong
    comment.body = request.body["body"]
    comment.updates += 1
    return Answer(body=_comment_json(standin, comment))


def _delete_comment(standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
    comment = standin.comments.get(int(found["id"]))
    if comment is None or comment.repository != found["repository"]:
        return failure(404, "Not Found")
    del standin.comments[comment.id]
    return Answer(status=204)


def _pulls_of_commit(standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
    return page_of(standin, request, standin.pulls_of_commit.get((found["repository"], found["sha"]), []))


def _wrong_body(request: Request) -> Answer | None:
    body = request.body.get("body") if isinstance(request.body, dict) else None
    if isinstance(body, str) and 0 < len(body) <= BODY_LIMIT:
        return None
    says = f"Body is too long (maximum is {BODY_LIMIT} characters)" if body else "Body can't be blank"
    answer = failure(422, "Validation Failed")
    errors = [{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": says}]
    return Answer(status=422, body={**answer.body, "errors": errors})


def _comment_json(standin: GitHubStandin, comment: Comment) -> dict[str, Any]:
    api = f"{standin.address}/repos/{comment.repository}"
    page = f"https://github.com/{comment.repository}/pull/{comment.number}"
    return {
        "id": comment.id,
        "url": f"{api}/issues/comments/{comment.id}",
        "html_url": f"{page}#issuecomment-{comment.id}",
        "issue_url": f"{api}/issues/{comment.number}",
        "user": _author(comment.login),
        "body": comment.body,
    }


def _author(login: str) -> dict[str, Any]:
    return {"login": login, "id": sum(map(ord, login)), "type": "Bot" if login.endswith("[bot]") else "User"}


@contextmanager
def github_standin() -> Iterator[GitHubStandin]:
    """Serves one on a free port of loopback until the block ends."""
    standin = GitHubStandin()

    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

        def _serve(self) -> None:
            answer = standin.answer(self._request())
            if answer is None:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else b""
            if answer.body is not None and not isinstance(answer.body, bytes):
                content = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("X-GitHub-Request-Id", f"0:0:{int(time.time())}")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _request(self) -> Request:
            url = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
            return Request(
                method=self.command,
                path=url.path,
                query={name: values[-1] for name, values in parse_qs(url.query).items()},
                token=token if scheme.lower() in {"bearer", "token"} and token else None,
                body=json.loads(content) if content else None,
                headers=dict(self.headers.items()),
            )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connection)
    server.daemon_threads = True
    standin.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield standin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
