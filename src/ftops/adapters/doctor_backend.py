"""What the doctor asks a backend: one request without the key, then lists of models and jobs, then what a writer may.

Owns those questions and their bounds. Nothing is created: whether a key may write shows in what becomes of cancelling a job
and deleting a file that don't exist, which a writer is answered with 404 and others with 403.
"""

import errno
import importlib.util
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from ftops.adapters.backend_address import Address, configured_url, resolve_address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.embedded_server import EmbeddedServer
from ftops.adapters.http_questions import Unanswered, ask
from ftops.adapters.trusted_backends import TrustedBackends
from ftops.domain.backend_facts import (
    BackendFacts,
    Connection,
    Jobs,
    KeyFacts,
    Obstacle,
    ServerState,
    key_faults,
)
from ftops.domain.diagnosing_git import Trouble
from ftops.domain.diagnosis import Unknown
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import Backend, JobId
from ftops.errors import BackendError, FtopsError, MissingKey, NotFound, Rejected, Unauthorized, UsageProblem
from ftops.version import __version__

if TYPE_CHECKING:
    from ftops.adapters.openai_backend import OpenAIBackend

T = TypeVar("T")

SECONDS: Final = 5.0
_TIMING: Final = Timing(connect=SECONDS, read=SECONDS, create=SECONDS, send=SECONDS, retries=0)
_NEWEST: Final = 20
_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
_FORBIDDEN: Final = "a key that may write files and fine-tuning jobs; restricted keys are edited where they were made"


def ask_backend(
    backend: Backend, *, project: str, ftops_dir: Path, environ: Mapping[str, str], is_offline: bool
) -> BackendFacts:
    """Finds out about one backend; ``is_offline`` looks at the environment alone."""
    if backend.is_rehearsal:
        state, version = _server(ftops_dir / "embedded")
        return BackendFacts(backend=backend, server=state, server_version=version)
    try:
        url = configured_url(backend, environ)
    except UsageProblem as error:
        return BackendFacts(backend=backend, key=_key(backend, environ, is_openai=False), address=_trouble(error))
    is_from_environment = backend.base_url is None and bool(environ.get("OPENAI_BASE_URL", "").strip())
    key = _key(backend, environ, is_openai=backend.base_url is None and not is_from_environment)
    unasked = Unknown(why="asked for with --offline")
    about = BackendFacts(
        backend=backend,
        key=key,
        url=url,
        is_url_from_environment=is_from_environment,
        connection=unasked,
        models=unasked,
        jobs=unasked,
        writing=unasked,
    )
    address = _address(backend, environ)
    if isinstance(address, Trouble):
        # Nobody knocks at an address that isn't trusted.
        why = Unknown(why="its address can't be used")
        return replace(about, address=address, connection=why, models=why, jobs=why, writing=why)
    if is_offline:
        return about
    connection = _connection(url, environ)
    if isinstance(address, Unknown) or connection.obstacle is not None:
        why = address if isinstance(address, Unknown) else Unknown(why="there is no connection")
        return replace(about, connection=connection, models=why, jobs=why, writing=why)
    return _asked(replace(about, connection=connection), address, project=project)


def _asked(facts: BackendFacts, address: Address, *, project: str) -> BackendFacts:
    from ftops.adapters.openai_backend import OpenAIBackend

    session = OpenAIBackend(address, timing=_TIMING)
    try:
        models = {model.id: model for model in session.models.list_models()}
        facts = replace(facts, models=models)
    except Unauthorized as error:
        facts = replace(facts, models=_refused(error, "a key that may list models"))
        if error.status == 401:
            session.close()
            why = Unknown(why="the key is refused")
            return replace(facts, jobs=why, writing=why)
    except BackendError as error:
        facts = replace(facts, models=_trouble(error))
    try:
        jobs = _told(lambda: _jobs(session, project), "a key that may read fine-tuning jobs")
        return replace(facts, jobs=jobs, writing=_writing(session))
    finally:
        session.close()


def _jobs(session: "OpenAIBackend", project: str) -> Jobs:
    found = session.jobs.list_jobs(metadata={"ftops_project": project}, newest=_NEWEST)
    return Jobs(seen=len(found), organization=next((job.organization for job in found if job.organization), None))


def _told(question: Callable[[], T], wanted: str) -> T | Trouble:
    try:
        return question()
    except Unauthorized as error:
        return _refused(error, wanted)
    except BackendError as error:
        return _trouble(error)


def _refused(error: Unauthorized, wanted: str) -> Trouble:
    return Trouble(message=error.message, remedy=f"set {wanted}", exit_code=error.exit_code)


def _writing(session: "OpenAIBackend") -> Trouble | Unknown | None:
    """Tries two writes that can't take effect, of ids that nobody has."""
    nobody = secrets.token_hex(12)
    tries: tuple[tuple[str, Callable[[], object]], ...] = (
        ("cancel fine-tuning jobs", lambda: session.training.cancel(JobId(f"ftjob-{nobody}"))),
        ("delete files", lambda: session.files.delete(f"file-{nobody}")),
    )
    for what, write in tries:
        try:
            write()
        except Unauthorized as error:
            says = f"the key may read, but not {what}: {error.message}"
            return Trouble(message=says, remedy=_FORBIDDEN, exit_code=error.exit_code)
        except (NotFound, Rejected):
            continue
        except BackendError as error:
            return Unknown(why=error.message, is_trouble=True)
    return None


def _address(backend: Backend, environ: Mapping[str, str]) -> Address | Trouble | Unknown:
    try:
        return resolve_address(backend, environ=environ, trusted=TrustedBackends(environ=environ))
    except MissingKey:
        return Unknown(why="there is no key to ask with")
    except UsageProblem as error:
        return _trouble(error)


def _trouble(error: FtopsError) -> Trouble:
    return Trouble(message=error.message, remedy=error.remedy, exit_code=error.exit_code)


def _key(backend: Backend, environ: Mapping[str, str], *, is_openai: bool) -> KeyFacts:
    variable = backend.api_key_env
    if variable is None:
        return KeyFacts(variable=None)
    value = environ.get(variable, "").strip()
    return KeyFacts(
        variable=variable, is_set=bool(value), faults=key_faults(value, is_openai=is_openai) if value else ()
    )


def _connection(url: str, environ: Mapping[str, str]) -> Connection:
    proxies = tuple(sorted({name.upper() for name in _PROXIES if environ.get(name)}))
    try:
        answer = ask(f"{url}/models", seconds=SECONDS)
    except Unanswered as error:
        return Connection(obstacle=_obstacle(error, proxies), detail=_detail(error.cause), proxies=proxies)
    if answer.status in {407, 502} and proxies:
        detail = f"{answer.status} on the way"
        return Connection(obstacle=Obstacle.PROXY, detail=detail, proxies=proxies)
    return Connection(their_time=answer.date, our_time=answer.at)


def _obstacle(error: Unanswered, proxies: tuple[str, ...]) -> Obstacle:
    cause = error.cause
    if isinstance(cause, ssl.SSLError):
        return Obstacle.TLS
    if proxies:
        return Obstacle.PROXY
    if error.is_name_unknown:
        return Obstacle.NAME
    if isinstance(cause, TimeoutError):
        return Obstacle.SILENT
    if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
        return Obstacle.REFUSED
    return Obstacle.OTHER


def _detail(cause: BaseException) -> str:
    said = str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
    return visible(said)[:200]


def _server(data_dir: Path) -> tuple[ServerState, str]:
    """Looks at the embedded server of a data folder, and starts none."""
    if any(importlib.util.find_spec(name) is None for name in ("uvicorn", "starlette", "python_multipart")):
        return ServerState.NOT_INSTALLED, ""
    is_running = EmbeddedServer(data_dir).running() is not None
    try:
        said = json.loads((data_dir / "server.json").read_text(encoding="utf-8"))
        version = str(said["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ServerState.ABSENT, ""
    if not is_running:
        return ServerState.STALE, version
    return (ServerState.RUNNING if version == __version__ else ServerState.OTHER_VERSION), version
