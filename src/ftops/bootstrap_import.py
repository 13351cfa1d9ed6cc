"""Wires adapters for ``ftops import``, beside ``bootstrap``, which does so for every other command."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ftops.adapters.backend_address import resolve_address
from ftops.adapters.clock import SystemClock
from ftops.adapters.import_files import ImportFiles
from ftops.adapters.project_file import project_lines, read_project_file
from ftops.adapters.project_ledgers import ProjectLedgers
from ftops.adapters.run_identity import new_id
from ftops.adapters.trusted_backends import TrustedBackends
from ftops.application.import_jobs import Importing
from ftops.bootstrap import load_desired
from ftops.bootstrap_place import PROJECT_FILE, Place
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import Backend, BackendName
from ftops.domain.near_misses import hint
from ftops.errors import UsageProblem
from ftops.ports import BackendSession, Progress


@contextmanager
def open_import(
    place: Place, *, backend: str | None, progress: Progress, confirm: Callable[[str], bool] | None = None
) -> Iterator[Importing]:
    """Opens what an import works with, and closes it at the end. ``backend`` None is the project's.

    Raises Invalid for manifests that are wrong, UsageProblem, MissingKey, BackendError.
    """
    desired = load_desired(place, backend=None)
    project = desired.project
    name = BackendName(backend or project.backend)
    if name not in project.backends:
        raise UsageProblem(f"no backend is named {visible(name)}; {hint(name, project.backends)}")
    chosen = project.backends[name]
    if not chosen.is_rehearsal and not read_project_file(place.root).has_name:
        # Manifests for this backend could not be read in a project without a name.
        raise UsageProblem(
            f"the project has no name, which backend {name} needs",
            remedy=f"write {PROJECT_FILE}:\n{project_lines(name)}",
        )
    files = ImportFiles(place.root, place.ftops_dir, project)
    with closing(_session(place, chosen, confirm)) as session:
        yield Importing(
            desired=desired,
            backend=chosen,
            address="embedded" if chosen.is_rehearsal else session.base_url,
            session=session,
            ledger=ProjectLedgers(place.top, place.ftops_dir, project, threading.Event(), seal=place.seal).of(chosen),
            files=files,
            clock=SystemClock(threading.Event()),
            progress=progress,
            new_id=new_id,
        )


def _session(place: Place, backend: Backend, confirm: Callable[[str], bool] | None) -> BackendSession:
    if backend.is_rehearsal:
        from ftops.adapters.embedded import EmbeddedBackend
        from ftops.adapters.embedded_server import EmbeddedServer

        return EmbeddedBackend(EmbeddedServer(place.ftops_dir / "embedded"))
    from ftops.adapters.openai_backend import OpenAIBackend

    trusted = TrustedBackends(environ=os.environ, confirm=confirm)
    return OpenAIBackend(resolve_address(backend, environ=os.environ, trusted=trusted))
