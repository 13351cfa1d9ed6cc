"""What the doctor reads of the ledger and of ``.ftops/pending``: fetched as ``plan`` fetches it, and read file by file.

Owns the gathering of ``domain.diagnosing_ledger``'s facts. It remembers no tip, binds no rehearsal and moves no file.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ftops.adapters.clock import SystemClock
from ftops.adapters.git_ledger import lock_path
from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.adapters.git_repo import GitRepository
from ftops.adapters.ledger_branches import LedgerBranch, Look
from ftops.adapters.ledger_files import folder_of
from ftops.adapters.ledger_ownership import check_holds_ledger, check_not_checked_out
from ftops.adapters.ledger_remote import open_branch
from ftops.adapters.ledger_survey import LedgerSurvey, Survey
from ftops.adapters.rehearsal_ledger import rehearsal_branch
from ftops.domain.diagnosing_git import Trouble
from ftops.domain.diagnosing_ledger import LedgerFacts, PendingFacts, Standing
from ftops.domain.manifest import Project
from ftops.domain.records import LedgerState
from ftops.errors import FtopsError, LedgerCorrupt, LedgerError, LedgerForbidden, LedgerUnreachable

_LOCK_SECONDS: Final = 5.0


def look_at_ledger(
    git: GitProcess,
    repository: GitRepository,
    project: Project,
    *,
    remote: str | None,
    is_rehearsal: bool,
    is_offline: bool,
) -> LedgerFacts | Trouble:
    """Reads the ledger, of rehearsals the one of this clone; ``is_offline`` reads the copy here. Writes nothing but that copy.

    Trouble is why the remote can't be asked. Raises LedgerError where git itself fails, or another ftops keeps the lock.
    """
    with _exclusively(git):
        return _looked_at(git, repository, project, remote=remote, is_rehearsal=is_rehearsal, is_offline=is_offline)


def _looked_at(
    git: GitProcess,
    repository: GitRepository,
    project: Project,
    *,
    remote: str | None,
    is_rehearsal: bool,
    is_offline: bool,
) -> LedgerFacts | Trouble:
    name = rehearsal_branch(project.ledger.branch) if is_rehearsal else project.ledger.branch
    remote = None if is_rehearsal else remote
    place = "in this clone" if remote is None else f"at {remote}"
    facts = LedgerFacts(branch=name, place=f"{place}, as seen last" if is_offline and remote else place)
    try:
        check_not_checked_out(git, name)
        branch = open_branch(git, name, remote=remote, clock=SystemClock(threading.Event()))
        found = _look(branch, is_offline=is_offline)
        if found.tip is not None:
            check_holds_ledger(git, name, found.tip)
        survey = LedgerSurvey(git, folder_of(project.name)).at(found.tip) if found.tip else Survey()
        others = _projects(git, found.tip, apart_from=project.name)
    except (LedgerUnreachable, LedgerForbidden) as error:
        return _trouble(error)
    except GitFailed as failure:
        raise LedgerCorrupt(f"git can't work with the ledger's branch: {failure.gist}") from failure
    except FtopsError as error:
        return replace(facts, trouble=_trouble(error))
    return replace(
        facts,
        exists=found.tip is not None,
        problems=tuple(_trouble(problem) for problem in survey.problems),
        is_rewritten=found.is_rewritten,
        others=others,
        state=survey.state,
        standing=_standing(repository, survey.state),
        is_shallow=repository.is_shallow,
    )


@contextmanager
def _exclusively(git: GitProcess) -> Iterator[None]:
    """Keeps other ftops processes of this clone out, as all who read the ledger do; where none ever ran no file is made."""
    path = lock_path(git)
    if not path.exists():
        yield
        return
    try:
        with FileLock(path, timeout=_LOCK_SECONDS, poll_interval=0.05):
            yield
    except Timeout as error:
        raise LedgerError("another ftops works with the ledger in this clone: ask again when it has ended") from error


def _look(branch: LedgerBranch, *, is_offline: bool) -> Look:
    if is_offline:
        tip = branch.cached()
        return Look(tip=tip, before=tip)
    return branch.look()


def _trouble(error: FtopsError) -> Trouble:
    return Trouble(message=error.message, remedy=error.remedy, exit_code=error.exit_code)


def _projects(git: GitProcess, tip: str | None, *, apart_from: str) -> tuple[str, ...]:
    if tip is None:
        return ()
    try:
        listing = git.run("ls-tree", "--name-only", "--full-tree", "-z", tip, "--", "projects/", limit=1 << 20)
    except GitFailed:
        return ()
    names = (line.decode("utf-8", "replace").removeprefix("projects/") for line in listing.split(b"\0") if line)
    return tuple(sorted(name for name in names if name != apart_from))


def _standing(repository: GitRepository, state: LedgerState) -> Standing:
    """Says how the applied commit lies to this one, as ``application.standing`` judges it; fetches no history."""
    applied, ours = state.project.applied if state.project else None, repository.head()
    if applied is None or applied.commit is None or ours is None:
        return Standing.NONE
    if applied.commit == ours:
        return Standing.CONTAINED
    is_past = repository.is_ancestor(applied.commit, ours)
    if is_past:
        return Standing.CONTAINED
    is_newer = repository.is_ancestor(ours, applied.commit)
    if is_newer:
        return Standing.NEWER
    return Standing.UNKNOWN if is_past is None or is_newer is None else Standing.DIVERGED


def pending_facts(ftops_dir: Path) -> PendingFacts:
    """Counts what waits in ``.ftops/pending``, and what the ledger refused."""
    folder = ftops_dir / "pending"
    return PendingFacts(
        waiting=sum(1 for _ in folder.glob("*.json")), refused=sum(1 for _ in (folder / "refused").glob("*.json"))
    )
