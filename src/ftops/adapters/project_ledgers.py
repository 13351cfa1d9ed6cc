"""Which ledger records which backend: one that may be shared, and one for rehearsals that never leaves this clone."""

import threading
from functools import cached_property
from pathlib import Path

from ftops.adapters.clock import SystemClock
from ftops.adapters.git_ledger import GitLedger
from ftops.adapters.git_process import GitProcess
from ftops.adapters.git_refs import is_configured
from ftops.adapters.kept_ledger import KeptLedger
from ftops.adapters.ledger_inspection import LedgerInspection
from ftops.adapters.rehearsal_ledger import bind_rehearsal, rehearsal_branch
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import Backend, Project
from ftops.errors import UsageProblem
from ftops.ports import LedgerInspector, LedgerWriter


class ProjectLedgers:
    """The ledgers of one project: one that is shared, and one for rehearsals. Opened when they are first asked for.

    ``seal`` is the key that this clone's cache is sealed with.
    """

    def __init__(
        self, top: Path, ftops_dir: Path, project: Project, stop: threading.Event, *, seal: bytes | None
    ) -> None:
        self._top = top
        self._seal = seal
        self._ftops_dir = ftops_dir
        self._project = project
        self._stop = stop
        self._open: dict[bool, LedgerWriter] = {}

    def of(self, backend: Backend) -> LedgerWriter:
        """Gives the ledger that records a backend."""
        if backend.is_rehearsal not in self._open:
            self._open[backend.is_rehearsal] = self._ledger(is_rehearsal=backend.is_rehearsal)
        return self._open[backend.is_rehearsal]

    def inspector(self, backend: Backend) -> LedgerInspector:
        """Gives the ledger that records a backend, to be looked at as a whole."""
        branch, remote = self._place(is_rehearsal=backend.is_rehearsal)
        clock = SystemClock(self._stop)
        return LedgerInspection(self._top, project=self._project.name, branch=branch, remote=remote, clock=clock)

    def _ledger(self, *, is_rehearsal: bool) -> LedgerWriter:
        branch, remote = self._place(is_rehearsal=is_rehearsal)
        return GitLedger(
            self._top,
            project=self._project.name,
            branch=branch,
            remote=remote,
            ftops_dir=self._ftops_dir,
            clock=SystemClock(self._stop),
            kept=KeptLedger(self._ftops_dir, "rehearsals" if is_rehearsal else "ledger", seal=self._seal),
        )

    def _place(self, *, is_rehearsal: bool) -> tuple[str, str | None]:
        """Gives branch and remote; binds the rehearsal branch to this data folder."""
        branch, remote = self._project.ledger.branch, self._remote
        if not is_rehearsal:
            return branch, remote
        branch = rehearsal_branch(branch)
        bind_rehearsal(self._top, branch=branch, ftops_dir=self._ftops_dir)
        return branch, None

    @property
    def is_shared(self) -> bool:
        """Whether others see this project's ledger."""
        return self._remote is not None

    @cached_property
    def _remote(self) -> str | None:
        name = self._project.ledger.remote
        if name is None or is_configured(GitProcess(folder=self._top), name):
            return name
        if name == "origin":  # the default: a repository without a remote keeps its ledger to itself
            return None
        raise UsageProblem(
            f"spec.ledger.remote names {quoted(name)}, which is no remote of this repository",
            remedy=f"git remote add {name} URL, or name another one in ftops.yaml",
        )
