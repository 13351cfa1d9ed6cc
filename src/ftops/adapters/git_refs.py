"""Refs and remotes by name: reads and moves full refs, and lets no other word from the configuration reach git."""

import re

from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.errors import UsageProblem


def read_ref(git: GitProcess, ref: str) -> str | None:
    """Gives what a full ref points to; None where there is no such ref."""
    try:
        return git.line("rev-parse", "--verify", "--quiet", "--end-of-options", ref)
    except GitFailed as failure:
        if failure.status == 1:
            return None
        raise


def move_ref(git: GitProcess, ref: str, new: str, *, old: str | None) -> None:
    """Moves a ref by compare-and-swap; ``old`` None is one that must not exist yet. Raises GitFailed."""
    git.run("update-ref", "--no-deref", "-m", "ftops", ref, new, old or "0" * len(new))


def branch_ref(git: GitProcess, branch: str) -> str:
    """Gives a branch's full ref. Raises UsageProblem where that can't be a branch's name."""
    ref = f"refs/heads/{branch}"
    try:
        git.run("check-ref-format", ref)
    except GitFailed as failure:
        raise UsageProblem(f"{branch!r} can't be a branch's name", remedy="set spec.ledger.branch") from failure
    return ref


def configured_remote(git: GitProcess, remote: str) -> str:
    """Gives the name back where it is a configured remote's: git would take any other word for a path or an address."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*", remote):
        try:
            git.run("config", "--get-all", f"remote.{remote}.url")
        except GitFailed:
            pass
        else:
            return remote
    raise UsageProblem(
        f"the ledger's remote {remote!r} is not configured in this repository",
        remedy="git remote add it, or set spec.ledger.remote to the name of one that exists",
    )
