"""What the application needs of the ledger: one project's folder of it, to read and to write."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ftops.domain.events import AnyEvent
from ftops.domain.findings import Finding
from ftops.domain.records import LedgerState
from ftops.errors import LedgerError


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The ledger at one commit (``tip``, None where there is no branch yet).

    ``stale_since`` is when this copy was last known to be the remote's, where the remote could not be asked now;
    ``is_missing`` says that there is no copy at all.
    """

    state: LedgerState
    tip: str | None
    stale_since: datetime | None = None
    is_missing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
    """One event of the ledger's log, as recorded in a commit; where it can't be read, None and a ``note`` that says why."""

    commit: str
    event: AnyEvent | None
    note: str = ""


class LedgerReader(Protocol):
    """Reads one project's folder of the ledger."""

    def read(self) -> Snapshot:
        """Fetches and reads the newest state. Raises LedgerUnreachable, LedgerCorrupt, LedgerRewritten."""
        ...

    def read_cached(self) -> Snapshot:
        """Reads the local copy without asking the remote."""
        ...

    def inputs(self, train: str) -> frozenset[str] | None:
        """Gives the digests of a training set's inputs, by its SHA-256; None where the ledger never had them.

        Of the state that was read last. Raises LedgerCorrupt where the file is damaged.
        """
        ...

    def log(self, limit: int | None = None) -> Iterable[LogEntry]:
        """Gives the recorded events, newest first."""
        ...


class LedgerWriter(LedgerReader, Protocol):
    """Reads and writes one project's folder of the ledger. Safe to call from several threads."""

    @property
    def trouble(self) -> LedgerError | None:
        """Why the last ``record_eventually`` left its events pending; None once one was written."""
        ...

    def record(self, events: Sequence[AnyEvent], guard: Callable[[LedgerState], None] | None = None) -> Snapshot:
        """Writes events; returns once they count (pushed, where there is a remote).

        All of them or none: they are applied in order to the newest state, again after every lost race. ``guard`` sees that
        newest state each time before they are, and may raise to give up. Calls that wait at the same time share a commit;
        one that is refused doesn't keep the others back. Events that change nothing write nothing. Raises
        ``domain.events.EventRefused``, LedgerUnreachable, LedgerForbidden, LedgerCorrupt, LedgerRewritten.
        """
        ...

    def record_eventually(self, events: Sequence[AnyEvent]) -> Snapshot | None:
        """Writes events about what was already paid for (job ids, scores); gives None where they are pending.

        That is: kept in ``.ftops/pending``, for the next ``record`` of any run to write first. Never raises LedgerError.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspected:
    """A ledger looked at as a whole, whether it can be read or not.

    ``branch`` and ``place`` say where it is, ``tip`` its newest commit (None where there is none). ``state`` is what can be
    read, ``findings`` what can't and what its ``commits`` tell. ``older`` are files of an older format; ``lost`` is what a
    rewritten or deleted branch no longer holds, in sentences; ``since`` is the commit before which nothing is judged any more.
    """

    branch: str
    place: str
    tip: str | None
    state: LedgerState
    commits: int = 0
    findings: tuple[Finding, ...] = ()
    older: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    since: str | None = None


class LedgerInspector(Protocol):
    """Looks at one project's folder of a ledger that may be broken."""

    def inspect(self, *, since: str | None = None) -> Inspected:
        """Fetches the ledger and looks at all of it; changes nothing. Raises LedgerError where it can't be had.

        Commits up to ``since`` are not judged, or where that is None, up to the one that was accepted last. Raises
        UsageProblem where it is no commit of the branch.
        """
        ...

    def accept(self) -> Inspected:
        """Takes the branch as it is now, rewritten, edited or gone, and says what was lost. Raises as ``inspect`` does."""
        ...
