"""Wires adapters into the application: the only place that builds them."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ftops.adapters.checked_targets import CheckedTargets
from ftops.adapters.clock import SystemClock
from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.early_look import EarlyLook
from ftops.adapters.evaluation_files import EvaluationFiles
from ftops.adapters.project_ledgers import ProjectLedgers
from ftops.adapters.run_identity import is_dead, new_id, own_identity, run_url
from ftops.application.declare import declare
from ftops.application.evaluate import Evaluations
from ftops.application.look import Memory
from ftops.application.other_backends import OtherBackends
from ftops.application.trained_inputs import TrainedInputs
from ftops.application.workspace import Identity, Workspace
from ftops.bootstrap_catalog import Catalog, CatalogState, load, open_catalog
from ftops.bootstrap_kept import Kept, open_kept
from ftops.bootstrap_place import Place
from ftops.bootstrap_sessions import Sessions, open_sessions
from ftops.datasets.inputs import input_digest
from ftops.domain.desired import DesiredState
from ftops.domain.guard import Policy
from ftops.domain.loaded import LoadedProject
from ftops.domain.manifest import BackendName, FineTune
from ftops.errors import Problem
from ftops.ports import (
    Clock,
    LedgerWriter,
    ProgramMode,
    Programs,
    Progress,
)

if TYPE_CHECKING:
    from ftops.application.data_reviews import Review

__all__ = [
    "Catalog",
    "CatalogState",
    "declare_loaded",
    "load",
    "load_desired",
    "open_catalog",
    "open_workspace",
]


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
