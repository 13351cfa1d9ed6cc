"""Examines a project's surroundings: asks all questions at once, waits for each a bounded time, and goes on without answers.

Owns which questions are asked at all, and that none of them stops another. What the answers mean is ``domain.diagnoses``'.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Generic, TypeVar

from ftops.domain.backend_facts import BackendFacts, Connection
from ftops.domain.diagnoses import Facts, diagnose
from ftops.domain.diagnosing_git import GitFacts, RepositoryFacts, Trouble
from ftops.domain.diagnosing_hosting import HostFacts, RemoteFacts
from ftops.domain.diagnosing_ledger import LedgerFacts
from ftops.domain.diagnosing_machine import Dated
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.diagnosis import Finding, Unknown, without_secrets
from ftops.domain.manifest import Backend
from ftops.errors import FtopsError
from ftops.ports.doctor import Surroundings

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

SECONDS: Final = 20.0
_OFFLINE: Final = Unknown(why="asked for with --offline")
_NO_REPOSITORY: Final = Unknown(why="there is no repository to look at")
_REHEARSAL: Final = Unknown(why="everything is rehearsed here: that ledger is never pushed")
_BROKEN: Final = Unknown(why="ftops.yaml is not valid")
_NO_REMOTE: Final = Unknown(why="there is no remote")


def examine(
    surroundings: Surroundings, *, now: datetime, is_offline: bool = False, seconds: float = SECONDS
) -> tuple[Finding, ...]:
    """Gives a finding for every check, within about ``seconds``. ``is_offline`` calls nobody, neither backend nor git host."""
    facts = _Examination(surroundings, is_offline=is_offline, seconds=seconds).facts(now)
    return tuple(without_secrets(finding, surroundings.secrets) for finding in diagnose(facts))


class _Question(Generic[T_co]):
    """A question that is being asked in a thread of its own, which nobody waits for when time is up."""

    def __init__(self, ask: Callable[[], T_co]) -> None:
        self._ask = ask
        self._answer: T_co | Unknown = Unknown(why="it took too long", is_trouble=True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def answer(self, *, until: float) -> T_co | Unknown:
        """Waits until a moment of the monotonic clock at most."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._ask()
        except FtopsError as error:
            self._answer = Unknown(why=error.message, is_trouble=True)
        except OSError as error:
            self._answer = Unknown(why=error.strerror or type(error).__name__, is_trouble=True)
        except Exception as error:  # noqa: BLE001 - a fault of one check must not end the others
            self._answer = Unknown(why=f"unexpected {type(error).__name__}, a fault in ftops", is_trouble=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Hosting:
    """What was found out about the ledger and its host."""

    remote: RemoteFacts | Unknown
    host: HostFacts | Unknown
    ledger: LedgerFacts | Unknown
    dated: Dated | Unknown | None = None


class _Examination:
    """One round of questions. What can be known here is asked first, as it says what else to ask."""

    def __init__(self, surroundings: Surroundings, *, is_offline: bool, seconds: float) -> None:
        self._at = surroundings
        self._is_offline = is_offline
        self._until = time.monotonic() + seconds

    def facts(self, now: datetime) -> Facts:
        """Asks everything."""
        here = self._at
        machine, pending, local = _Question(here.machine), _Question(here.pending), _Question(here.git)
        project = self._answer(_Question(here.project))
        # What stands in for a broken file is not what the project is about.
        usable = _BROKEN if isinstance(project, ProjectFacts) and project.file_problems else project
        backends = self._begin_backends(usable)
        sandbox = _begin_sandbox(here, usable)
        git = self._answer(local)
        has_repository = isinstance(git, GitFacts) and isinstance(git.repository, RepositoryFacts)
        workflows = _Question(here.workflows) if has_repository else None
        hosting = self._hosting(usable) if has_repository else _without_hosting(_NO_REPOSITORY)
        answers = usable if isinstance(usable, Unknown) else self._backends(backends)
        return Facts(
            now=now,
            project=project,
            git=git,
            remote=hosting.remote,
            host=hosting.host,
            workflows=_NO_REPOSITORY if workflows is None else self._answer(workflows),
            ledger=hosting.ledger,
            pending=self._answer(pending),
            backends=answers,
            machine=self._answer(machine),
            clocks=_OFFLINE if self._is_offline else _clocks(answers, hosting.dated),
            sandbox=sandbox if isinstance(sandbox, Unknown) else self._answer(sandbox),
        )

    def _answer(self, question: _Question[T]) -> T | Unknown:
        return question.answer(until=self._until)

    def _begin_backends(self, project: ProjectFacts | Unknown) -> tuple[tuple[Backend, _Question[BackendFacts]], ...]:
        if isinstance(project, Unknown):
            return ()
        name, is_offline = project.project.name, self._is_offline
        return tuple(
            (backend, _Question(partial(self._at.backend, backend, project=name, is_offline=is_offline)))
            for backend in project.backends
        )

    def _backends(self, asked: tuple[tuple[Backend, _Question[BackendFacts]], ...]) -> tuple[BackendFacts, ...]:
        return tuple(_about(backend, self._answer(question)) for backend, question in asked)

    def _hosting(self, project: ProjectFacts | Unknown) -> _Hosting:
        if isinstance(project, Unknown):
            return _without_hosting(project)
        if project.is_rehearsal:
            return _Hosting(remote=_REHEARSAL, host=_REHEARSAL, ledger=self._ledger(project, remote=None)[0])
        settings = project.project.ledger
        wanted = settings.remote or "origin"
        found = self._answer(_Question(partial(self._at.remotes, wanted)))
        if isinstance(found, Unknown):
            return _without_hosting(found)
        is_configured, others = found
        if is_configured:
            return self._remote(project, wanted)
        remote = RemoteFacts(wanted=wanted, name=None, others=others)
        # A named remote that isn't there ends every command; origin is done without where there is none.
        ledger = self._ledger(project, remote=None)[0] if wanted == "origin" else _NO_REMOTE
        return _Hosting(remote=remote, host=_NO_REMOTE, ledger=ledger)

    def _remote(self, project: ProjectFacts, name: str) -> _Hosting:
        if self._is_offline:
            return _Hosting(remote=_OFFLINE, host=_OFFLINE, ledger=self._ledger(project, remote=name)[0])
        push = _Question(partial(self._at.push, project.project))
        host = _Question(partial(self._at.host, project.project))
        dated = _Question(partial(self._at.host_clock, project.project))
        ledger, trouble = self._ledger(project, remote=name)
        remote = RemoteFacts(wanted=name, name=name, trouble=trouble, refusal=self._answer(push))
        return _Hosting(remote=remote, host=self._answer(host), ledger=ledger, dated=self._answer(dated))

    def _ledger(self, project: ProjectFacts, *, remote: str | None) -> tuple[LedgerFacts | Unknown, Trouble | None]:
        look = partial(self._at.ledger, project.project, remote=remote, is_offline=self._is_offline)
        found = self._answer(_Question(partial(look, is_rehearsal=project.is_rehearsal)))
        if isinstance(found, Trouble):
            return Unknown(why="its remote doesn't answer"), found
        return found, None


def _without_hosting(why: Unknown) -> _Hosting:
    return _Hosting(remote=why, host=why, ledger=why)


def _begin_sandbox(here: Surroundings, project: ProjectFacts | Unknown) -> _Question[str | None] | Unknown:
    """A process is started for it: only where something would run in it."""
    if isinstance(project, Unknown):
        return project
    if not project.has_python_graders:
        return Unknown(why="no manifest has a python grader")
    return _Question(here.sandbox)


def _about(backend: Backend, found: BackendFacts | Unknown) -> BackendFacts:
    if isinstance(found, BackendFacts):
        return found
    return BackendFacts(
        backend=backend, connection=found, models=found, jobs=found, writing=found, server=found, key=None
    )


def _clocks(backends: tuple[BackendFacts, ...] | Unknown, dated: Dated | Unknown | None) -> tuple[Dated, ...]:
    told = [
        Dated(host=one.url, theirs=found.their_time, ours=found.our_time)
        for one in (() if isinstance(backends, Unknown) else backends)
        if isinstance(found := one.connection, Connection) and found.their_time and found.our_time
    ]
    return (*told, *([dated] if isinstance(dated, Dated) else []))
