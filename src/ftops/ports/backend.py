"""What the application needs of a backend: jobs, files, models and conversations, readers apart from writers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from ftops.domain.curves import StepMetrics as StepMetrics
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.observed import Job as Job
from ftops.domain.observed import ModelInfo as ModelInfo
from ftops.domain.past_job import PastJob as PastJob
from ftops.domain.scores import Outcome


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
class JobEvent:
    """Something that a backend said of a job; ``level`` is its word for how bad that is (info, warn, error)."""

    id: str
    at: datetime | None
    level: str
    message: str


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
class Allowance:
    """What a backend's rate headers say: of ``limit`` requests ``remaining`` are left, and in ``reset`` seconds all are."""

    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatAnswer:
    """A completion: its text ("" where there is none), its tool calls, how it ended, and what it took.

    ``allowance`` is what came along with it, for who asks next.
    """

    text: str
    tool_calls: tuple[Mapping[str, Any], ...]
    outcome: Outcome
    input_tokens: int
    output_tokens: int
    seconds: float
    allowance: Allowance | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedding:
    """A text as a vector, and what it took."""

    vector: tuple[float, ...]
    tokens: int


class JobReader(Protocol):
    """Reads jobs. Every method raises BackendError."""

    def retrieve(self, job: JobId) -> Job:
        """Gives a job; raises NotFound where there is none."""
        ...

    def list_jobs(self, *, metadata: Mapping[str, str], newest: int | None = None) -> tuple[Job, ...]:
        """Gives the jobs with all of ``metadata``, even if the backend ignores it; newest first, about ``newest`` at most."""
        ...

    def list_past(self) -> Iterable[PastJob]:
        """Gives every job with how it was trained, newest first, page by page."""
        ...

    def progress(self, job: JobId) -> JobProgress:
        """Gives how far a job is, from its newest events."""
        ...

    def events(self, job: JobId) -> Iterable[JobEvent]:
        """Gives what the backend said of a job, newest first, page by page; raises NotFound where there is none."""
        ...

    def checkpoints(self, job: JobId) -> tuple[Checkpoint, ...]:
        """Gives a job's checkpoints, by step."""
        ...

    def metrics(self, job: JobId) -> tuple[StepMetrics, ...]:
        """Gives what a job measured, step by step; nothing where its backend tells nothing."""
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

    def content(self, file_id: str) -> bytes:
        """Gives what a file holds; raises NotFound where it is gone, and Rejected where the backend won't tell."""
        ...

    def delete(self, file_id: str) -> None:
        """Deletes a file; one that is gone already is as good as deleted."""
        ...


class Models(Protocol):
    """Models at a backend. Every method raises BackendError."""

    def list_models(self) -> tuple[ModelInfo, ...]:
        """Gives all models that the key can see."""
        ...

    def retrieve(self, model: ModelId) -> ModelInfo:
        """Gives a model; raises NotFound where there is none."""
        ...

    def delete(self, model: ModelId) -> None:
        """Deletes a fine-tuned model; one that is gone already is as good as deleted."""
        ...


class Chat(Protocol):
    """Conversations with a model."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Gives one answer, asked for once. Raises BackendError: Throttled and Unreachable where asking again may help."""
        ...

    async def embed(self, model: str, text: str) -> Embedding:
        """Gives a text's embedding, asked for once. Raises BackendError as ``complete`` does."""
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
