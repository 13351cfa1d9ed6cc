"""Guards about where we stand: what must hold before an apply writes its first word."""

from ftops.application.workspace import Workspace
from ftops.domain.guard import DIRTY, DIVERGED
from ftops.domain.records import LedgerState
from ftops.errors import Refused, Stale


def check_before_apply(workspace: Workspace, state: LedgerState) -> None:
    """Checks as ``check_standing`` does, after fetching the history that the answer needs and this clone lacks."""
    commit = _missing(workspace, state)
    if commit is not None and workspace.is_ledger_shared and workspace.desired.project.ledger.remote is not None:
        workspace.progress.say(f"fetching the history that leads to commit {commit[:12]}, which was applied before")
        workspace.repository.fetch_history(commit, remote=workspace.desired.project.ledger.remote)
    check_standing(workspace, state)


def check_standing(workspace: Workspace, state: LedgerState) -> None:
    """Checks work tree and history against a shared ledger. Rehearsals ask nothing of either.

    Raises Refused for a dirty work tree and for history that diverged from the applied commit, or can't be known here; Stale
    where the applied commit descends from ours.
    """
    if workspace.is_ledger_shared and workspace.desired.is_dirty and DIRTY not in workspace.policy.allow:
        raise Refused(
            "the work tree has changes that are not committed: what would be applied is in no commit",
            remedy="commit them, or --allow dirty",
        )
    applied, ours = state.project.applied if state.project else None, workspace.desired.commit
    if applied is None or applied.commit is None or ours is None or applied.commit == ours:
        return
    if workspace.repository.is_ancestor(applied.commit, ours):
        return
    if workspace.repository.is_ancestor(ours, applied.commit):
        raise Stale(
            f"commit {applied.commit[:12]} was applied on {applied.at:%Y-%m-%d %H:%M} UTC, and it descends from {ours[:12]}",
            remedy="check out the newer commit, or revert in a commit of its own",
        )
    if DIVERGED not in workspace.policy.allow:
        raise Refused(
            f"commit {applied.commit[:12]} was applied before, and {ours[:12]} does not contain it as far as this clone knows",
            remedy="merge it, fetch the missing history (git fetch --unshallow), or --allow diverged",
        )


def _missing(workspace: Workspace, state: LedgerState) -> str | None:
    """Gives the applied commit where this clone can't tell how it and ours lie to each other."""
    applied, ours = state.project.applied if state.project else None, workspace.desired.commit
    if applied is None or applied.commit is None or ours is None:
        return None
    is_known = workspace.repository.is_ancestor(applied.commit, ours)
    if is_known is None or (is_known is False and workspace.repository.is_ancestor(ours, applied.commit) is None):
        return applied.commit
    return None
