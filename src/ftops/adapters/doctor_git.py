"""What the doctor asks git here and at the remote: version, repository, settings, and whether a push would be let in.

Owns the gathering of those facts, each call bounded in time; no ref, file or setting is changed. What a push comes to is
found out by ``--dry-run``: the remote checks who asks before anything is sent, its hooks and rules never run.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ftops.adapters.git_process import LOCAL_SECONDS, OUTPUT_LIMIT, GitFailed, GitProcess, clean_environment
from ftops.adapters.git_refs import branch_ref, is_configured
from ftops.adapters.git_refusals import is_forbidden
from ftops.adapters.git_repo import GitRepository, unusable
from ftops.domain.diagnosing_git import GitFacts, RepositoryFacts, Trouble
from ftops.domain.diagnosis import Unknown
from ftops.errors import UsageProblem

SECONDS: Final = 8.0
_VERSION: Final = re.compile(r"git version (\d+(?:\.\d+)*)")
_SHOWN: Final = 20
_SHORTEST: Final = 8  # shorter values are words that a message may need
_CI: Final = ("CI", "GITHUB_ACTIONS", "GITLAB_CI")


@dataclass(frozen=True, kw_only=True)
class HurriedGit(GitProcess):
    """Git that gives up on a network that hangs after seconds, where commands that do something wait for minutes."""

    def run(
        self, *arguments: str, stdin: bytes = b"", seconds: float = LOCAL_SECONDS, limit: int = OUTPUT_LIMIT
    ) -> bytes:
        """Gives what ``git arguments`` wrote, or raises, as GitProcess does, ``SECONDS`` at most after its start."""
        return super().run(*arguments, stdin=stdin, seconds=min(seconds, SECONDS), limit=limit)


def hurried_git(folder: Path) -> HurriedGit:
    """Gives git for one folder; it fetches no object that a partial clone lacks unasked."""
    # Git ends by itself where a host says nothing, also once nobody waits for it any more.
    quick = {"GIT_NO_LAZY_FETCH": "1", "GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": f"{SECONDS:.0f}"}
    return HurriedGit(folder=folder, environment={**clean_environment(), **quick})


def read_facts(found: GitRepository | UsageProblem, root: Path, *, environ: Mapping[str, str]) -> GitFacts:
    """Asks git about a repository, or tells why there is none; ``root`` is the project's folder."""
    version = _version(root)
    if version is None:
        return GitFacts(version=None, repository=Trouble(message="without git nobody knows", exit_code=2))
    if isinstance(found, UsageProblem):
        return GitFacts(version=version, repository=_trouble(found))
    try:
        return GitFacts(version=version, repository=_repository(found.for_project(root), root, environ))
    except UsageProblem as error:
        return GitFacts(version=version, repository=_trouble(error))
    except GitFailed as failure:
        return GitFacts(version=version, repository=_trouble(unusable(found.common_dir, failure)))


def _trouble(error: UsageProblem) -> Trouble:
    return Trouble(message=error.message, remedy=error.remedy or "git status", exit_code=error.exit_code)


def _version(folder: Path) -> tuple[int, ...] | None:
    import subprocess

    # By itself: GitProcess refuses folders that the doctor has still to tell of.
    try:
        done = subprocess.run(
            ["git", "version"], cwd=folder, env=clean_environment(), capture_output=True, timeout=SECONDS, check=False
        )
    except OSError:
        return None
    found = _VERSION.match(done.stdout.decode("utf-8", "replace"))
    return tuple(map(int, found[1].split(".")[:3])) if found else None


def _repository(repository: GitRepository, root: Path, environ: Mapping[str, str]) -> RepositoryFacts:
    git = hurried_git(root)
    tracked = git.run("ls-files", "-z", "--", ".ftops").decode("utf-8", "surrogateescape").split("\0")
    known = (_answer(git, "config", "--name-only", "--get-regexp", r"^user\.(name|email)$") or "").split()
    return RepositoryFacts(
        has_commit=repository.head() is not None,
        branch=_answer(git, "symbolic-ref", "--quiet", "--short", "HEAD"),
        is_shallow=repository.is_shallow,
        is_dirty=repository.is_dirty(),
        has_name="user.name" in known or bool(environ.get("GIT_AUTHOR_NAME")),
        has_email="user.email" in known or bool(environ.get("GIT_AUTHOR_EMAIL") or environ.get("EMAIL")),
        is_ignored=git.succeeds("check-ignore", "--quiet", "--no-index", "--", ".ftops/state"),
        tracked_state=tuple(name for name in tracked if name)[:_SHOWN],
        is_ci=is_ci(environ),
    )


def is_ci(environ: Mapping[str, str]) -> bool:
    """Whether this is a CI run."""
    return any(environ.get(name, "").lower() not in {"", "0", "false"} for name in _CI)


def _answer(git: GitProcess, *arguments: str) -> str | None:
    try:
        return git.line(*arguments) or None
    except GitFailed:
        return None


def remotes(git: GitProcess, wanted: str) -> tuple[bool, tuple[str, ...]]:
    """Whether the wanted remote is configured, and which others are."""
    every = git.run("remote").decode("utf-8", "replace").split()
    return is_configured(git, wanted), tuple(name for name in sorted(every) if name != wanted)


def push_address(git: GitProcess, remote: str) -> str:
    """Gives the address that pushes to a configured remote go to; it may hold a password."""
    return _answer(git, "remote", "get-url", "--push", remote) or ""


def try_push(git: GitProcess, *, remote: str, branch: str) -> Trouble | Unknown | None:
    """Begins a push of ``branch`` and sends nothing. Gives None where it was let in, else why not."""
    ref = branch_ref(git, branch)
    if _answer(git, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return Unknown(why="there is no commit to try it with")
    words = ("push", "--dry-run", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags")
    try:
        # Never forced: a branch that is there can't be moved by what isn't on it, even if a dry run were a wet one.
        git.run(*words, "--recurse-submodules=no", "--", remote, f"HEAD:{ref}", seconds=SECONDS)
    except GitFailed as failure:
        if re.search(r"^!\t.*\[rejected\]", failure.words.replace("\\x09", "\t"), re.MULTILINE):
            return None  # git here says that HEAD doesn't descend from it, after the remote had let us in
        code = 9 if is_forbidden(failure) else 1
        remedy = f"grant contents: write on {ref}: git push --dry-run {remote} HEAD:{ref} shows what is refused"
        return Trouble(message=failure.gist, remedy=remedy, exit_code=code)
    return None


def credentials_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Gives what the environment holds of keys, tokens and passwords, so that no message shows them."""
    words = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
    stated = [value.strip() for name, value in environ.items() if words.search(name)]
    in_urls = [part for value in environ.values() for part in re.findall(r"://[^/\s@]*?:([^/\s@]+)@", value)]
    return tuple(sorted({text for text in (*stated, *in_urls) if len(text) >= _SHORTEST}, key=len, reverse=True))
