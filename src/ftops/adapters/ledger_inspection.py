"""A ledger looked at as a whole: implements ``ports.LedgerInspector`` for one project's folder, however broken it is.

Owns what ``ftops ledger verify`` knows of a branch; what must hold of the records is ``domain.invariants``'. It writes no
ledger: accepting one moves refs of this clone alone.
"""

from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ftops.adapters.git_ledger import lock_path
from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.adapters.git_refs import read_ref
from ftops.adapters.ledger_branches import Look
from ftops.adapters.ledger_files import VERIFY, folder_of
from ftops.adapters.ledger_history import History, read_history
from ftops.adapters.ledger_ownership import check_holds_ledger, check_not_checked_out
from ftops.adapters.ledger_remote import open_branch
from ftops.adapters.ledger_survey import LedgerSurvey, Survey
from ftops.domain.findings import Finding, Invariant
from ftops.domain.foreign_text import quoted
from ftops.domain.ledger_losses import losses
from ftops.errors import LedgerCorrupt, LedgerUnreachable, UsageProblem
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

    def inspect(self, *, since: str | None = None) -> Inspected:
        """Fetches the branch and looks at all of it. Raises UsageProblem where ``since`` is no commit of it."""
        return self._looked_at(is_accepting=False, stated=since)

    def accept(self) -> Inspected:
        """Takes the branch as it is now, and says what was lost."""
        return self._looked_at(is_accepting=True)

    def _looked_at(self, *, is_accepting: bool, stated: str | None = None) -> Inspected:
        try:
            with self._lock:
                check_not_checked_out(self._git, self._name)
                found = self._branch.look()
                if is_accepting:
                    since = found.tip
                else:
                    since = self._commit(stated, found.tip) if stated is not None else self._branch.accepted()
                inspected = self._inspected(found, since=since, is_accepting=is_accepting)
                # Last of all: what turns out to be no ledger is never taken for one.
                if is_accepting:
                    self._branch.accept(found)
                return inspected
        except Timeout as error:
            raise LedgerUnreachable(
                f"another ftops has held the ledger's lock for {_LOCK_SECONDS:g} s", remedy="wait for it to end"
            ) from error
        except GitFailed as failure:
            raise LedgerCorrupt(f"git can't work with the ledger's branch: {failure}", remedy="git fsck") from failure

    def _commit(self, stated: str, tip: str | None) -> str:
        """Gives the whole hash of a commit of the branch that a person or a script named."""
        commit = read_ref(self._git, f"{stated}^{{commit}}")
        if commit is None or tip is None or not self._git.succeeds("merge-base", "--is-ancestor", commit, tip):
            raise UsageProblem(
                f"{quoted(stated)} is no commit of the ledger's branch {self._name!r} {self._branch.place}",
                remedy="name a commit of that branch; --backend chooses the ledger where there are two",
            )
        return commit

    def _inspected(self, found: Look, *, since: str | None, is_accepting: bool) -> Inspected:
        survey, history = Survey(), History()
        if found.tip is not None:
            check_holds_ledger(self._git, self._name, found.tip)
            survey = self._survey.at(found.tip)
            history = read_history(self._git, self._survey, folder=self._folder, tip=found.tip, since=since)
        unreadable = (Finding(invariant=Invariant.READABLE, says=_told(problem)) for problem in survey.problems)
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


def _told(problem: LedgerCorrupt) -> str:
    """Gives what a problem says, with its remedy where that is not what is being done here."""
    return problem.message if problem.remedy in {None, VERIFY} else f"{problem.message}; {problem.remedy}"
