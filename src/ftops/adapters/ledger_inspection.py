"""A ledger looked at as a whole: implements ``ports.LedgerInspector`` for one project's folder, however broken it is.

Owns what ``ftops ledger verify`` knows of a branch; what must hold of the records is ``domain.invariants``'. It writes no
ledger: accepting one moves refs of this clone alone.
"""

from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ftops.adapters.git_ledger import lock_path
from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.adapters.ledger_branches import Look
from ftops.adapters.ledger_files import folder_of
from ftops.adapters.ledger_history import History, read_history
from ftops.adapters.ledger_ownership import check_holds_ledger, check_not_checked_out
from ftops.adapters.ledger_remote import open_branch
from ftops.adapters.ledger_survey import LedgerSurvey, Survey
from ftops.domain.findings import Finding, Invariant
from ftops.domain.ledger_losses import losses
from ftops.errors import LedgerCorrupt, LedgerUnreachable
from ftops.ports import Clock, Inspected

_LOCK_SECONDS: Final = 60.0


class LedgerInspection:
    """One project's folder of the ledger branch. Raises UsageProblem where the branch, remote or project can't be used."""

    def __init__(self, repo_root: Path, *, project: str, branch: str, remote: str | None, clock: Clock) -> None:
        self._git = GitProcess(folder=repo_root)
        self._name = branch
        self._folder = folder_of(project)
        self._branch = open_branch(self._git, branch, remote=remote, clock=clock)
        self._survey = LedgerSurvey(self._git, self._folder)
        self._lock = FileLock(lock_path(self._git), timeout=_LOCK_SECONDS, poll_interval=0.01)

    def inspect(self) -> Inspected:
        """Fetches the branch and looks at all of it."""
        return self._looked_at(is_accepting=False)

    def accept(self) -> Inspected:
        """Takes the branch as it is now, and says what was lost."""
        return self._looked_at(is_accepting=True)

    def _looked_at(self, *, is_accepting: bool) -> Inspected:
        try:
            with self._lock:
                check_not_checked_out(self._git, self._name)
                found = self._branch.accept() if is_accepting else self._branch.look()
                return self._inspected(found, is_accepting=is_accepting)
        except Timeout as error:
            raise LedgerUnreachable(
                f"another ftops has held the ledger's lock for {_LOCK_SECONDS:g} s", remedy="wait for it to end"
            ) from error
        except GitFailed as failure:
            raise LedgerCorrupt(f"git can't work with the ledger's branch: {failure}", remedy="git fsck") from failure

    def _inspected(self, found: Look, *, is_accepting: bool) -> Inspected:
        survey, history, since = Survey(), History(), self._branch.accepted()
        if found.tip is not None:
            check_holds_ledger(self._git, self._name, found.tip)
            survey = self._survey.at(found.tip)
            history = read_history(self._git, self._survey, folder=self._folder, tip=found.tip, since=since)
        unreadable = (
            Finding(
                invariant=Invariant.READABLE, says=problem.message + (f"; {problem.remedy}" if problem.remedy else "")
            )
            for problem in survey.problems
        )
        return Inspected(
            branch=self._name,
            place=self._branch.place,
            tip=found.tip,
            state=survey.state,
            commits=history.commits,
            findings=(*self._rewriting(found, is_accepting=is_accepting), *unreadable, *history.findings),
            older=survey.older,
            lost=self._lost(found, survey),
            since=since,
        )

    def _rewriting(self, found: Look, *, is_accepting: bool) -> tuple[Finding, ...]:
        if not found.is_rewritten or is_accepting:
            return ()
        what = "was deleted" if found.tip is None else "was rewritten"
        says = f"the branch {what}: it no longer holds commit {str(found.before)[:12]}, which was seen before"
        return (Finding(invariant=Invariant.APPEND_ONLY, says=says),)

    def _lost(self, found: Look, survey: Survey) -> tuple[str, ...]:
        if not found.is_rewritten or found.before is None:
            return ()
        return losses(self._survey.at(found.before).state, survey.state)
