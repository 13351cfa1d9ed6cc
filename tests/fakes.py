"""The world in memory: a clock, a ledger, outputs and a backend (``fake_backend``) that behave like the real ones.

``tests/contract`` holds the backend to the same suite as the real one.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from fake_backend import FakeBackend
from fake_resources import FakeChat
from fake_world import Fault
from ftops.domain.events import AnyEvent, EventRefused, InputsKept
from ftops.domain.records import LedgerState
from ftops.domain.trained_inputs import parsed
from ftops.domain.transitions import apply_event
from ftops.errors import LedgerError, LedgerUnreachable
from ftops.ports import ChatAnswer, LogEntry, Snapshot

__all__ = ["FakeBackend", "FakeChat", "FakeClock", "FakeLedger", "FakeOutputs", "Fault"]

EPOCH = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time that passes only when somebody sleeps or a test calls ``advance``.

    ``on_sleep`` callbacks see the seconds slept: the place to let a job make progress while apply waits.
    """

    def __init__(self, start: datetime = EPOCH) -> None:
        self._start = start
        self._elapsed = 0.0
        self._jumped = timedelta()
        self.slept: list[float] = []
        self.on_sleep: list[Callable[[float], None]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed) + self._jumped

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        for callback in tuple(self.on_sleep):
            callback(seconds)

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds

    def jump(self, seconds: float) -> None:
        """The wall clock alone: set by somebody, or gone on while the machine was suspended."""
        self._jumped += timedelta(seconds=seconds)


class FakeLedger:
    """A LedgerWriter in memory, by the rules of ``domain.transitions``; two runs race by sharing one.

    ``is_unreachable`` makes the remote unreachable. ``before_record`` callbacks run once each, before the next write: what
    they record was there first. ``pending`` holds what ``record_eventually`` could not write yet.
    """

    def __init__(self, state: LedgerState | None = None, *, clock: FakeClock | None = None) -> None:
        self.state = state or LedgerState()
        self.is_unreachable = False
        self.before_record: list[Callable[[FakeLedger], None]] = []
        self.pending: list[AnyEvent] = []
        self.trouble: LedgerError | None = None
        self.entries: list[LogEntry] = []
        self.kept_inputs: dict[str, frozenset[str]] = {}
        self._clock = clock or FakeClock()
        self._commits = itertools.count(1)
        self._tip: str | None = None
        self._lock = threading.RLock()
        if state is not None:
            self._tip = f"{next(self._commits):040x}"

    @property
    def events(self) -> list[AnyEvent]:
        """What was recorded, oldest first."""
        return [entry.event for entry in self.entries]

    def read(self) -> Snapshot:
        if self.is_unreachable:
            raise LedgerUnreachable("the ledger's remote can't be reached")
        return self._snapshot()

    def read_cached(self) -> Snapshot:
        return Snapshot(state=self.state, tip=self._tip, stale_since=self._clock.now(), is_missing=self._tip is None)

    def inputs(self, train: str) -> frozenset[str] | None:
        return self.kept_inputs.get(train) if train in self.state.inputs else None

    def log(self, limit: int | None = None) -> Iterable[LogEntry]:
        return self.entries[::-1][:limit]

    def record(self, events: Sequence[AnyEvent], guard: Callable[[LedgerState], None] | None = None) -> Snapshot:
        with self._lock:
            if self.is_unreachable:
                raise LedgerUnreachable("the ledger's remote can't be reached")
            while self.before_record:
                self.before_record.pop(0)(self)
            self._record_pending()
            if guard is not None:
                guard(self.state)
            self._commit(events)
            return self._snapshot()

    def record_eventually(self, events: Sequence[AnyEvent]) -> Snapshot | None:
        with self._lock:
            try:
                snapshot = self.record(events)
            except LedgerError as error:
                self.trouble = error
                self.pending.extend(events)
                return None
            self.trouble = None
            return snapshot

    def _record_pending(self) -> None:
        while self.pending:
            event = self.pending.pop(0)
            try:
                self._commit([event])
            except EventRefused:
                continue  # the ledger moved on; what was paid for is known otherwise

    def _commit(self, events: Sequence[AnyEvent]) -> None:
        state = self.state
        for event in events:
            state = apply_event(state, event)
        if state == self.state:
            return
        self.state = state
        self._tip = f"{next(self._commits):040x}"
        self.kept_inputs |= {e.train: parsed(e.content) for e in events if isinstance(e, InputsKept)}
        self.entries.extend(LogEntry(commit=self._tip, event=event) for event in events)

    def _snapshot(self) -> Snapshot:
        return Snapshot(state=self.state, tip=self._tip)


class FakeOutputs:
    """An OutputStore in memory."""

    def __init__(self) -> None:
        self.answers: dict[str, ChatAnswer] = {}
        self.vectors: dict[str, tuple[float, ...]] = {}

    def get(self, key: str) -> ChatAnswer | None:
        return self.answers.get(key)

    def get_all(self, keys: Sequence[str]) -> dict[str, ChatAnswer]:
        return {key: self.answers[key] for key in keys if key in self.answers}

    def put(self, key: str, answer: ChatAnswer) -> None:
        self.answers[key] = answer

    def get_vector(self, key: str) -> tuple[float, ...] | None:
        return self.vectors.get(key)

    def put_vector(self, key: str, vector: Sequence[float]) -> None:
        self.vectors[key] = tuple(vector)
