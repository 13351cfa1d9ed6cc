"""The ledger's branch at a remote, reached by the remote's name and full refs alone.

Owns the copies of it that this clone keeps, and that history is never rewritten unnoticed:

    refs/heads/BRANCH                         the branch itself, at the remote
    refs/ftops/ledger/REMOTE                  the local copy of it
    refs/ftops/ledger-seen/REMOTE/BRANCH      the last tip seen, which every later one must descend from
    refs/ftops/ledger-lost/REMOTE/BRANCH/…    tips given up when a person accepted a branch that was rewritten
    refs/ftops/ledger-accepted/REMOTE/BRANCH  the tip accepted last: what came before it is not judged any more

Slashes in REMOTE and BRANCH are written ``%2F`` there, so that no two of these refs are in each other's way. Callers hold the
clone's lock (``adapters.git_ledger``), as these refs are shared by all processes that work in it.
"""

from contextlib import suppress
from typing import Final

from ftops.adapters.git_process import NETWORK_SECONDS, GitFailed, GitProcess
from ftops.adapters.git_refs import (
    branch_ref,
    configured_remote,
    flat,
    point_to,
    read_ref,
    rival_of,
    rival_patterns,
    set_ref,
)
from ftops.adapters.git_refusals import is_contention, is_forbidden
from ftops.adapters.ledger_branches import LOCK_TRIES, LedgerBranch, LocalBranch, Look, Published
from ftops.adapters.ledger_ownership import branch_blocked
from ftops.errors import LedgerError, LedgerForbidden, LedgerRewritten, LedgerUnreachable
from ftops.ports import Clock

_NETWORK_TRIES: Final = 3
_LONGEST_LOCK_PAUSE: Final = 2.0
_DEAD_LOCK_SECONDS: Final = 60.0


def open_branch(git: GitProcess, branch: str, *, remote: str | None, clock: Clock) -> LedgerBranch:
    """Gives a branch of a configured remote, or of this clone where ``remote`` is None. Raises UsageProblem."""
    if remote is None:
        return LocalBranch(git, branch, clock=clock)
    return RemoteBranch(git, branch, remote=remote, clock=clock)


class RemoteBranch:
    """Implements ``LedgerBranch`` for a branch at a remote."""

    def __init__(self, git: GitProcess, branch: str, *, remote: str, clock: Clock) -> None:
        self._git = git
        self._ref = branch_ref(git, branch)
        self._remote = configured_remote(git, remote)
        self._copy = f"refs/ftops/ledger/{flat(remote)}"
        self._seen, self._lost, self._accepted = (
            f"refs/ftops/ledger-{what}/{flat(remote)}/{flat(branch)}" for what in ("seen", "lost", "accepted")
        )
        self._clock = clock

    @property
    def place(self) -> str:
        """Where the branch is, in words."""
        return f"at {self._remote}"

    def newest(self) -> str | None:
        """Asks the remote, and fetches what is new."""
        tip, is_news = self._fetched()
        if is_news:
            self._check_descent(tip)
            self._remember(tip)
        return tip

    def cached(self) -> str | None:
        """Gives the last tip seen."""
        return read_ref(self._git, self._seen)

    def look(self) -> Look:
        """Fetches the remote's tip as it is now; the last one seen stays what it was."""
        (tip, _), before = self._fetched(), self.cached()
        return Look(tip=tip, before=before, is_rewritten=not self._descends(tip, before))

    def accepted(self) -> str | None:
        """Gives the tip that was accepted last."""
        return read_ref(self._git, self._accepted)

    def accept(self, found: Look) -> None:
        """Takes the remote's tip that was looked at as the one that later ones must descend from."""
        if found.is_rewritten and found.before is not None:
            set_ref(self._git, f"{self._lost}/{found.before[:12]}", found.before)
        self._remember(found.tip)
        set_ref(self._git, self._accepted, found.tip)

    def publish(self, commit: str, *, old: str | None) -> Published:
        """Pushes with a lease on ``old``. What a failed push did is looked up, never guessed."""
        failures, locked = 0, 0
        while True:
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
                trouble: LedgerError = error
                failures += 1
            else:
                # The connection can die after the update took place.
                if tip is not None and self._git.succeeds("merge-base", "--is-ancestor", commit, tip):
                    return Published.COUNTS
                if tip != old:
                    return Published.MOVED
                if is_contention(refusal):
                    # Somebody holds the branch's lock and has not moved it yet.
                    trouble = self._locked(refusal)
                    locked += 1
                elif is_forbidden(refusal):
                    raise self._forbidden(refusal, "write") from refusal
                else:
                    trouble = self._unreachable(refusal)
                    failures += 1
            if failures == _NETWORK_TRIES or locked == LOCK_TRIES:
                raise trouble
            self._clock.sleep(max(float(failures), min(_LONGEST_LOCK_PAUSE, 0.05 * 2**locked)))

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

    def _fetched(self) -> tuple[str | None, bool]:
        """Gives the remote's tip with its history here, and whether it is another one than was seen last.

        The tip is None where the remote was reached and has no such branch.
        """
        for attempt in range(_NETWORK_TRIES):
            if attempt:
                self._clock.sleep(0.2 * attempt)
            tip = self._listed()
            if tip is None:
                return None, True
            if point_to(self._git, tip, self._copy, self._seen):  # one process says so where nothing has changed
                return tip, False
            if tip in {read_ref(self._git, self._copy), self.cached()} and self._has_commit(tip):
                return tip, True
            try:
                self._git.run(*self._fetch_arguments(), seconds=NETWORK_SECONDS)
            except GitFailed as failure:
                # Deleted since it was listed, a ref locked by another git, or the network: asked again.
                trouble = failure
                self._clear_old_locks()
            else:
                return read_ref(self._git, self._copy), True
        raise self._failed(trouble) from trouble

    def _fetch_arguments(self) -> tuple[str, ...]:
        """Gives a fetch of the whole branch, also in a partial clone: its files would else be fetched one by one."""
        return (
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-filter",
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
        arguments = ("ls-remote", "--exit-code", "--refs", "--", self._remote, self._ref, *rival_patterns(self._ref))
        try:
            listing = self._git.run(*arguments, seconds=NETWORK_SECONDS).decode("utf-8", "replace")
        except GitFailed as failure:
            # Status 2 is git's word for: reached, and no such ref. Anything else is no answer.
            if failure.status == 2:
                return None
            raise self._failed(failure) from failure
        # The patterns also match refs that only end like these.
        listed = {ref: sha for sha, _, ref in (line.partition("\t") for line in listing.splitlines())}
        rival = rival_of(self._ref, listed)
        if rival is not None and self._ref not in listed:
            raise branch_blocked(self._ref, rival)
        return listed.get(self._ref)

    def _has_commit(self, tip: str) -> bool:
        try:
            self._git.run("cat-file", "-e", f"{tip}^{{commit}}")
        except GitFailed:
            return False
        return True

    def _check_descent(self, tip: str | None) -> None:
        seen = self.cached()
        if seen is None or self._descends(tip, seen):
            return
        what = f"was deleted at {self._remote}" if tip is None else f"at {self._remote} was rewritten"
        raise LedgerRewritten(
            f"the ledger's branch {what}: it no longer holds commit {seen[:12]}, which was seen before",
            remedy=f"put it back where that was a mistake: git push {self._remote} +{seen[:12]}:{self._ref}; "
            "or take it as it is now: ftops ledger verify --accept",
        )

    def _descends(self, tip: str | None, seen: str | None) -> bool:
        """Whether a tip is, or comes after, one that was seen; also where the history here can't tell."""
        if seen in {None, tip}:
            return True
        if tip is None or seen is None:
            return False
        return self._git.succeeds("merge-base", "--is-ancestor", seen, tip) or self._is_cut_off(tip)

    def _is_cut_off(self, tip: str) -> bool:
        """Whether somebody fetched this branch with a depth, so that its history here can't tell."""
        if self._git.line("rev-parse", "--is-shallow-repository") != "true":
            return False
        shallow = self._git.folder / self._git.line("rev-parse", "--git-path", "shallow")
        roots = self._git.line("rev-list", "--max-parents=0", "--end-of-options", tip).split()
        return not set(shallow.read_text(encoding="ascii").split()).isdisjoint(roots)

    def _remember(self, tip: str | None) -> None:
        for ref in (self._copy, self._seen):
            try:
                set_ref(self._git, ref, tip)
            except GitFailed:
                self._clear_old_locks()
                set_ref(self._git, ref, tip)

    def _failed(self, failure: GitFailed) -> LedgerError:
        if is_forbidden(failure):
            return self._forbidden(failure, "read")
        return self._unreachable(failure)

    def _forbidden(self, failure: GitFailed, permission: str) -> LedgerForbidden:
        return LedgerForbidden(
            f"the remote {self._remote} refused: {failure.gist}",
            remedy=f"grant contents: {permission} on {self._ref}, and let no hook or rule refuse it",
        )

    def _locked(self, failure: GitFailed) -> LedgerUnreachable:
        return LedgerUnreachable(
            f"the remote {self._remote} keeps the branch locked: {failure.gist}",
            remedy=f"run this again; a lock on {self._ref} that a crash left behind has to be removed at the remote",
        )

    def _unreachable(self, failure: GitFailed) -> LedgerUnreachable:
        return LedgerUnreachable(
            f"the ledger's remote {self._remote} can't be reached: {failure.gist}",
            remedy=f"check the network and git remote get-url {self._remote}, then run this again",
        )
