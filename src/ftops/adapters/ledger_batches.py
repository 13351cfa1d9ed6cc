"""What one ledger commit holds: the requests that wait together, applied one after the other to one state.

Pure but for the results that requests carry back to the threads that wait for them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftops.adapters.ledger_files import check_readable, check_writable
from ftops.domain.events import AnyEvent
from ftops.domain.records import LedgerState
from ftops.domain.transitions import apply_event
from ftops.ports import Snapshot


class Request:
    """Events that one caller wants written, all or none, and what became of them. ``pending`` is their file, if any."""

    def __init__(
        self,
        *,
        events: tuple[AnyEvent, ...],
        guard: Callable[[LedgerState], None] | None = None,
        pending: Path | None = None,
    ) -> None:
        self.events = events
        self.guard = guard
        self.pending = pending
        self._outcome: Snapshot | Exception | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self._outcome is not None

    def succeed(self, snapshot: Snapshot) -> None:
        """Notes that the events count, unless there is a result already."""
        self._outcome = self._outcome or snapshot

    def fail(self, error: Exception) -> None:
        """Notes why the events were not written, unless there is a result already."""
        self._outcome = self._outcome or error

    def result(self) -> Snapshot:
        """Gives the state with the events in it, or raises why they are not."""
        if isinstance(self._outcome, Snapshot):
            return self._outcome
        assert self._outcome is not None  # noqa: S101 - asked for only once it is done
        raise self._outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What a commit would hold: the state after ``events``, and the requests that this state refuses."""

    state: LedgerState
    events: tuple[AnyEvent, ...]
    refused: Mapping[Request, Exception]


def draft(state: LedgerState, requests: Sequence[Request], *, folder: str) -> Draft:
    """Applies requests in order; one that is refused leaves no trace. Gives ``state`` itself where nothing changes."""
    events: list[AnyEvent] = []
    refused: dict[Request, Exception] = {}
    for request in requests:
        try:
            after, changing = _apply(state, request, folder=folder)
        except Exception as error:  # noqa: BLE001 - guards are the callers': whatever they raise is theirs alone
            refused[request] = error
        else:
            state = after
            events.extend(changing)
    return Draft(state=state, events=tuple(events), refused=refused)


def _apply(state: LedgerState, request: Request, *, folder: str) -> tuple[LedgerState, list[AnyEvent]]:
    """Gives the state after a request, and those of its events that changed something."""
    if request.guard is not None:
        request.guard(state)
    before = state
    changing: list[AnyEvent] = []
    for event in request.events:
        check_writable(event)
        after = apply_event(state, event)
        if after != state:
            changing.append(event)
            state = after
    check_readable(folder, before, state)
    return state, changing
