"""Wires what the doctor asks: the part of ``bootstrap`` that works where there is no repository, project or key."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ftops.adapters.doctor_backend import ask_backend
from ftops.adapters.doctor_git import credentials_in, hurried_git, push_address, read_facts, remotes, try_push
from ftops.adapters.doctor_host import ask_host, host_clock
from ftops.adapters.doctor_ledger import look_at_ledger, pending_facts
from ftops.adapters.doctor_machine import isolation_refusal, look_at_machine
from ftops.adapters.doctor_project import read_facts as read_project_facts
from ftops.adapters.doctor_workflows import read_workflows
from ftops.adapters.git_repo import GitRepository
from ftops.bootstrap_place import PROJECT_FILE
from ftops.domain.backend_facts import BackendFacts
from ftops.domain.diagnosing_git import GitFacts, Trouble
from ftops.domain.diagnosing_hosting import HostFacts, WorkflowFacts
from ftops.domain.diagnosing_ledger import LedgerFacts, PendingFacts
from ftops.domain.diagnosing_machine import Dated, MachineFacts
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.diagnosis import Unknown
from ftops.domain.manifest import Backend, Project
from ftops.errors import UsageProblem


@dataclass(frozen=True, kw_only=True)
class Here:
    """Implements ``ports.Surroundings`` for the folder ``start``. ``redirected`` is the backend that somebody named."""

    start: Path
    redirected: str | None
    environ: Mapping[str, str] = field(repr=False)

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show, the longest first."""
        return credentials_in(self.environ)

    @cached_property
    def root(self) -> Path:
        """The project's folder: that of ``ftops.yaml``, else the repository's top, else where this was started."""
        here = self.start.resolve()
        top = self._found.root if isinstance(self._found, GitRepository) else None
        places = [place for place in (here, *here.parents) if top is None or place == top or top in place.parents]
        found = next((place for place in places if (place / PROJECT_FILE).exists()), None)
        return found or top or here

    def project(self) -> ProjectFacts:
        """Reads the project's files."""
        return read_project_facts(self.root, redirected=self.redirected)

    def git(self) -> GitFacts:
        """Asks git here."""
        return read_facts(self._found, self.root, environ=self.environ)

    def workflows(self) -> tuple[WorkflowFacts, ...]:
        """Reads the files that CI obeys."""
        return read_workflows(self._repository().root)

    def remotes(self, wanted: str) -> tuple[bool, tuple[str, ...]]:
        """Whether a remote is configured, and the names of the others."""
        return remotes(hurried_git(self.root), wanted)

    def ledger(
        self, project: Project, *, remote: str | None, is_rehearsal: bool, is_offline: bool
    ) -> LedgerFacts | Trouble:
        """Reads the ledger; Trouble where its remote can't be asked."""
        repository = self._repository()
        git = hurried_git(repository.root)
        return look_at_ledger(git, repository, project, remote=remote, is_rehearsal=is_rehearsal, is_offline=is_offline)

    def push(self, project: Project) -> Trouble | Unknown | None:
        """Begins to push the ledger's branch, and sends nothing."""
        return try_push(hurried_git(self.root), remote=_remote(project), branch=project.ledger.branch)

    def host(self, project: Project) -> HostFacts | Unknown:
        """Asks the host of the remote about its rules."""
        return ask_host(self._address(project), project.ledger.branch, environ=self.environ)

    def host_clock(self, project: Project) -> Dated | None:
        """Asks the host of the remote for its time."""
        return host_clock(self._address(project))

    def pending(self) -> PendingFacts:
        """Counts what waits to be recorded."""
        return pending_facts(self.root / ".ftops")

    def backend(self, backend: Backend, *, project: str, is_offline: bool) -> BackendFacts:
        """Asks a backend."""
        ftops_dir = self.root / ".ftops"
        return ask_backend(backend, project=project, ftops_dir=ftops_dir, environ=self.environ, is_offline=is_offline)

    def machine(self) -> MachineFacts:
        """Looks at this machine."""
        return look_at_machine(self.root)

    def sandbox(self) -> str | None:
        """Says why python graders can't be isolated here."""
        return isolation_refusal()

    @cached_property
    def _found(self) -> GitRepository | UsageProblem:
        try:
            return GitRepository(self.start)
        except UsageProblem as error:
            return error

    def _repository(self) -> GitRepository:
        if isinstance(self._found, UsageProblem):
            raise self._found
        return self._found.for_project(self.root)

    def _address(self, project: Project) -> str:
        return push_address(hurried_git(self.root), _remote(project))


def open_surroundings(start: Path, *, backend: str | None) -> Here:
    """Gives what the doctor asks about a folder."""
    return Here(start=start, redirected=backend or None, environ=dict(os.environ))


def _remote(project: Project) -> str:
    return project.ledger.remote or "origin"
