"""Whether a branch is ftops' own: what somebody works on, or what holds other files, is never taken for the ledger.

Owns that rule alone: a branch that is checked out would move under its user, and commits on top of sources would bring
``projects/…`` among them.
"""

import re
from typing import Final

from ftops.adapters.git_process import GitFailed, GitProcess, OutputTooLarge
from ftops.adapters.ledger_files import VERIFY
from ftops.domain.foreign_text import quoted
from ftops.errors import LedgerCorrupt, LedgerError, Refused

_TOP: Final = b"projects"
_REMEDY: Final = "set spec.ledger.branch in ftops.yaml to another name, of a branch that ftops may keep for itself"
_LISTING_LIMIT: Final = 1 << 16
_RECORDS_LIMIT: Final = 1 << 23
_RECORD: Final = re.compile(rb"projects/[a-z0-9-]+/(?:project|fine-tunes/[a-z0-9-]+)\.json")


class NotALedger(LedgerError, Refused):
    """The branch is not ftops' own: a refusal, and for those who write, one of the ledger's troubles."""

    exit_code = Refused.exit_code


def branch_blocked(ref: str, rival: str) -> NotALedger:
    """Makes the error of a branch that can't exist beside another one."""
    ours, theirs = (name.removeprefix("refs/heads/") for name in (ref, rival))
    return NotALedger(
        f"the ledger's branch {quoted(ours, limit=200)} can't be made beside the branch {quoted(theirs, limit=200)}",
        remedy="rename that branch, or set spec.ledger.branch in ftops.yaml to another name",
    )


def check_not_checked_out(git: GitProcess, branch: str) -> None:
    """Raises NotALedger where a work tree of this clone is on the branch."""
    line = f"branch refs/heads/{branch}".encode()
    # Also listed where the branch has no commit yet; a work tree with its HEAD detached is on no branch.
    if line in git.run("worktree", "list", "--porcelain").split(b"\n"):
        raise NotALedger(f"the ledger can't be the branch {branch!r}: it is checked out in this clone", remedy=_REMEDY)


def check_holds_ledger(git: GitProcess, branch: str, tip: str) -> None:
    """Raises NotALedger where a tip holds anything besides ledgers. To be called for each tip that others made."""
    try:
        listing = git.run("ls-tree", "--name-only", "--full-tree", "-z", tip, limit=_LISTING_LIMIT)
    except OutputTooLarge:
        example = "very many files"
    except GitFailed as failure:
        raise LedgerCorrupt(f"the ledger's commit {tip} can't be read: {failure.gist}", remedy="git fsck") from failure
    else:
        foreign = [name for name in listing.split(b"\0")[:-1] if name != _TOP]
        if not foreign:
            return
        example = quoted(foreign[0].decode("utf-8", "replace"))
    what = f"it holds {example}, not ledgers alone"
    if _has_records(git, tip):
        # Another branch would be an empty ledger: what was paid for is recorded here.
        remedy = f"remove all that lies beside projects/ ({example}) in a commit on top of that branch; then {VERIFY}"
        raise NotALedger(f"nothing is read from the ledger's branch {branch!r}: {what}", remedy=remedy)
    raise NotALedger(f"the ledger can't be the branch {branch!r}: {what}", remedy=_REMEDY)


def _has_records(git: GitProcess, tip: str) -> bool:
    """Whether a tip holds records of a ledger, whatever lies beside them."""
    try:
        words = ("ls-tree", "-r", "--name-only", "--full-tree", "-z", tip, "--", "projects/")
        listing = git.run(*words, limit=_RECORDS_LIMIT)
    except OutputTooLarge:
        return True  # where it may be a ledger, nobody is told to start another one
    return any(_RECORD.fullmatch(path) for path in listing.split(b"\0"))
