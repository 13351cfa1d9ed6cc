"""All that was found out about a project's surroundings, and all findings that this comes to.

Pure: ``application.doctor`` gathers the facts. A group whose facts are wanting says so for each of its checks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from ftops.domain.backend_facts import BackendFacts
from ftops.domain.diagnosing_backend import diagnose_backend, unasked_backend
from ftops.domain.diagnosing_git import GitFacts, RepositoryFacts, diagnose_git
from ftops.domain.diagnosing_hosting import HostFacts, RemoteFacts, WorkflowFacts, diagnose_hosting
from ftops.domain.diagnosing_ledger import LedgerFacts, PendingFacts, diagnose_ledger, trained
from ftops.domain.diagnosing_machine import Dated, MachineFacts, diagnose_machine
from ftops.domain.diagnosing_project import ProjectFacts, diagnose_project
from ftops.domain.diagnosis import Finding, Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was found out at one instant; Unknown is what nobody asked, or what failed to answer. ``now`` is in UTC."""

    now: datetime
    project: ProjectFacts | Unknown
    git: GitFacts | Unknown
    remote: RemoteFacts | Unknown
    host: HostFacts | Unknown
    workflows: tuple[WorkflowFacts, ...] | Unknown
    ledger: LedgerFacts | Unknown
    pending: PendingFacts | Unknown
    backends: tuple[BackendFacts, ...] | Unknown
    machine: MachineFacts | Unknown
    clocks: tuple[Dated, ...] | Unknown
    sandbox: str | Unknown | None


def diagnose(facts: Facts) -> tuple[Finding, ...]:
    """Gives a finding for every check, backends in the order of their names."""
    project = facts.project
    is_rehearsal = isinstance(project, ProjectFacts) and project.is_rehearsal
    branch = "the ledger's branch" if isinstance(project, Unknown) else project.project.ledger.branch
    has_remote = isinstance(facts.remote, Unknown) or facts.remote.name is not None
    repository = facts.git.repository if isinstance(facts.git, GitFacts) else None
    is_ci = isinstance(repository, RepositoryFacts) and repository.is_ci
    known = frozenset() if isinstance(project, Unknown) else trained(facts.ledger, project)
    hosting = diagnose_hosting(
        remote=facts.remote, host=facts.host, workflows=facts.workflows, branch=branch, is_ci=is_ci
    )
    return (
        *diagnose_project(project, trained=known),
        *diagnose_git(facts.git, is_shared=has_remote and not is_rehearsal),
        *hosting,
        *diagnose_ledger(facts.ledger, pending=facts.pending, project=project, now=facts.now),
        *_backends(facts),
        *diagnose_machine(facts.machine, clocks=facts.clocks, workflows=facts.workflows, sandbox=facts.sandbox),
    )


def _backends(facts: Facts) -> tuple[Finding, ...]:
    if isinstance(facts.project, Unknown):
        return tuple(unasked_backend(facts.project))
    if isinstance(facts.backends, Unknown):
        return tuple(unasked_backend(facts.backends))
    today = facts.now.astimezone(UTC).date()
    return tuple(
        finding
        for backend in facts.backends
        for finding in diagnose_backend(backend, ledger=facts.ledger, project=facts.project, today=today)
    )
