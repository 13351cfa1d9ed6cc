"""Who asks: the organisation and the project that a request's key belongs to.

Owns the bearer keys and OpenAI's words for those that are missing or wrong. A project sees what it made and nothing else:
every route asks ``project_of``, and storage looks only among that project's rows. Keys are kept as digests, and shown nowhere.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from ftops.server.errors import ApiError
from ftops.server.settings import DEFAULT_PROJECT, ProjectKey

PROJECT_KEY = "ftops.project"
"""Where a request's scope has its project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What owns files, jobs and models. ``id`` is unique on a server; an organisation may have several."""

    organization: str
    id: str


class Access:
    """Tells the project of a request. Without keys everybody is let into the default project."""

    def __init__(self, keys: tuple[ProjectKey, ...], *, organization: str) -> None:
        self.default = Project(organization=organization, id=DEFAULT_PROJECT)
        # Looking digests up tells an attacker who measures times nothing about the keys themselves.
        self._projects: Mapping[bytes, Project] = {
            _digest(each.key): Project(organization=each.organization or organization, id=each.project) for each in keys
        }

    @property
    def has_keys(self) -> bool:
        """Whether a key is demanded."""
        return bool(self._projects)

    def project(self, headers: Headers) -> Project:
        """The project that a request acts for; ``ApiError`` 401 when its key opens none."""
        if not self._projects:
            return self.default  # whatever organisation a client's environment names: it is meant for OpenAI
        given = _bearer(headers.getlist("authorization"))
        project = self._projects.get(_digest(given))
        if project is None:
            raise _wrong_key(given)
        _check_named(headers, project)
        return project


def place(scope: Scope, project: Project) -> None:
    """Leaves the project with a request, for ``project_of``."""
    scope[PROJECT_KEY] = project


def project_of(request: Request) -> Project:
    """The project that a request acts for; the gate has found it."""
    project = request.scope[PROJECT_KEY]
    if not isinstance(project, Project):
        raise TypeError("the gate has left no project")
    return project


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _bearer(authorizations: Sequence[str]) -> str:
    if len(authorizations) > 1:  # a proxy may have looked at another one than we would
        raise ApiError("You provided more than one Authorization header.", status=401, code="invalid_api_key")
    kind, _, given = "".join(authorizations).partition(" ")
    given = given.strip()
    if kind.lower() != "bearer" or not given:
        raise ApiError(
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            "auth (i.e. Authorization: Bearer YOUR_KEY).",
            status=401,
            code="invalid_api_key",
        )
    return given


def _wrong_key(given: str) -> ApiError:
    # Enough to tell one's keys apart, too little to try the rest.
    masked = f"{given[:3]}***{given[-2:]}" if len(given) >= 20 and given.isascii() else "***"
    return ApiError(f"Incorrect API key provided: {masked}.", status=401, code="invalid_api_key")


def _check_named(headers: Headers, project: Project) -> None:
    """Clients may name the organisation and the project that they mean; both have to be the key's own."""
    for header, own, code in (
        ("OpenAI-Organization", project.organization, "mismatched_organization"),
        ("OpenAI-Project", project.id, "mismatched_project"),
    ):
        if any(named and named != own for named in headers.getlist(header)):
            raise ApiError(f"{header} header should match {header[7:].lower()} for API key", status=401, code=code)
