"""The ledger on an orphan git branch: implements ``ports.LedgerWriter`` for one project's folder.

Owns the writing protocol: calls that wait together share a commit; a commit counts once the branch moved to it from exactly
the state that its events were applied to; after every lost race they are applied anew to the winner's state. Bytes, objects
and refs are ``ledger_files``', ``ledger_objects``' and ``ledger_branches``'; ``ledger_batches`` says what a commit holds.
"""

import random
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.adapters.kept_ledger import KeptLedger
from ftops.adapters.ledger_batches import Draft, Request, draft
from ftops.adapters.ledger_branches import Published
from ftops.adapters.ledger_files import changed_files, folder_of
from ftops.adapters.ledger_messages import encode_message, entries_of
from ftops.adapters.ledger_objects import LedgerObjects
from ftops.adapters.ledger_ownership import check_holds_ledger, check_not_checked_out
from ftops.adapters.ledger_remote import open_branch
from ftops.adapters.pending_events import PendingEvents
from ftops.adapters.shared_looks import SharedLooks
from ftops.adapters.state_dir import ensure_private_dir, write_privately
from ftops.domain.events import AnyEvent, InputsKept
from ftops.domain.records import LedgerState
from ftops.errors import LedgerCorrupt, LedgerError, LedgerUnreachable
from ftops.ports import Clock, LogEntry, Snapshot

_RACES: Final = 200
_LONGEST_PAUSE: Final = 1.0
_LOCK_SECONDS: Final = 600.0


def random_id() -> str:
    """Gives an id that nobody else has."""
    return secrets.token_hex(8)


class GitLedger:
    """One project's folder of the ledger branch. Safe to use from several threads and processes.

    ``remote`` is the name of a configured remote; None keeps the branch in this clone alone. ``ftops_dir`` holds what could
    not be written yet. ``kept`` spares reading again what was read before. Raises UsageProblem where the branch, remote or
    project can't be used.
    """

    def __init__(
        self,
        repo_root: Path,
        *,
        project: str,
        branch: str,
        remote: str | None,
        ftops_dir: Path,
        clock: Clock,
        new_id: Callable[[], str] = random_id,
        kept: KeptLedger | None = None,
    ) -> None:
        git = GitProcess(folder=repo_root)
        self._git = git
        self._name = branch
        self._folder = folder_of(project)
        self._clock = clock
        self._new_id = new_id
        self._is_local = remote is None
        self._branch = open_branch(git, branch, remote=remote, clock=clock)
        self._objects = LedgerObjects(git, self._folder)
        self._kept = kept
        self._pending = PendingEvents(ftops_dir, project=project, branch=branch)
        self._asked = ftops_dir / f"ledger-asked-{(remote or '').replace('/', '-')}"
        self._ftops_dir = ftops_dir
        self._file_lock = FileLock(lock_path(git), timeout=_LOCK_SECONDS, poll_interval=0.01)
        # A file's lock is polled for: threads of this process queue before it, so that one of them at most does so.
        self._git_lock = threading.Lock()
        self._looks: SharedLooks[Snapshot] = SharedLooks()
        self._thread_lock = threading.Lock()
        self._waiting: deque[Request] = deque()
        # What this process read or wrote last; None where it has to be read again before anything is built on it.
        self._last: Snapshot | None = None
        self._known: Snapshot | None = None
        self._trouble: LedgerError | None = None

    @property
    def trouble(self) -> LedgerError | None:
        """Why the last ``record_eventually`` left its events pending; None once one was written."""
        return self._trouble

    def read(self) -> Snapshot:
        """Gives the newest state. Raises LedgerUnreachable, LedgerForbidden, LedgerCorrupt, LedgerRewritten, NotALedger."""
        return self._looks.look(self._read)

    def read_cached(self) -> Snapshot:
        """Gives the local copy's state, and since when it may be stale. Raises LedgerCorrupt, NotALedger."""
        with _naming_failures():
            known, tip = self._known, self._branch.cached()
        if known is None or known.tip != tip:
            with self._exclusively():
                check_not_checked_out(self._git, self._name)
                tip = self._branch.cached()
                known = self._known = Snapshot(state=self._state_at(tip), tip=tip)
        asked = None if self._is_local else self._asked_at()
        is_missing = not self._is_local and tip is None and asked is None
        return Snapshot(state=known.state, tip=tip, stale_since=asked, is_missing=is_missing)

    def log(self, limit: int | None = None) -> Iterator[LogEntry]:
        """Gives the events of the local copy, newest first; foreign text in them has its control characters written out."""
        return islice(self._log(), limit)

    def inputs(self, train: str) -> frozenset[str] | None:
        """Gives what a training set held, of the state that was read last. Raises LedgerCorrupt, also for a damaged file."""
        known = self._known or self.read_cached()
        if known.tip is None or train not in known.state.inputs:
            return None
        with _naming_failures():
            return self._objects.inputs(known.tip, train)

    def record(self, events: Sequence[AnyEvent], guard: Callable[[LedgerState], None] | None = None) -> Snapshot:
        """Writes events, as ``ports.LedgerWriter`` says. ``guard`` may run in another thread that writes for this one."""
        return self._written(Request(events=tuple(events), guard=guard))

    def record_eventually(self, events: Sequence[AnyEvent]) -> Snapshot | None:
        """Writes events about what was already paid for, now or with the next ``record``. Raises EventRefused alone."""
        # Kept before they are written: neither a refusal nor a kill in between loses them.
        kept = self._pending.keep(events, unique=self._new_id())
        try:
            snapshot = self._written(Request(events=tuple(events), pending=kept))
        except LedgerError as error:
            self._trouble = error
            return None
        self._trouble = None
        return snapshot

    def _log(self) -> Iterator[LogEntry]:
        with _naming_failures():
            tip = self._branch.cached()
            for commit, message in self._objects.messages(tip) if tip else ():
                yield from entries_of(commit, message)

    def _read(self) -> Snapshot:
        with self._exclusively():
            check_not_checked_out(self._git, self._name)
            return self._newest()

    def _written(self, request: Request) -> Snapshot:
        """Waits until the request was written, by this thread or by the one that got there first."""
        self._waiting.append(request)
        with self._thread_lock:
            if not request.is_done:
                self._write_all_waiting(request)
        return request.result()

    def _write_all_waiting(self, own: Request) -> None:
        """Writes what waits, as the one thread that does so for all."""
        batch: list[Request] = []
        while self._waiting:
            batch.append(self._waiting.popleft())
        try:
            with self._exclusively():
                self._write(batch)
        except LedgerError as error:
            for request in batch:
                request.fail(error)
        finally:
            # Interrupted: whoever still waits writes for itself, which is safe as events may be applied twice.
            self._waiting.extend(request for request in batch if not request.is_done and request is not own)

    def _write(self, batch: Sequence[Request]) -> None:
        """Brings a batch onto the branch, however many others write there too."""
        check_not_checked_out(self._git, self._name)
        open_requests = [*self._pending_requests(batch), *batch]
        # The lease proves that the state known was the newest one; only a refusal has to be judged on one just read.
        base = self._last if len(open_requests) == len(batch) else None
        for race in range(_RACES):
            is_fresh = base is None
            base = base or self._newest()
            plan = draft(base.state, open_requests, folder=self._folder)
            if (plan.refused or plan.state is base.state) and not is_fresh:
                base = None
                continue
            for request, error in plan.refused.items():
                self._settle_refused(request, error)
            written = base if plan.state is base.state else self._publish(base, plan)
            if written is not None:
                self._settle_written(open_requests, written)
                return
            open_requests = [request for request in open_requests if not request.is_done]
            base = None
            self._clock.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.02 * 1.5 ** min(race, 12))))  # noqa: S311
        raise LedgerUnreachable(f"others wrote to the ledger first, {_RACES} times in a row", remedy="run this again")

    def _publish(self, base: Snapshot, plan: Draft) -> Snapshot | None:
        """Writes a draft as a commit of its own; None where the branch moved first."""
        message = encode_message(plan.events, write_id=self._new_id())
        inputs = {event.train: event.content for event in plan.events if isinstance(event, InputsKept)}
        changes = changed_files(self._folder, base.state, plan.state, inputs=inputs)
        commit = self._objects.commit(base.tip, changes, message, at=self._clock.now())
        self._last = None
        if self._branch.publish(commit, old=base.tip) is Published.MOVED:
            return None
        self._last = self._known = Snapshot(state=plan.state, tip=commit)
        self._note_asked()
        return self._last

    def _pending_requests(self, batch: Sequence[Request]) -> list[Request]:
        """Gives the events that earlier runs could not write, each on its own: they are facts, one refused spoils no other."""
        ours = {request.pending for request in (*batch, *self._waiting)}
        return [
            Request(events=(event,), pending=path)
            for path, waiting in self._pending.load()
            if path not in ours
            for event in waiting.events
        ]

    def _settle_refused(self, request: Request, error: Exception) -> None:
        if request.pending is not None:
            self._pending.refuse(request.pending, request.events)
        request.fail(error)

    def _settle_written(self, requests: Sequence[Request], written: Snapshot) -> None:
        for request in requests:
            request.succeed(written)
            # Also where it was refused: it lies with the refused ones now.
            if request.pending is not None:
                request.pending.unlink(missing_ok=True)

    def _newest(self) -> Snapshot:
        return self._remember(self._branch.newest())

    def _remember(self, tip: str | None) -> Snapshot:
        self._note_asked()
        if self._last is None or self._last.tip != tip:
            self._last = self._known = Snapshot(state=self._state_at(tip), tip=tip)
        return self._last

    def _state_at(self, tip: str | None) -> LedgerState:
        if tip is None:
            return LedgerState()

        def read() -> LedgerState:
            check_holds_ledger(self._git, self._name, tip)
            return self._objects.read(tip)

        return read() if self._kept is None else self._kept.state_at(tip, self._folder, read)

    def _note_asked(self) -> None:
        if self._is_local:
            return
        # Only for telling how old the copy is: nothing that was written fails for it.
        with suppress(OSError):
            ensure_private_dir(self._ftops_dir)
            write_privately(self._asked, self._clock.now().isoformat().encode())

    def _asked_at(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self._asked.read_text(encoding="ascii")).astimezone(UTC)
        except (OSError, ValueError):
            return None

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Keeps other processes of this clone out, and gives git's failures their name."""
        try:
            with self._git_lock, self._file_lock, _naming_failures():
                yield
        except Timeout as error:
            raise LedgerUnreachable(
                f"another ftops has held the ledger's lock for {_LOCK_SECONDS:g} s: {self._file_lock.lock_file}",
                remedy="wait for it to end, or end it",
            ) from error


@contextmanager
def _naming_failures() -> Iterator[None]:
    try:
        yield
    except GitFailed as failure:
        raise LedgerCorrupt(f"git can't work with the ledger's branch: {failure}", remedy="git fsck") from failure


def lock_path(git: GitProcess) -> Path:
    """Gives the file whose lock covers the ledger's refs in this clone, all of its work trees included."""
    return (git.folder / git.line("rev-parse", "--git-common-dir")).resolve() / "ftops-ledger.lock"
