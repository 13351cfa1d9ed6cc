"""The ledger's branch as something to read the tip of and to move by compare-and-swap; here, a branch of this clone alone.

Owns that port, and the branch ``refs/heads/BRANCH`` where there is no remote. ``ledger_remote`` has the one at a remote.
Callers hold the clone's lock (``adapters.git_ledger``), as refs are shared by all processes that work in it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.adapters.git_refs import branch_ref, flat, move_ref, read_ref, rival_of, rival_patterns, set_ref
from ftops.adapters.git_refusals import is_contention
from ftops.adapters.ledger_ownership import branch_blocked
from ftops.errors import LedgerForbidden
from ftops.ports import Clock

LOCK_TRIES: Final = 10


class Published(Enum):
    """What became of a commit: it is the branch's now, or the branch moved first."""

    COUNTS = "counts"
    MOVED = "moved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A branch as it is now: its tip, the one seen last before (None: none was), and whether that one is no part of it now."""

    tip: str | None
    before: str | None
    is_rewritten: bool = False


class LedgerBranch(Protocol):
    """The branch; tips are commit hashes, None where there is no branch.

    Whatever asks for the tip raises NotALedger where there is none and, beside another branch, can't be.
    """

    @property
    def place(self) -> str:
        """Where the branch is, in words."""
        ...

    def newest(self) -> str | None:
        """Asks for the tip and brings its history here. Raises LedgerUnreachable, LedgerForbidden, LedgerRewritten."""
        ...

    def look(self) -> Look:
        """Asks for the tip as it is now, whatever it descends from, and remembers nothing."""
        ...

    def accepted(self) -> str | None:
        """Gives the tip that was accepted last."""
        ...

    def cached(self) -> str | None:
        """Gives the tip as last known here."""
        ...

    def publish(self, commit: str, *, old: str | None) -> Published:
        """Moves the branch from ``old`` to ``commit``. Raises LedgerUnreachable, LedgerForbidden, LedgerRewritten."""
        ...

    def accept(self, found: Look) -> None:
        """Takes the tip that was looked at, whatever it descends from; the history given up stays here under a ref."""
        ...


class LocalBranch:
    """A branch of this clone alone."""

    def __init__(self, git: GitProcess, branch: str, *, clock: Clock) -> None:
        self._git = git
        self._ref = branch_ref(git, branch)
        # No remote is called so: it would have to begin with a letter or a digit.
        self._accepted = f"refs/ftops/ledger-accepted/_/{flat(branch)}"
        self._clock = clock

    @property
    def place(self) -> str:
        """Where the branch is, in words."""
        return "in this clone"

    def newest(self) -> str | None:
        """Gives the branch's tip."""
        tip = read_ref(self._git, self._ref)
        if tip is None:
            patterns = (pattern.removesuffix("*") for pattern in rival_patterns(self._ref))
            listing = self._git.run("for-each-ref", "--format=%(refname)", *patterns).decode("utf-8", "replace")
            rival = rival_of(self._ref, listing.splitlines())
            if rival is not None:
                raise branch_blocked(self._ref, rival)
        return tip

    cached = newest

    def look(self) -> Look:
        """Gives the tip; nothing else was ever seen."""
        tip = self.newest()
        return Look(tip=tip, before=tip)

    def accepted(self) -> str | None:
        """Gives the tip that was accepted last."""
        return read_ref(self._git, self._accepted)

    def accept(self, found: Look) -> None:
        """Remembers the tip as one whose history is not judged any more."""
        set_ref(self._git, self._accepted, found.tip)

    def publish(self, commit: str, *, old: str | None) -> Published:
        """Moves the branch by ``git update-ref`` with the old value."""
        words = ""
        for attempt in range(LOCK_TRIES):
            try:
                move_ref(self._git, self._ref, commit, old=old)
            except GitFailed as failure:
                words = failure.gist
                if self.newest() != old:
                    return Published.MOVED
                if not is_contention(failure):
                    break
                self._clock.sleep(0.05 * (attempt + 1))
            else:
                return Published.COUNTS
        raise LedgerForbidden(f"{self._ref} can't be written: {words}", remedy=f"make {self._ref} writable here")
