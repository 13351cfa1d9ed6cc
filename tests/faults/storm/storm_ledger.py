"""A ledger in memory that behaves like ``adapters.git_ledger`` at the level of single fetches and pushes.

``MemoryRemote`` is the branch, with its history; ``Folder`` what a clone keeps on disk over all its processes: the last tip it
saw, and events that could not be written; ``CloneLedger`` one process's way to it. ``test_storm_ledger.py`` plays the same
scenes with this and with real clones of a real remote.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ftops.adapters.ledger_files import check_readable
from ftops.domain.events import AnyEvent, EventRefused, InputsKept
from ftops.domain.ledger_losses import losses
from ftops.domain.records import LedgerState
from ftops.domain.trained_inputs import parsed
from ftops.domain.transitions import apply_event
from ftops.errors import LedgerError, LedgerForbidden, LedgerRewritten, LedgerUnreachable
from ftops.ports import LogEntry, Snapshot

TRIES = 3


class Wire(Protocol):
    """How calls reach the remote: they take time, and may fail, before or after they took effect."""

    def call(self, operation: str, place: str, act: Callable[[], Any]) -> Any: ...

    def sleep(self, seconds: float) -> None: ...


class PushFailed(Exception):
    """git said that a push or fetch failed; ``is_forbidden`` where it said why."""

    def __init__(self, message: str, *, is_forbidden: bool = False) -> None:
        super().__init__(message)
        self.is_forbidden = is_forbidden


@dataclass(frozen=True)
class Written:
    """A commit: every project's state, and the events that led to it."""

    parent: str | None
    states: Mapping[str, LedgerState]
    events: tuple[AnyEvent, ...] = ()


@dataclass
class MemoryRemote:
    """The branch and all commits that it ever had."""

    tip: str | None = None
    commits: dict[str, Written] = field(default_factory=dict)
    on_write: Callable[[str], None] = lambda commit: None
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def commit(self, written: Written) -> str:
        name = f"{next(self._numbers):040x}"
        self.commits[name] = written
        return name

    def swap(self, old: str | None, new: str) -> bool:
        """Moves the branch if it is where it is believed to be."""
        if self.tip != old:
            return False
        self.tip = new
        self.on_write(new)
        return True

    def state(self, tip: str | None, project: str) -> LedgerState:
        return self.commits[tip].states.get(project, LedgerState()) if tip else LedgerState()

    def is_ancestor(self, older: str, newer: str) -> bool:
        at: str | None = newer
        while at is not None:
            if at == older:
                return True
            at = self.commits[at].parent
        return False

    def history(self, tip: str | None) -> Iterable[tuple[str, Written]]:
        while tip is not None:
            yield tip, self.commits[tip]
            tip = self.commits[tip].parent


@dataclass
class Folder:
    """What a clone keeps of a branch: at a remote, or its own (``is_local``). ``pending`` holds batches by project."""

    remote: MemoryRemote
    is_local: bool = False
    is_rehearsal: bool = False
    seen: str | None = None
    has_asked: bool = False
    is_locked: bool = False
    pending: dict[str, list[tuple[AnyEvent, ...]]] = field(default_factory=dict)
    refused: list[AnyEvent] = field(default_factory=list)


class CloneLedger:
    """A LedgerWriter: one process in a clone."""

    def __init__(self, folder: Folder, wire: Wire, *, project: str = "acme") -> None:
        self.trouble: LedgerError | None = None
        self._folder = folder
        self._remote = folder.remote
        self._wire = wire
        self._project = project
        self._last: Snapshot | None = None
        self._place = "disk" if folder.is_local else "remote"

    def read(self) -> Snapshot:
        with self._locked():
            return self._newest()

    def read_cached(self) -> Snapshot:
        tip = self._known_tip()
        missing = tip is None and not (self._folder.has_asked or self._folder.is_local)
        return Snapshot(state=self._remote.state(tip, self._project), tip=tip, is_missing=missing)

    def inputs(self, train: str) -> frozenset[str] | None:
        tip = self._known_tip()
        if train not in self._remote.state(tip, self._project).inputs:
            return None
        events = (event for _, one in self._remote.history(tip) for event in one.events)
        return next(parsed(e.content) for e in events if isinstance(e, InputsKept) and e.train == train)

    def log(self, limit: int | None = None) -> Iterable[LogEntry]:
        history = self._remote.history(self._known_tip())
        entries = (LogEntry(commit=name, event=event) for name, one in history for event in reversed(one.events))
        return itertools.islice(entries, limit)

    def accept(self) -> tuple[str, ...]:
        """Takes the branch as it is now, and says what was lost."""
        with self._locked():
            before = self._remote.state(self._known_tip(), self._project)
            return losses(before, self._remember(self._fetch()).state)

    def record(self, events: Sequence[AnyEvent], guard: Callable[[LedgerState], None] | None = None) -> Snapshot:
        with self._locked():
            return self._write(tuple(events), guard)

    def record_eventually(self, events: Sequence[AnyEvent]) -> Snapshot | None:
        batch = tuple(events)
        mine = self._folder.pending.setdefault(self._project, [])
        self._wire.call("ledger.keep", "disk", lambda: None if batch in mine else mine.append(batch))
        try:
            with self._locked():
                snapshot = self._write(batch, None)
        except LedgerError as error:
            self.trouble = error
            return None
        except EventRefused:
            self._folder.refused.extend(batch)
            _discard(mine, batch)
            raise
        _discard(mine, batch)
        self.trouble = None
        return snapshot

    def _known_tip(self) -> str | None:
        return self._remote.tip if self._folder.is_local else self._folder.seen

    def _write(self, events: tuple[AnyEvent, ...], guard: Callable[[LedgerState], None] | None) -> Snapshot:
        waiting = [batch for batch in self._folder.pending.get(self._project, ()) if batch != events]
        base = None if waiting else self._last
        while True:
            is_fresh = base is None
            base = base or self._newest()
            state, changing, refused = self._drafted(base.state, waiting, events, guard)
            if not is_fresh and (refused is not None or state is base.state):
                base = None
                continue
            written = base if state is base.state else self._publish(base, state, changing)
            if written is not None:
                for batch in waiting:
                    _discard(self._folder.pending[self._project], batch)
                if refused is not None:
                    raise refused
                return written
            base = None
            self._wire.sleep(0.1)

    def _drafted(
        self,
        state: LedgerState,
        waiting: Sequence[tuple[AnyEvent, ...]],
        events: tuple[AnyEvent, ...],
        guard: Callable[[LedgerState], None] | None,
    ) -> tuple[LedgerState, tuple[AnyEvent, ...], Exception | None]:
        """Applies what is pending, each event on its own, then what is new: all of that or none."""
        changing: list[AnyEvent] = []
        for event in itertools.chain.from_iterable(waiting):
            try:
                state = self._applied(state, (event,), changing)
            except EventRefused:
                self._folder.refused.append(event)
        try:
            if guard is not None:
                guard(state)
            state = self._applied(state, events, changing)
        except Exception as error:  # noqa: BLE001 - whatever a guard raises is its caller's
            return state, tuple(changing), error
        return state, tuple(changing), None

    def _applied(self, state: LedgerState, events: Iterable[AnyEvent], changing: list[AnyEvent]) -> LedgerState:
        before, found = state, []
        for event in events:
            after = apply_event(state, event)
            if after != state:
                found.append(event)
                state = after
        check_readable(f"projects/{self._project}", before, state)
        changing.extend(found)
        return state

    def _publish(self, base: Snapshot, state: LedgerState, events: tuple[AnyEvent, ...]) -> Snapshot | None:
        states = {**(self._remote.commits[base.tip].states if base.tip else {}), self._project: state}
        commit = self._remote.commit(Written(parent=base.tip, states=states, events=events))
        self._last = None
        if not self._push(commit, base.tip):
            return None
        self._last = Snapshot(state=state, tip=commit)
        return self._last

    def _push(self, commit: str, old: str | None) -> bool:
        """Whether the branch moved to the commit; what a failed push did is looked up."""
        trouble: LedgerError | None = None
        for attempt in range(TRIES):
            if attempt:
                self._wire.sleep(float(attempt))
            failure: PushFailed | None = None
            try:
                if self._wire.call("ledger.push", self._place, lambda: self._remote.swap(old, commit)):
                    self._folder.seen = commit
                    return True
            except PushFailed as error:
                failure = error
            try:
                tip = self._newest().tip
            except LedgerUnreachable as error:
                trouble = error
                continue
            if tip is not None and self._remote.is_ancestor(commit, tip):
                return True
            if tip != old or failure is None:
                return False
            if failure.is_forbidden:
                raise LedgerForbidden(str(failure), remedy="grant contents: write")
            trouble = LedgerUnreachable(str(failure))
        raise trouble or LedgerUnreachable("the ledger's remote can't be reached")

    def _newest(self) -> Snapshot:
        tip = self._fetch()
        seen = None if self._folder.is_local else self._folder.seen
        if seen is not None and seen != tip and (tip is None or not self._remote.is_ancestor(seen, tip)):
            raise LedgerRewritten(f"the ledger's branch no longer holds commit {seen[-6:]}", remedy="accept it")
        return self._remember(tip)

    def _fetch(self) -> str | None:
        try:
            tip = self._wire.call("ledger.fetch", self._place, lambda: self._remote.tip)
        except PushFailed as error:
            kind = LedgerForbidden if error.is_forbidden else LedgerUnreachable
            raise kind(str(error), remedy="check the network") from error
        assert tip is None or isinstance(tip, str)
        return tip

    def _remember(self, tip: str | None) -> Snapshot:
        self._folder.seen, self._folder.has_asked = tip, True
        if self._last is None or self._last.tip != tip:
            self._last = Snapshot(state=self._remote.state(tip, self._project), tip=tip)
        return self._last

    def _locked(self) -> "_Lock":
        return _Lock(self._folder, self._wire)


@dataclass
class _Lock:
    """One process of a clone at a time; a process that dies lets go."""

    folder: Folder
    wire: Wire

    def __enter__(self) -> None:
        while self.folder.is_locked:
            self.wire.sleep(0.05)
        self.folder.is_locked = True

    def __exit__(self, *_: object) -> None:
        self.folder.is_locked = False


def _discard(batches: list[tuple[AnyEvent, ...]], batch: tuple[AnyEvent, ...]) -> None:
    if batch in batches:
        batches.remove(batch)
