"""Wires adapters into the application: the only place that builds them."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ftops.adapters.checked_targets import CheckedTargets
from ftops.adapters.clock import SystemClock
from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.early_look import EarlyLook
from ftops.adapters.evaluation_files import EvaluationFiles
from ftops.adapters.manifest_files import read_project
from ftops.adapters.project_ledgers import ProjectLedgers
from ftops.adapters.run_identity import is_dead, new_id, own_identity, run_url
from ftops.application.declare import declare
from ftops.application.evaluate import Evaluations
from ftops.application.look import Memory
from ftops.application.other_backends import OtherBackends
from ftops.application.trained_inputs import TrainedInputs
from ftops.application.workspace import Identity, Workspace
from ftops.bootstrap_kept import Kept, open_kept
from ftops.bootstrap_place import Place
from ftops.bootstrap_sessions import Sessions, open_sessions
from ftops.datasets.inputs import input_digest
from ftops.domain.desired import DesiredState
from ftops.domain.foreign_text import visible
from ftops.domain.guard import Policy
from ftops.domain.loaded import LoadedProject
from ftops.domain.manifest import Backend, BackendName, FineTune, FineTuneName, Project
from ftops.domain.near_misses import hint
from ftops.domain.records import LedgerState
from ftops.errors import LedgerUnreachable, Problem, UsageProblem
from ftops.ports import (
    Clock,
    LedgerInspector,
    LedgerWriter,
    LogEntry,
    ProgramMode,
    Programs,
    Progress,
)

if TYPE_CHECKING:
    from ftops.application.data_reviews import Review


def load(place: Place, *, backend: str | None) -> tuple[LoadedProject, tuple[Problem, ...]]:
    """Reads the manifests: what is valid, and every problem."""
    read = read_project(place.root, backend_override=backend, kept=place.manifests)
    place.manifests.save()
    return read


def load_desired(place: Place, *, backend: str | None, for_apply: bool = False) -> DesiredState:
    """Reads manifests and datasets. Raises Invalid with all problems, and UsageProblem for ``backend``."""
    return declare_loaded(place, *load(place, backend=backend), backend=backend, for_apply=for_apply)


def declare_loaded(
    place: Place,
    loaded: LoadedProject,
    problems: tuple[Problem, ...],
    *,
    backend: str | None,
    for_apply: bool = False,
) -> DesiredState:
    """Reads the datasets of manifests that ``load`` gave. Raises Invalid with all problems, and UsageProblem."""
    try:
        return declare(
            loaded,
            DatasetFiles(place.root, kept=place.scans, digests=place.digests),
            backend=backend,
            for_apply=for_apply,
            problems=problems,
            commit=place.repository.head(),
            is_dirty=for_apply and place.repository.is_dirty(),  # apply alone asks
        )
    finally:
        place.scans.save()
        place.digests.save()


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
    may_lack_keys: bool = False,
    confirm: Callable[[str], bool] | None = None,
    early: EarlyLook | None = None,
    python_graders: ProgramMode | None = None,
) -> Iterator[Workspace]:
    """Opens everything that a run needs, and gives it back at the end; raises what ``open_sessions`` raises."""
    clock, files = SystemClock(stop), DatasetFiles(place.root)
    ledgers = ProjectLedgers(place.top, place.ftops_dir, desired.project, stop, seal=place.seal)
    opening = open_sessions(
        place.ftops_dir,
        desired,
        is_offline=is_offline,
        may_start=for_apply,
        may_lack_keys=may_lack_keys,
        confirm=confirm,
        early=early,
    )
    with open_kept(place) as kept, opening as sessions, _programs(python_graders, stop) as programs:
        yield Workspace(
            desired=desired,
            ledgers=_ledgers(ledgers, desired),
            sessions=sessions.open,
            offline=sessions.offline,
            repository=place.repository,
            datasets=files,
            evaluations=_evaluations(place, desired, ledgers, files, kept, sessions, clock, programs),
            clock=clock,
            progress=progress,
            identity=Identity(owner=own_identity(), run_url=run_url(os.environ), new_id=new_id, is_dead=is_dead),
            is_ledger_shared=ledgers.is_shared,
            policy=policy,
            stop=stop,
            memory=Memory(targets=CheckedTargets(place.ftops_dir / "cache")),
            open_left=sessions.open_left,
            start=sessions.start,
            row_changes=kept.row_changes,
            curves=kept.curves,
            review=partial(_review, place),
        )


@contextmanager
def _programs(mode: ProgramMode | None, stop: threading.Event) -> Iterator[Programs | None]:
    """Gives what runs python graders, None where nobody allowed it, and ends their processes."""
    if mode is None:
        yield None
        return
    from ftops.adapters.grader_programs import GraderPrograms

    with closing(GraderPrograms(mode, stop=stop)) as programs:
        yield programs


def _review(place: Place, fine_tunes: Sequence[FineTune]) -> "Review":
    from ftops.bootstrap_data import open_reviewer  # brings all checks along: what trains nothing needs none

    with open_reviewer(place) as reviewer:
        return reviewer.review(fine_tunes)


def _evaluations(
    place: Place,
    desired: DesiredState,
    ledgers: ProjectLedgers,
    files: DatasetFiles,
    kept: Kept,
    sessions: Sessions,
    clock: Clock,
    programs: Programs | None,
) -> Evaluations:
    inputs = TrainedInputs(ledgers=_ledgers(ledgers, desired), repository=place.repository)
    return Evaluations(
        files=EvaluationFiles(place.root, files),
        outputs=kept.outputs,
        sessions=sessions.open,
        clock=clock,
        input_digest=input_digest,
        reach=OtherBackends(backends=desired.project.backends, open=sessions.open_left).reach,
        trained_inputs=inputs,
        training_set=inputs.training_set,
        backends=desired.project.backends,
        programs=programs,
        verdicts=kept.verdicts,
    )


def _ledgers(ledgers: ProjectLedgers, desired: DesiredState) -> dict[BackendName, LedgerWriter]:
    """The ledger of each backend that manifests name, and of those that they may have left: the same one records them."""
    kinds = {backend.is_rehearsal for backend in desired.backends}
    every = {**desired.project.backends, **{backend.name: backend for backend in desired.backends}}
    return {name: ledgers.of(backend) for name, backend in sorted(every.items()) if backend.is_rehearsal in kinds}


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogState:
    """A ledger's state for reading, and what its reader should know of its age."""

    state: LedgerState
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """Manifests and ledgers for commands that only look: no dataset is read, no backend called, no key needed."""

    place: Place
    project: Project
    fine_tunes: tuple[FineTune, ...]
    ledgers: ProjectLedgers
    redirected: Backend | None

    def backend_of(self, name: FineTuneName | None) -> Backend:
        """Gives the backend in force for a fine-tune, or the project's."""
        if self.redirected is not None:
            return self.redirected
        manifest = next(
            (m for m in self.fine_tunes if name is not None and (m.name == name or name in m.moved_from)), None
        )
        wanted = (manifest.backend if manifest else None) or self.project.backend
        return self.project.backends[wanted]

    def read(self, backend: Backend, *, is_cached: bool) -> CatalogState:
        """Reads the ledger that records a backend; falls back to the copy here where it can't be fetched, and says so."""
        ledger = self.ledgers.of(backend)
        if is_cached:
            return CatalogState(state=ledger.read_cached().state)
        try:
            return CatalogState(state=ledger.read().state)
        except LedgerUnreachable as error:
            cached = ledger.read_cached()
            age = (
                f"its copy of {cached.stale_since:%Y-%m-%d %H:%M} UTC is used"
                if cached.stale_since
                else "no copy is here"
            )
            return CatalogState(
                state=cached.state, caveats=(f"the ledger could not be fetched ({error.message}); {age}",)
            )

    def log(self, backend: Backend) -> Iterable[LogEntry]:
        """Gives the events of the ledger that records a backend, newest first."""
        return self.ledgers.of(backend).log()

    def inspectors(self) -> tuple[LedgerInspector, ...]:
        """Gives the ledgers that the fine-tunes use, shared one first, to be looked at as a whole."""
        used = [self.backend_of(manifest.name) for manifest in self.fine_tunes] or [self.backend_of(None)]
        kinds = {backend.is_rehearsal: backend for backend in used}
        return tuple(self.ledgers.inspector(kinds[kind]) for kind in sorted(kinds))

    def base_url(self, backend: BackendName, state: LedgerState) -> tuple[str | None, str | None]:
        """Gives the address at which a backend's models are called, and a warning where there is one.

        The address is the project's or the environment's, never the ledger's: whoever can write that branch must not decide
        where an application sends its key. None where no embedded server runs to stay.
        """
        known = self.project.backends.get(backend)
        if known is None:
            return None, f"ftops.yaml has no backend {backend}: its address is not known"
        if known.is_rehearsal:
            from ftops.adapters.embedded_server import EmbeddedServer

            url = EmbeddedServer(self.place.ftops_dir / "embedded").lasting()
            return url, None if url else "no embedded server runs to stay; start one for applications: ftops serve"
        from ftops.adapters.backend_address import configured_url

        url, record = configured_url(known, os.environ), state.backend(backend)
        if record is None or record.base_url == url:
            return url, None
        return url, f"the ledger knows {backend} at {record.base_url}; the address given is this project's, {url}"


def open_catalog(place: Place, *, backend: str | None) -> Catalog:
    """Reads the manifests that are valid, and the project. Raises UsageProblem for ``backend``."""
    loaded, _ = load(place, backend=backend)
    redirected = loaded.project.backends.get(BackendName(backend)) if backend else None
    if backend and redirected is None:
        raise UsageProblem(f"no backend is named {visible(backend)}; {hint(backend, loaded.project.backends)}")
    return Catalog(
        place=place,
        project=loaded.project,
        fine_tunes=loaded.fine_tunes,
        ledgers=ProjectLedgers(place.top, place.ftops_dir, loaded.project, threading.Event(), seal=place.seal),
        redirected=redirected,
    )
