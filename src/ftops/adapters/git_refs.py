"""Refs and remotes by name: reads and moves full refs, and lets no other word from the configuration reach git."""

import re
from collections.abc import Iterable
from typing import Final

from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.errors import UsageProblem

# Nothing that git's rules for refs are about: no dot, and none of the signs that mean something in a revision.
_PLAIN_BRANCH: Final = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")


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


def set_ref(git: GitProcess, ref: str, new: str | None) -> None:
    """Makes a ref of ftops' own point to ``new``, whatever it was; None removes it. Raises GitFailed."""
    if read_ref(git, ref) != new:
        git.run("update-ref", "--no-deref", *(("-d", ref) if new is None else (ref, new)))


def branch_ref(git: GitProcess, branch: str) -> str:
    """Gives a branch's full ref. Raises UsageProblem where that can't be a branch's name."""
    ref = f"refs/heads/{branch}"
    if _PLAIN_BRANCH.fullmatch(branch):
        return ref
    try:
        git.run("check-ref-format", ref)
    except GitFailed as failure:
        raise UsageProblem(f"{branch!r} can't be a branch's name", remedy="set spec.ledger.branch") from failure
    return ref


def rival_patterns(ref: str) -> tuple[str, ...]:
    """Gives patterns of the branches beside which a branch can't exist: in git, no ref's name begins another one's path."""
    parts = ref.split("/")
    return (*("/".join(parts[:end]) for end in range(3, len(parts))), f"{ref}/*")


def rival_of(ref: str, others: Iterable[str]) -> str | None:
    """Gives the first of some refs, by name, beside which ``ref`` can't exist; None where it can."""
    return next((other for other in sorted(others) if other.startswith(f"{ref}/") or ref.startswith(f"{other}/")), None)


def flat(name: str) -> str:
    """Gives a name as one part of a ref's path, so that what is kept of ``a`` never stands in the way of ``a/b``."""
    return name.replace("%", "%25").replace("/", "%2F")


def is_configured(git: GitProcess, remote: str) -> bool:
    """Whether a remote of that name is configured, with an address."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*", remote):
        return False
    try:
        git.run("config", "--get-all", f"remote.{remote}.url")
    except GitFailed:
        return False
    return True


def point_to(git: GitProcess, commit: str, *refs: str) -> bool:
    """Whether all of these full refs point to a commit, and it is here."""
    asked = "".join(f"{ref}\n" for ref in refs).encode()
    answer = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked).decode("utf-8", "replace")
    return answer.splitlines() == [f"{commit} commit"] * len(refs)


def configured_remote(git: GitProcess, remote: str) -> str:
    """Gives the name back where it is a configured remote's: git would take any other word for a path or an address."""
    if is_configured(git, remote):
        return remote
    raise UsageProblem(
        f"the ledger's remote {remote!r} is not configured in this repository",
        remedy="git remote add it, or set spec.ledger.remote to the name of one that exists",
    )
