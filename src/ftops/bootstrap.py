"""Wires adapters into the application: the only place that builds them."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ftops.adapters.clock import SystemClock
from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.evaluation_files import EvaluationFiles
from ftops.adapters.manifest_files import read_project
from ftops.adapters.run_identity import is_dead, new_id, own_identity, run_url
from ftops.adapters.state_dir import ensure_private_dir
from ftops.application.declare import declare
from ftops.application.evaluate import Evaluations
from ftops.application.workspace import Identity, Workspace
from ftops.datasets.inputs import input_digest
from ftops.domain.desired import DesiredState
from ftops.domain.guard import Policy
from ftops.domain.loaded import LoadedProject
from ftops.domain.manifest import Backend, BackendName
from ftops.errors import MissingKey, Problem, UsageProblem
from ftops.ports import BackendSession, LedgerWriter, Progress, Repository

PROJECT_FILE: Final = "ftops.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a project lies: the git top folder, and the folder of ``ftops.yaml`` (the top folder where there is none)."""

    top: Path
    root: Path
    repository: Repository

    @property
    def ftops_dir(self) -> Path:
        """What belongs to this machine alone."""
        return self.root / ".ftops"


def find_place(start: Path) -> Place:
    """Finds the project that ``start`` lies in. Raises UsageProblem where there is no git repository."""
    from ftops.adapters.git_repo import GitRepository

    top = GitRepository(start).root
    here = start.resolve()
    candidates = [folder for folder in (here, *here.parents) if folder == top or top in folder.parents]
    root = next((folder for folder in candidates if (folder / PROJECT_FILE).exists()), top)
    return Place(top=top, root=root, repository=GitRepository(top, project_root=root))


def load(place: Place, *, backend: str | None) -> tuple[LoadedProject, tuple[Problem, ...]]:
    """Reads the manifests: what is valid, and every problem."""
    return read_project(place.root, backend_override=backend)


def load_desired(place: Place, *, backend: str | None, for_apply: bool = False) -> DesiredState:
    """Reads manifests and datasets. Raises Invalid with all problems, and UsageProblem for ``backend``."""
    loaded, problems = load(place, backend=backend)
    return declare(
        loaded,
        DatasetFiles(place.root),
        backend=backend,
        for_apply=for_apply,
        problems=problems,
        commit=place.repository.head(),
        is_dirty=place.repository.is_dirty(),
    )


class Ledgers:
    """The ledgers of one project: one that is shared, and one for rehearsals. Opened when they are first asked for."""

    def __init__(self, place: Place, desired: DesiredState, stop: threading.Event) -> None:
        self._place = place
        self._project = desired.project
        self._stop = stop
        self._open: dict[bool, LedgerWriter] = {}

    def of(self, backend: Backend) -> LedgerWriter:
        """Gives the ledger that records a backend."""
        if backend.is_rehearsal not in self._open:
            self._open[backend.is_rehearsal] = self._ledger(is_rehearsal=backend.is_rehearsal)
        return self._open[backend.is_rehearsal]

    def _ledger(self, *, is_rehearsal: bool) -> LedgerWriter:
        from ftops.adapters.git_ledger import GitLedger
        from ftops.adapters.rehearsal_ledger import bind_rehearsal, rehearsal_branch

        branch, remote = self._project.ledger.branch, self._remote()
        if is_rehearsal:
            branch, remote = rehearsal_branch(branch), None
            bind_rehearsal(self._place.top, branch=branch, ftops_dir=self._place.ftops_dir)
        return GitLedger(
            self._place.top,
            project=self._project.name,
            branch=branch,
            remote=remote,
            ftops_dir=self._place.ftops_dir,
            clock=SystemClock(self._stop),
        )

    @property
    def is_shared(self) -> bool:
        """Whether others see this project's ledger."""
        return self._remote() is not None

    def _remote(self) -> str | None:
        from ftops.adapters.git_repo import GitRepository

        name = self._project.ledger.remote
        if name is None or GitRepository(self._place.top).remote_exists(name):
            return name
        if name == "origin":  # the default: a repository without a remote keeps its ledger to itself
            return None
        raise UsageProblem(
            f"spec.ledger.remote names {name!r}, which is no remote of this repository",
            remedy=f"git remote add {name} URL, or name another one in ftops.yaml",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """Backends that can be called now, and why the others can't."""

    open: Mapping[BackendName, BackendSession]
    offline: Mapping[BackendName, str]


@contextmanager
def open_sessions(
    place: Place,
    desired: DesiredState,
    *,
    is_offline: bool = False,
    may_start: bool = False,
    confirm: Callable[[str], bool] | None = None,
) -> Iterator[Sessions]:
    """Opens every backend that the fine-tunes use, and closes them at the end.

    ``may_start`` starts the embedded server, and makes a missing key an error; without it such a backend is offline.
    Raises MissingKey, UsageProblem, BackendError.
    """
    opened: dict[BackendName, BackendSession] = {}
    offline: dict[BackendName, str] = {}
    backends = {d.backend.name: d.backend for d in desired.fine_tunes}
    with ExitStack() as stack:
        for name, backend in sorted(backends.items()):
            if is_offline:
                offline[name] = "asked for with --offline"
                continue
            try:
                session = _open(place, backend, may_start=may_start, confirm=confirm)
            except MissingKey as error:
                if may_start:
                    raise
                offline[name] = error.message
                continue
            if session is None:
                offline[name] = "its server is not running"
                continue
            stack.callback(session.close)
            opened[name] = session
        yield Sessions(open=opened, offline=offline)


def _open(
    place: Place, backend: Backend, *, may_start: bool, confirm: Callable[[str], bool] | None
) -> BackendSession | None:
    from ftops.adapters.backend_address import NO_KEY, Address, resolve_address
    from ftops.adapters.trusted_backends import TrustedBackends

    if not backend.is_rehearsal:
        trusted = TrustedBackends(environ=os.environ, confirm=confirm)
        address = resolve_address(backend, environ=os.environ, trusted=trusted)
    else:
        from ftops.adapters.embedded_server import EmbeddedServer

        server = EmbeddedServer(place.ftops_dir / "embedded")
        if may_start:
            from ftops.adapters.embedded import EmbeddedBackend

            return EmbeddedBackend(server)
        url = server.running()
        if url is None:
            return None
        address = Address(base_url=url, key=NO_KEY, is_loopback=True)
    from ftops.adapters.openai_backend import OpenAIBackend

    return OpenAIBackend(address)


@contextmanager
def open_workspace(
    place: Place,
    desired: DesiredState,
    *,
    policy: Policy,
    progress: Progress,
    stop: threading.Event,
    is_offline: bool = False,
    for_apply: bool = False,
    confirm: Callable[[str], bool] | None = None,
) -> Iterator[Workspace]:
    """Opens everything that a run needs, and gives it back at the end.

    Raises MissingKey (where it is ``for_apply``), UsageProblem, BackendError.
    """
    from ftops.adapters.output_files import OutputFiles

    clock = SystemClock(stop)
    files = DatasetFiles(place.root)
    ledgers = Ledgers(place, desired, stop)
    with (
        open_sessions(place, desired, is_offline=is_offline, may_start=for_apply, confirm=confirm) as sessions,
        closing(OutputFiles(ensure_private_dir(place.ftops_dir) / "outputs")) as outputs,
    ):
        yield Workspace(
            desired=desired,
            ledgers={d.backend.name: ledgers.of(d.backend) for d in desired.fine_tunes},
            sessions=sessions.open,
            offline=sessions.offline,
            repository=place.repository,
            datasets=files,
            evaluations=Evaluations(
                files=EvaluationFiles(place.root, files),
                outputs=outputs,
                sessions=sessions.open,
                clock=clock,
                input_digest=input_digest,
            ),
            clock=clock,
            progress=progress,
            identity=Identity(owner=own_identity(), run_url=run_url(os.environ), new_id=new_id, is_dead=is_dead),
            is_ledger_shared=ledgers.is_shared,
            policy=policy,
            stop=stop,
        )
