"""Opens what commands that only look need, beside ``bootstrap``: manifests and ledgers. It imports little, to be quick."""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftops.adapters.manifest_files import read_project
from ftops.adapters.project_ledgers import ProjectLedgers
from ftops.bootstrap_place import Place
from ftops.domain.foreign_text import visible
from ftops.domain.loaded import LoadedProject
from ftops.domain.manifest import Backend, BackendName, FineTune, FineTuneName, Project
from ftops.domain.near_misses import hint
from ftops.errors import LedgerUnreachable, Problem, UsageProblem

if TYPE_CHECKING:
    from ftops.domain.records import LedgerState
    from ftops.ports import LedgerInspector, LogEntry


def load(place: Place, *, backend: str | None) -> tuple[LoadedProject, tuple[Problem, ...]]:
    """Reads the manifests: what is valid, and every problem."""
    read = read_project(place.root, backend_override=backend, kept=place.manifests)
    place.manifests.save()
    return read


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogState:
    """A ledger's state for reading, and what its reader should know of its age."""

    state: "LedgerState"
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

    def log(self, backend: Backend) -> "Iterable[LogEntry]":
        """Gives the events of the ledger that records a backend, newest first."""
        return self.ledgers.of(backend).log()

    def inspectors(self) -> "tuple[LedgerInspector, ...]":
        """Gives the ledgers that the fine-tunes use, shared one first, to be looked at as a whole."""
        used = [self.backend_of(manifest.name) for manifest in self.fine_tunes] or [self.backend_of(None)]
        kinds = {backend.is_rehearsal: backend for backend in used}
        return tuple(self.ledgers.inspector(kinds[kind]) for kind in sorted(kinds))

    def base_url(self, backend: BackendName, state: "LedgerState") -> tuple[str | None, str | None]:
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
