"""The git repository that holds the manifests: where it is, what is checked out, and what came before what.

Reads only, but for history that a shallow clone lacks. It never runs a hook, and takes every commit and remote as data: full
refs, ``--``, no options from outside.
"""

import copy
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from ftops.adapters.git_process import INHERITED, NETWORK_SECONDS, GitFailed, GitProcess, clean_environment
from ftops.adapters.git_refs import configured_remote
from ftops.domain.foreign_text import shell_word, visible
from ftops.errors import UsageProblem

_FETCH: Final = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-prune",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--refmap=",
)
_OF_ANOTHER_USER: Final = re.compile(r"dubious ownership in repository at '(.+)'")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class NoRepository(UsageProblem):
    """A folder lies in no repository at all."""


class GitRepository:
    """Implements ``ports.Repository`` for the repository that ``start`` lies in.

    ``project_root`` is the folder whose state ``is_dirty`` tells, ``start`` where it is not given.
    Raises UsageProblem where there is no repository with a work tree, or no git.
    """

    def __init__(self, start: Path, *, project_root: Path | None = None) -> None:
        if not start.is_dir():
            raise _no_repository(start)
        try:
            self._root, self._common_dir = _folders(GitProcess(folder=start))
        except GitFailed as failure:
            raise unusable(_explore(start), failure) from failure
        # A partial clone would ask its remote for every commit that it doesn't know (heeded from git 2.44 on).
        self._git = GitProcess(folder=self._root, environment={**clean_environment(), "GIT_NO_LAZY_FETCH": "1"})
        self._project_root = (project_root or start).resolve()

    def for_project(self, project_root: Path) -> "GitRepository":
        """Gives the same repository for the project in another of its folders."""
        other = copy.copy(self)
        other._project_root = project_root.resolve()  # noqa: SLF001  (its own)
        return other

    @property
    def root(self) -> Path:
        """The top folder of the work tree."""
        return self._root

    @property
    def common_dir(self) -> Path:
        """The folder that holds refs and objects, shared by all work trees."""
        return self._common_dir

    @property
    def is_shallow(self) -> bool:
        """Whether history was cut off when this was cloned."""
        return (self._common_dir / "shallow").exists()

    def head(self) -> str | None:
        """Gives the commit checked out, None before the first one."""
        return self._commit("HEAD")

    def is_dirty(self) -> bool:
        """Whether anything below the project's root differs from the commit checked out, or is untracked and not ignored.

        Raises UsageProblem where git can't tell: its index is broken, say.
        """
        options = ("--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=dirty", "--no-renames")
        try:
            changes = self._git.run("--literal-pathspecs", "status", *options, "--", str(self._project_root))
        except GitFailed as failure:
            raise unusable(self._common_dir, failure) from failure
        return bool(changes)

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Whether ``older`` is ``newer`` or one of its ancestors; None where the history here can't tell."""
        known_newer = self._commit(newer)
        if known_newer is None:
            return None
        known_older = self._commit(older)
        if known_older is not None and self._git.succeeds("merge-base", "--is-ancestor", known_older, known_newer):
            return True
        if self._is_cut_off(known_newer):
            return None
        # All of newer's history is here: what is not in it is no ancestor, known or not.
        return False

    def changed_files(self, older: str, newer: str) -> frozenset[str] | None:
        """Gives the files below the project's root, as paths from there, in which two commits differ.

        None where they can't be compared: one of them, or what it holds, is not here and can't be fetched.
        """
        if self._commit(older) is None or self._commit(newer) is None:
            return None
        # Only the listings of folders are needed, which a partial clone fetches.
        git = GitProcess(folder=self._project_root)
        options = ("-r", "-z", "--name-only", "--no-renames", "--relative", "--end-of-options")
        try:
            listing = git.run("diff-tree", *options, older, newer, seconds=NETWORK_SECONDS)
        except GitFailed:
            return None
        return frozenset(name.decode("utf-8", "surrogateescape") for name in listing.split(b"\0") if name)

    def content(self, commit: str, path: str, *, limit: int) -> BinaryIO | str:
        """Gives a file below the project's root as it was at a commit, or says why it can't be had."""
        from ftops.adapters.git_blobs import BlobRefused, open_blob

        if self._commit(commit) is None:
            return f"commit {commit[:12]} is not in this clone"
        below = self._project_root.relative_to(self._root)
        try:
            return open_blob(self._git, commit, (below / path).as_posix(), limit=limit)
        except BlobRefused as refused:
            return refused.says

    def fetch_history(self, commit: str, *, remote: str) -> None:
        """Brings what is missing of the history of HEAD and of ``commit``: of a shallow clone's only commits, no files.

        Git makes such a clone a partial one of this remote: what files it needs later it fetches when it needs them.
        """
        git = GitProcess(folder=self._root)
        name = configured_remote(git, remote)
        if not _COMMIT.fullmatch(commit):
            return
        deepening = ("--unshallow", "--filter=tree:0") if self.is_shallow else ()
        # A remote may refuse to give a commit by its hash, or not have it: the history of HEAD is worth having all the same.
        for wanted in (commit, "HEAD"):
            with suppress(GitFailed):
                git.run(*_FETCH, *deepening, "--", name, wanted, seconds=NETWORK_SECONDS)
                return

    def _commit(self, name: str) -> str | None:
        """Gives the commit of that full hash (or of HEAD) where it is here."""
        if name != "HEAD" and not _COMMIT.fullmatch(name):
            return None
        try:
            return self._git.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except GitFailed:
            return None

    def _is_cut_off(self, commit: str) -> bool:
        """Whether the history of a commit ends where the clone was made shallow."""
        shallow = self._common_dir / "shallow"
        if not shallow.exists():
            return False
        roots = self._git.line("rev-list", "--max-parents=0", "--end-of-options", commit).split()
        return not set(shallow.read_text(encoding="ascii").split()).isdisjoint(roots)


def unusable(git_dir: Path, failure: GitFailed) -> UsageProblem:
    """Makes the error about a repository that is there, but that git can't work with, in git's words and with the mend."""
    remedy = "git status tells more"
    foreign = _OF_ANOTHER_USER.search(failure.words)
    if foreign is not None:  # as in containers
        remedy = f"if you trust it: git config --global --add safe.directory {shell_word(foreign[1])}"
    return UsageProblem(f"git can't use the repository at {visible(str(git_dir))}: {failure.gist}", remedy=remedy)


def _folders(git: GitProcess) -> tuple[Path, Path]:
    """Gives the top folder of a work tree and the folder of its refs and objects. Raises GitFailed."""
    lines = git.line("rev-parse", "--show-toplevel", "--git-common-dir").split("\n")
    if len(lines) != 2:  # a folder's name holds a line break
        lines = [git.line("rev-parse", word) for word in ("--show-toplevel", "--git-common-dir")]
    top, common = lines
    return Path(top).resolve(), (git.folder / common).resolve()


def _explore(start: Path) -> Path:
    """Gives the git folder of a place that git itself won't work in. Raises UsageProblem where that is no wonder.

    GitPython tells these cases apart. It is imported here alone, as that takes longer than all that git does for a plan.
    """
    import git

    try:
        with _without_inherited_variables():
            repo = git.Repo(start, search_parent_directories=True)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise _no_repository(start) from error
    if repo.bare:
        raise UsageProblem(f"{start} is in a bare git repository, which has no work tree", remedy="use a clone of it")
    return Path(repo.git_dir).resolve()


def _no_repository(start: Path) -> NoRepository:
    return NoRepository(f"{start} is not in a git repository", remedy="git init")


@contextmanager
def _without_inherited_variables() -> Iterator[None]:
    """Takes out of the environment, for a moment, what points git to another repository: GitPython obeys it as git does."""
    kept = {name: os.environ.pop(name) for name in sorted(INHERITED & os.environ.keys())}
    try:
        yield
    finally:
        os.environ.update(kept)
