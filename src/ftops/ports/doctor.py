"""What the doctor needs of the world: one question each, which changes nothing and may fail or take too long."""

from collections.abc import Sequence
from typing import Protocol

from ftops.domain.backend_facts import BackendFacts
from ftops.domain.diagnosing_git import GitFacts, Trouble
from ftops.domain.diagnosing_hosting import HostFacts, WorkflowFacts
from ftops.domain.diagnosing_ledger import LedgerFacts, PendingFacts
from ftops.domain.diagnosing_machine import Dated, MachineFacts
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.diagnosis import Unknown
from ftops.domain.manifest import Backend, Project


class Surroundings(Protocol):
    """A project's surroundings. Any question may raise FtopsError or OSError; all are safe to ask in several threads."""

    @property
    def secrets(self) -> Sequence[str]:
        """What no message may show, the longest first."""
        ...

    def project(self) -> ProjectFacts:
        """Reads the project's files."""
        ...

    def git(self) -> GitFacts:
        """Asks git here."""
        ...

    def workflows(self) -> tuple[WorkflowFacts, ...]:
        """Reads the files that CI obeys."""
        ...

    def remotes(self, wanted: str) -> tuple[bool, tuple[str, ...]]:
        """Whether a remote is configured, and the names of the others."""
        ...

    def ledger(
        self, project: Project, *, remote: str | None, is_rehearsal: bool, is_offline: bool
    ) -> LedgerFacts | Trouble:
        """Reads the ledger, at its remote or as this clone has it; Trouble where the remote can't be asked."""
        ...

    def push(self, project: Project) -> Trouble | Unknown | None:
        """Begins to push the ledger's branch, and sends nothing: None where that is let in."""
        ...

    def host(self, project: Project) -> HostFacts | Unknown:
        """Asks the host of the remote about its rules."""
        ...

    def host_clock(self, project: Project) -> Dated | None:
        """Asks the host of the remote for its time; None where it tells none."""
        ...

    def pending(self) -> PendingFacts:
        """Counts what waits to be recorded."""
        ...

    def backend(self, backend: Backend, *, project: str, is_offline: bool) -> BackendFacts:
        """Asks a backend; with ``is_offline`` only the environment."""
        ...

    def machine(self) -> MachineFacts:
        """Looks at this machine."""
        ...

    def sandbox(self) -> str | None:
        """Says why python graders can't be isolated here; None where they can."""
        ...
