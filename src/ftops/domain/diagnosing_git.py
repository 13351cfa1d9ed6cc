"""From facts about git to findings: the program, the repository, and what is checked out there.

Pure: ``adapters.doctor_git`` gathers the facts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ftops.domain.diagnosis import Check, Finding, Unknown, listed, unknown, warning, well, wrong
from ftops.domain.foreign_text import quoted, visible

# What ftops asks of git: --no-write-fetch-head since 2.29, rev-parse --end-of-options since 2.30.
OLDEST_GIT: Final = (2, 30)
# From here on git heeds safe.bareRepository.
SAFE_GIT: Final = (2, 38)
_LOCAL: Final = (
    Check.REPOSITORY, Check.IDENTITY, Check.HISTORY, Check.CHECKOUT, Check.WORK_TREE, Check.IGNORED,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryFacts:
    """The repository as it lies here. ``branch`` is None where no branch is checked out.

    ``tracked_state`` are files below ``.ftops`` that git has in a commit. ``is_ci``: this is a CI run.
    """

    has_commit: bool = True
    branch: str | None = "main"
    is_shallow: bool = False
    is_dirty: bool = False
    has_name: bool = True
    has_email: bool = True
    is_ignored: bool = True
    tracked_state: tuple[str, ...] = ()
    is_ci: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Why something can't be used, in words, with its remedy and what it would end a command with."""

    message: str
    remedy: str | None = None
    exit_code: int = 1

    @property
    def mends(self) -> tuple[str, ...]:
        """The remedy, if there is one."""
        return () if self.remedy is None else (self.remedy,)


@dataclass(frozen=True, kw_only=True, slots=True)
class GitFacts:
    """The program, and the repository or why there is none. ``version`` is None where git isn't installed."""

    version: tuple[int, ...] | None
    repository: RepositoryFacts | Trouble


def diagnose_git(facts: GitFacts | Unknown, *, is_shared: bool) -> Iterator[Finding]:
    """Gives the findings about git here. ``is_shared``: the ledger is one that others see, so that guards ask more."""
    if isinstance(facts, Unknown):
        yield from (unknown(check, facts) for check in (Check.GIT, *_LOCAL))
        return
    yield _program(facts.version)
    repository = facts.repository
    if isinstance(repository, Trouble):
        yield wrong(Check.REPOSITORY, visible(repository.message), *repository.mends, code=repository.exit_code)
        why = Unknown(why="there is no repository to look at")
        yield from (unknown(check, why) for check in _LOCAL if check is not Check.REPOSITORY)
        return
    yield well(Check.REPOSITORY, "this is a git repository with a work tree")
    yield _identity(repository)
    yield _history(repository)
    yield _checkout(repository)
    yield _work_tree(repository, is_shared=is_shared)
    yield _ignored(repository)


def _program(version: tuple[int, ...] | None) -> Finding:
    if version is None:
        return wrong(Check.GIT, "git is not installed, or not on the PATH", "install git", code=2)
    shown, oldest = ".".join(map(str, version)), ".".join(map(str, OLDEST_GIT))
    if version < OLDEST_GIT:
        return wrong(Check.GIT, f"git {shown} is too old", f"install git {oldest} or newer", code=1)
    if version < SAFE_GIT:
        says = f"git {shown} obeys settings of bare repositories that somebody commits; ftops looks for these itself"
        return warning(Check.GIT, says, f"install git {'.'.join(map(str, SAFE_GIT))} or newer")
    return well(Check.GIT, f"git {shown}")


def _identity(repository: RepositoryFacts) -> Finding:
    wanting = [
        word
        for word, is_there in (("user.name", repository.has_name), ("user.email", repository.has_email))
        if not is_there
    ]
    if not wanting:
        return well(Check.IDENTITY, "git knows your name and address")
    if repository.is_ci:
        return unknown(Check.IDENTITY, Unknown(why="a CI run commits nothing; the ledger's commits bear ftops' name"))
    example = {"user.name": "'Your Name'", "user.email": "you@example.com"}
    says = f"git doesn't know your {' and '.join(wanting)}: you can't commit manifests"
    return warning(Check.IDENTITY, says, *(f"git config --global {word} {example[word]}" for word in wanting))


def _history(repository: RepositoryFacts) -> Finding:
    if not repository.is_shallow:
        return well(Check.HISTORY, "this clone has the whole history")
    says = "a shallow clone: apply has to fetch history to know whether a newer commit was applied"
    mend = "git fetch --unshallow --filter=tree:0"
    line = "in the workflow: actions/checkout with fetch-depth: 0 and filter: tree:0"
    return warning(Check.HISTORY, says, *((line, mend) if repository.is_ci else (mend,)))


def _checkout(repository: RepositoryFacts) -> Finding:
    if not repository.has_commit:
        says = "there is no commit yet: the ledger could not say which one was applied"
        return warning(Check.CHECKOUT, says, "git add . && git commit -m 'Declare models'")
    if repository.branch is None and not repository.is_ci:
        return warning(Check.CHECKOUT, "no branch is checked out: commits made here are easily lost", "git switch main")
    return well(Check.CHECKOUT, f"on {visible(repository.branch or 'a commit, as CI runs are')}")


def _work_tree(repository: RepositoryFacts, *, is_shared: bool) -> Finding:
    if not repository.is_dirty:
        return well(Check.WORK_TREE, "everything is committed")
    if not is_shared:
        return well(Check.WORK_TREE, "some changes are not committed, which a ledger of this clone alone doesn't mind")
    says = "some changes are not committed: apply refuses, as what it applied would be in no commit"
    return wrong(Check.WORK_TREE, says, "git add -A && git commit -m 'Change models'", "git stash -u", code=5)


def _ignored(repository: RepositoryFacts) -> Finding:
    if repository.tracked_state:
        says = f"git has files of .ftops in its commits: {listed(quoted(path) for path in repository.tracked_state)}"
        return warning(Check.IGNORED, says, "git rm -r --cached .ftops", "echo .ftops/ >> .gitignore")
    if not repository.is_ignored:
        says = "git doesn't ignore .ftops, where models' answers and local state lie"
        return warning(Check.IGNORED, says, "echo .ftops/ >> .gitignore")
    return well(Check.IGNORED, "git ignores .ftops")
