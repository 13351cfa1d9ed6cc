"""What the application needs of the outside world, as Protocols: readers apart from writers.

Adapters implement them; tests have in-memory ones. Values that cross a port are the domain's or are defined here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from ftops.domain.events import AnyEvent
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.observed import Job as Job
from ftops.domain.observed import ModelInfo as ModelInfo
from ftops.domain.records import LedgerState
from ftops.domain.scores import Outcome
from ftops.errors import LedgerError


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A checkpoint of a job; ``model`` can be called."""

    step: int
    model: ModelId
    valid_loss: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobProgress:
    """How far a running job is; ``step`` 0 before the first step."""

    step: int = 0
    total_steps: int | None = None
    train_loss: float | None = None
    valid_loss: float | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file at a backend."""

    id: str
    name: str
    size: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatRequest:
    """One conversation to complete, sent as it is. ``tools`` and ``extra`` are the row's own request fields."""

    model: ModelId
    messages: Sequence[Mapping[str, Any]]
    sampling: Mapping[str, Any]
    extra: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatAnswer:
    """A completion: its text ("" where there is none), its tool calls, how it ended, and what it took."""

    text: str
    tool_calls: tuple[Mapping[str, Any], ...]
    outcome: Outcome
    input_tokens: int
    output_tokens: int
    seconds: float


class JobReader(Protocol):
    """Reads jobs. Every method raises BackendError."""

    def retrieve(self, job: JobId) -> Job:
        """Gives a job; raises NotFound where there is none."""
        ...

    def list_jobs(self, *, metadata: Mapping[str, str], newest: int | None = None) -> tuple[Job, ...]:
        """Gives the jobs with all of ``metadata``, even if the backend ignores it; newest first, about ``newest`` at most."""
        ...

    def progress(self, job: JobId) -> JobProgress:
        """Gives how far a job is, from its newest events."""
        ...

    def checkpoints(self, job: JobId) -> tuple[Checkpoint, ...]:
        """Gives a job's checkpoints, by step."""
        ...


class JobWriter(Protocol):
    """Starts and cancels jobs."""

    def create(self, body: Mapping[str, Any], metadata: Mapping[str, str]) -> Job:
        """Sends exactly one POST, never repeated by the SDK, with a time-out of 60 s.

        ``body`` is ``domain.desired.request_body`` with ``training_file`` and ``validation_file`` filled in. Raises AnswerLost
        where nobody knows whether a job was made; Unreachable and Rejected where none was.
        """
        ...

    def cancel(self, job: JobId) -> Job:
        """Cancels a job; gives it as it is afterwards, also where it had ended before."""
        ...


class Files(Protocol):
    """Dataset files at a backend. Every method raises BackendError."""

    def find(self, name: str) -> StoredFile | None:
        """Gives the newest file of that name."""
        ...

    def retrieve(self, file_id: str) -> StoredFile:
        """Gives a file; raises NotFound where there is none."""
        ...

    def upload(self, name: str, content: BinaryIO) -> StoredFile:
        """Uploads a dataset for fine-tuning; waits until the backend has processed it."""
        ...


class Models(Protocol):
    """Models at a backend. Every method raises BackendError."""

    def list_models(self) -> tuple[ModelInfo, ...]:
        """Gives all models that the key can see."""
        ...


class Chat(Protocol):
    """Conversations with a model."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Gives one answer. Raises BackendError once the SDK's retries are used up."""
        ...

    async def close(self) -> None:
        """Gives back the connections. To be called in the loop that ``complete`` ran in."""
        ...


class BackendSession(Protocol):
    """A backend that can be called: everything behind one key and one address."""

    @property
    def base_url(self) -> str:
        """The address that calls go to."""
        ...

    @property
    def jobs(self) -> JobReader:
        """Reads jobs."""
        ...

    @property
    def training(self) -> JobWriter:
        """Starts and cancels jobs."""
        ...

    @property
    def files(self) -> Files:
        """Dataset files."""
        ...

    @property
    def models(self) -> Models:
        """Models."""
        ...

    def open_chat(self) -> Chat:
        """Gives a client for conversations, for use within one event loop."""
        ...

    def close(self) -> None:
        """Gives back connections; an embedded server that nobody needs any more then ends by itself."""
        ...


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
    """One event of the ledger's log, as recorded in a commit."""

    commit: str
    event: AnyEvent


class LedgerReader(Protocol):
    """Reads one project's folder of the ledger."""

    def read(self) -> Snapshot:
        """Fetches and reads the newest state. Raises LedgerUnreachable, LedgerCorrupt, LedgerRewritten."""
        ...

    def read_cached(self) -> Snapshot:
        """Reads the local copy without asking the remote."""
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


class Repository(Protocol):
    """The git repository that holds the manifests."""

    def head(self) -> str | None:
        """Gives the commit checked out, None before the first one."""
        ...

    def is_dirty(self) -> bool:
        """Whether tracked files differ from the commit checked out, or untracked ones lie in the project."""
        ...

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Whether ``older`` is ``newer`` or one of its ancestors; None where the history here can't tell."""
        ...


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Gives the wall-clock time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Gives seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits; returns early when the run is interrupted."""
        ...


class OutputStore(Protocol):
    """Model outputs, kept on this machine only: other people's text."""

    def get(self, key: str) -> ChatAnswer | None:
        """Gives the answer kept for a request's digest."""
        ...

    def put(self, key: str, answer: ChatAnswer) -> None:
        """Keeps an answer."""
        ...


class Progress(Protocol):
    """Tells a person how a run goes. Safe to call from several threads."""

    def update(
        self, fine_tune: str, phase: str, *, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        """Shows where a fine-tune is now: the phase in a word or two, ``done`` of ``total``, and a detail such as a loss."""
        ...

    def say(self, message: str, *, fine_tune: str | None = None) -> None:
        """Reports something that happened."""
        ...
