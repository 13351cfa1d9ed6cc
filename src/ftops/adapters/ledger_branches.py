"""The ledger's branch as something to read the tip of and to move by compare-and-swap: in this clone, or at a remote.

Owns which refs there are, and that history is never rewritten unnoticed:

    refs/heads/BRANCH                      the branch itself, here (no remote) or at the remote
    refs/ftops/ledger/REMOTE               the local copy of the remote's branch
    refs/ftops/ledger-seen/REMOTE/BRANCH   the last tip seen, which every later one must descend from

Callers hold the clone's lock (``adapters.git_ledger``), as these refs are shared by all processes that work in it.
"""

from contextlib import suppress
from enum import Enum
from typing import Final, Protocol

from ftops.adapters.git_process import NETWORK_SECONDS, GitFailed, GitProcess
from ftops.adapters.git_refs import branch_ref, configured_remote, move_ref, read_ref
from ftops.adapters.git_refusals import is_contention, is_forbidden
from ftops.errors import LedgerError, LedgerForbidden, LedgerRewritten, LedgerUnreachable
from ftops.ports import Clock

_NETWORK_TRIES: Final = 3
_LOCK_TRIES: Final = 10
_DEAD_LOCK_SECONDS: Final = 60.0


class Published(Enum):
    """What became of a commit: it is the branch's now, or the branch moved first."""

    COUNTS = "counts"
    MOVED = "moved"


class LedgerBranch(Protocol):
    """The branch; tips are commit hashes, None where there is no branch."""

    def newest(self) -> str | None:
        """Asks for the tip and brings its history here. Raises LedgerUnreachable, LedgerForbidden, LedgerRewritten."""
        ...

    def cached(self) -> str | None:
        """Gives the tip as last known here."""
        ...

    def publish(self, commit: str, *, old: str | None) -> Published:
        """Moves the branch from ``old`` to ``commit``. Raises LedgerUnreachable, LedgerForbidden, LedgerRewritten."""
        ...

    def accept(self) -> str | None:
        """Takes the tip as it is now, whatever it descends from."""
        ...


class LocalBranch:
    """A branch of this clone alone."""

    def __init__(self, git: GitProcess, branch: str, *, clock: Clock) -> None:
        self._git = git
        self._ref = branch_ref(git, branch)
        self._clock = clock

    def newest(self) -> str | None:
        """Gives the branch's tip."""
        return read_ref(self._git, self._ref)

    cached = newest
    accept = newest

    def publish(self, commit: str, *, old: str | None) -> Published:
        """Moves the branch by ``git update-ref`` with the old value."""
        words = ""
        for attempt in range(_LOCK_TRIES):
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


class RemoteBranch:
    """A branch at a remote, reached by the remote's name and full refs alone."""

    def __init__(self, git: GitProcess, branch: str, *, remote: str, clock: Clock) -> None:
        self._git = git
        self._ref = branch_ref(git, branch)
        self._remote = configured_remote(git, remote)
        self._copy = f"refs/ftops/ledger/{remote}"
        self._seen = f"refs/ftops/ledger-seen/{remote}/{branch}"
        self._clock = clock

    def newest(self) -> str | None:
        """Asks the remote, and fetches what is new."""
        tip = self._fetched()
        self._check_descent(tip)
        self._remember(tip)
        return tip

    def cached(self) -> str | None:
        """Gives the last tip seen."""
        return read_ref(self._git, self._seen)

    def accept(self) -> str | None:
        """Takes the remote's tip as it is now as the one that later ones must descend from."""
        tip = self._fetched()
        self._remember(tip)
        return tip

    def publish(self, commit: str, *, old: str | None) -> Published:
        """Pushes with a lease on ``old``. What a failed push did is looked up, never guessed."""
        trouble: LedgerError | None = None
        for attempt in range(_NETWORK_TRIES):
            if attempt:
                self._clock.sleep(float(attempt))
            try:
                self._push(commit, old)
            except GitFailed as failure:
                refusal = failure
            else:
                # It counts: a ref here that can't be moved now is caught up by the next reading.
                with suppress(GitFailed):
                    self._remember(commit)
                return Published.COUNTS
            try:
                tip = self.newest()
            except LedgerUnreachable as error:
                trouble = error
                continue
            # The connection can die after the update took place.
            if tip is not None and self._git.succeeds("merge-base", "--is-ancestor", commit, tip):
                return Published.COUNTS
            if tip != old or is_contention(refusal):
                return Published.MOVED
            if is_forbidden(refusal):
                raise self._forbidden(refusal, "write") from refusal
            trouble = self._unreachable(refusal)
        raise trouble or LedgerUnreachable(f"the ledger's remote {self._remote} can't be reached")

    def _push(self, commit: str, old: str | None) -> None:
        self._git.run(
            "push",
            "--porcelain",
            "--no-verify",
            "--no-signed",
            "--no-follow-tags",
            "--recurse-submodules=no",
            f"--force-with-lease={self._ref}:{old or ''}",
            "--",
            self._remote,
            f"{commit}:{self._ref}",
            seconds=NETWORK_SECONDS,
        )

    def _fetched(self) -> str | None:
        """Gives the remote's tip with its history here; None where the remote was reached and has no such branch."""
        for attempt in range(_NETWORK_TRIES):
            if attempt:
                self._clock.sleep(0.2 * attempt)
            tip = self._listed()
            if tip is None:
                return None
            if tip in {read_ref(self._git, self._copy), self.cached()} and self._has_commit(tip):
                return tip
            try:
                self._git.run(*self._fetch_arguments(), seconds=NETWORK_SECONDS)
            except GitFailed as failure:
                # Deleted since it was listed, a ref locked by another git, or the network: asked again.
                trouble = failure
                self._clear_old_locks()
            else:
                return read_ref(self._git, self._copy)
        raise self._failed(trouble) from trouble

    def _fetch_arguments(self) -> tuple[str, ...]:
        return (
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--refmap=",
            "--",
            self._remote,
            f"+{self._ref}:{self._copy}",
        )

    def _clear_old_locks(self) -> None:
        """Removes git's lock files that a kill left behind on our own refs; the clone's lock keeps every live writer out."""
        folder = self._git.folder / self._git.line("rev-parse", "--git-path", "refs/ftops")
        for lock in folder.rglob("*.lock"):
            with suppress(OSError):
                if self._clock.now().timestamp() - lock.stat().st_mtime > _DEAD_LOCK_SECONDS:
                    lock.unlink()

    def _listed(self) -> str | None:
        arguments = ("ls-remote", "--exit-code", "--refs", "--", self._remote, self._ref)
        try:
            listing = self._git.run(*arguments, seconds=NETWORK_SECONDS).decode("utf-8", "replace")
        except GitFailed as failure:
            # Status 2 is git's word for: reached, and no such ref. Anything else is no answer.
            if failure.status == 2:
                return None
            raise self._failed(failure) from failure
        # The pattern also matches refs that only end like ours.
        return next(
            (sha for sha, _, ref in (line.partition("\t") for line in listing.splitlines()) if ref == self._ref), None
        )

    def _has_commit(self, tip: str) -> bool:
        try:
            self._git.run("cat-file", "-e", f"{tip}^{{commit}}")
        except GitFailed:
            return False
        return True

    def _check_descent(self, tip: str | None) -> None:
        seen = self.cached()
        if seen is None or seen == tip:
            return
        if tip is not None and (self._git.succeeds("merge-base", "--is-ancestor", seen, tip) or self._is_cut_off(tip)):
            return
        what = f"was deleted at {self._remote}" if tip is None else f"at {self._remote} was rewritten"
        raise LedgerRewritten(
            f"the ledger's branch {what}: it no longer holds commit {seen[:12]}, which was seen before",
            remedy=f"look into it; to take it as it is now: git update-ref -d {self._seen}",
        )

    def _is_cut_off(self, tip: str) -> bool:
        """Whether somebody fetched this branch with a depth, so that its history here can't tell."""
        if self._git.line("rev-parse", "--is-shallow-repository") != "true":
            return False
        shallow = self._git.folder / self._git.line("rev-parse", "--git-path", "shallow")
        roots = self._git.line("rev-list", "--max-parents=0", "--end-of-options", tip).split()
        return not set(shallow.read_text(encoding="ascii").split()).isdisjoint(roots)

    def _remember(self, tip: str | None) -> None:
        for ref in (self._copy, self._seen):
            if read_ref(self._git, ref) == tip:
                continue
            change = ("-d", ref) if tip is None else (ref, tip)
            try:
                self._git.run("update-ref", "--no-deref", *change)
            except GitFailed:
                self._clear_old_locks()
                self._git.run("update-ref", "--no-deref", *change)

    def _failed(self, failure: GitFailed) -> LedgerError:
        if is_forbidden(failure):
            return self._forbidden(failure, "read")
        return self._unreachable(failure)

    def _forbidden(self, failure: GitFailed, permission: str) -> LedgerForbidden:
        return LedgerForbidden(
            f"the remote {self._remote} refused: {failure.gist}",
            remedy=f"grant contents: {permission} on {self._ref}, and let no hook or rule refuse it",
        )

    def _unreachable(self, failure: GitFailed) -> LedgerUnreachable:
        return LedgerUnreachable(
            f"the ledger's remote {self._remote} can't be reached: {failure.gist}",
            remedy=f"check the network and git remote get-url {self._remote}, then run this again",
        )
