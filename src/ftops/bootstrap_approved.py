"""Wires what finds the plans that reviewers approved: the commits that are not applied yet, and GitHub's artifacts."""

import threading
from collections.abc import Mapping
from typing import Final

from ftops.adapters.git_commits import commits_since
from ftops.adapters.github_api import GitHubApi, access_of
from ftops.adapters.github_approvals import GitHubApprovals, KeptPlan
from ftops.bootstrap import load_desired, open_workspace
from ftops.bootstrap_place import Place
from ftops.domain.guard import Policy
from ftops.errors import MissingKey
from ftops.ports import Progress

# Each of them costs a call or three; who waits longer with applying plans anew.
MOST_COMMITS: Final = 50


def unapplied_commits(place: Place, progress: Progress) -> tuple[str, ...]:
    """Gives the main branch's commits that no apply has seen, newest first: the present one alone where that can't be told."""
    desired = load_desired(place, backend=None)
    head = desired.commit
    if head is None:
        return ()
    with open_workspace(
        place, desired, policy=Policy(), progress=progress, stop=threading.Event(), is_offline=True
    ) as workspace:
        states = [workspace.ledgers[name].read().state for name in workspace.shared_ledgers]
    applied = next((s.project.applied.commit for s in states if s.project and s.project.applied), None)
    if applied is None:
        return (head,)
    since = commits_since(place.top, applied, head, at_most=MOST_COMMITS)
    if since is None and (remote := desired.project.ledger.remote) is not None:
        progress.say(f"fetching the history that leads to commit {applied[:12]}, which was applied before")
        place.repository.fetch_history(applied, remote=remote)
        since = commits_since(place.top, applied, head, at_most=MOST_COMMITS)
    return (head,) if since is None else since


def find_approvals(
    place: Place, environ: Mapping[str, str], *, repository: str, workflow: str, progress: Progress
) -> tuple[KeptPlan, ...]:
    """Gives what GitHub keeps for each commit that is not applied yet. Raises HostError, MissingKey, UsageProblem."""
    if not environ.get("GITHUB_TOKEN"):
        raise MissingKey(
            "GITHUB_TOKEN is not set, so GitHub can't be asked for plans",
            remedy="give the step env: {GITHUB_TOKEN: ${{ github.token }}}",
        )
    access, commits = access_of(environ), unapplied_commits(place, progress)
    with GitHubApi(access) as api:
        approvals = GitHubApprovals(api, access, repository=repository, workflow=workflow)
        return tuple(approvals.plan_of(commit, among=commits) for commit in commits)
