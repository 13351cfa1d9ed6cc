"""A backend in memory: jobs that a test or a clock moves on, files, models, conversations, and faults on demand."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Protocol

from ftops.domain.attempts import JobStatus
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.scores import Outcome
from ftops.errors import (
    AnswerLost,
    BackendError,
    NotFound,
    Rejected,
    TrainingNotAvailable,
    Unauthorized,
    Unreachable,
)
from ftops.ports import ChatAnswer, ChatRequest, Checkpoint, Job, JobProgress, ModelInfo, StoredFile

_STAGES = (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED)
_BASE_MODELS = ("gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4o-mini-2024-07-18")
_START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Ticking(Protocol):
    def now(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What the next call of an operation meets. ``takes_effect``: the call was carried out, and its answer lost."""

    error: BackendError
    takes_effect: bool = False


@dataclass
class _Entry:
    job: Job
    body: Mapping[str, Any]
    seen_lists: int = 0


@dataclass
class _Content:
    file: StoredFile
    data: bytes
    purpose: str = "fine-tune"


@dataclass
class _World:
    """What the parts of one session share."""

    clock: Ticking | None = None
    organization: str | None = "org-fake"
    jobs: list[_Entry] = field(default_factory=list)
    files: dict[str, _Content] = field(default_factory=dict)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def now(self) -> datetime:
        # Ids count up, so that without a clock later things are younger too.
        return self.clock.now() if self.clock else _START + timedelta(seconds=len(self.calls))

    def begin(self, operation: str) -> Fault | None:
        """Notes a call; raises the fault that waits for it, unless the call is carried out first."""
        self.calls.append(operation)
        waiting = self.faults.get(operation)
        fault = waiting.pop(0) if waiting else None
        if fault is not None and not fault.takes_effect:
            raise fault.error
        return fault

    def find(self, job: str) -> _Entry:
        for entry in self.jobs:
            if entry.job.id == job:
                return entry
        raise NotFound(f"Could not find fine tune: {job}", status=404, code="fine_tune_not_found")


class FakeBackend:
    """A BackendSession in memory.

    Jobs stand still until ``advance`` moves each unfinished one a stage on; with ``stage_seconds`` and a clock they move by
    themselves. ``outcomes`` maps a fine-tune's suffix to the status and error its next job ends with. ``answer`` gives the
    text (or the whole answer) to a conversation. ``inject`` queues faults by operation: create, retrieve, list_jobs, progress,
    checkpoints, cancel, find, retrieve_file, upload, list_models, chat.
    """

    def __init__(
        self,
        *,
        clock: Ticking | None = None,
        base_url: str = "http://fake.invalid/v1",
        stage_seconds: float | None = None,
        answer: Callable[[ChatRequest], str | ChatAnswer] = lambda request: "ok",
        organization: str | None = "org-fake",
        min_examples: int = 10,
        list_lag: int = 0,
        ignores_filter: bool = False,
        keeps_metadata: bool = True,
        any_base_model: bool = True,
    ) -> None:
        self.world = _World(clock=clock, organization=organization)
        self.answer = answer
        self.stage_seconds = stage_seconds
        self.min_examples = min_examples
        self.list_lag = list_lag
        self.ignores_filter = ignores_filter
        self.keeps_metadata = keeps_metadata
        self.any_base_model = any_base_model
        self.is_training_blocked = False
        self.is_closed = False
        self.outcomes: dict[str, tuple[JobStatus, str | None, str | None]] = {}
        self.requests: list[ChatRequest] = []
        self._base_url = base_url
        for name in _BASE_MODELS:
            self.world.models[name] = ModelInfo(id=ModelId(name), owned_by="system", shutdown_date="2027-01-14")

    @property
    def base_url(self) -> str:
        return self._base_url

    @property
    def jobs(self) -> "_Jobs":
        return _Jobs(self)

    @property
    def training(self) -> "_Training":
        return _Training(self)

    @property
    def files(self) -> "_Files":
        return _Files(self.world)

    @property
    def models(self) -> "_Models":
        return _Models(self.world)

    def open_chat(self) -> "FakeChat":
        return FakeChat(self)

    def close(self) -> None:
        self.is_closed = True

    # What tests read and set.

    @property
    def calls(self) -> list[str]:
        """The operations called, in order."""
        return self.world.calls

    @property
    def all_jobs(self) -> tuple[Job, ...]:
        """Every job, newest first, whatever lists show."""
        return tuple(entry.job for entry in reversed(self.world.jobs))

    @property
    def bodies(self) -> dict[JobId, Mapping[str, Any]]:
        """What each job was created with."""
        return {entry.job.id: entry.body for entry in self.world.jobs}

    def inject(self, operation: str, error: BackendError, *, takes_effect: bool = False, times: int = 1) -> None:
        """Makes the next calls of an operation fail."""
        fault = Fault(error=error, takes_effect=takes_effect)
        self.world.faults.setdefault(operation, []).extend([fault] * times)

    def drop_before(self, operation: str) -> None:
        """The connection is lost before the call is carried out; nobody can tell."""
        self.inject(operation, AnswerLost("the connection was dropped"))

    def drop_after(self, operation: str) -> None:
        """The call is carried out and its answer lost."""
        self.inject(operation, AnswerLost("the connection was dropped"), takes_effect=True)

    def answer_status(self, operation: str, status: int, *, code: str | None = None, times: int = 1) -> None:
        """The next calls are answered with an HTTP error."""
        self.inject(operation, _error_of(status, code), times=times)

    def advance(self, job: str | None = None, *, stages: int = 1) -> None:
        """Moves one job, or every unfinished one, on by so many stages."""
        with self.world.lock:
            for entry in self.world.jobs:
                if job is None or entry.job.id == job:
                    for _ in range(stages):
                        self._move_on(entry)

    def finish(self) -> None:
        """Lets every job end."""
        self.advance(stages=len(_STAGES))

    def set_status(self, job: str, status: JobStatus) -> None:
        """Puts a job into any status, ``paused`` too."""
        entry = self.world.find(job)
        entry.job = replace(entry.job, status=status)

    def delete_model(self, model: str) -> None:
        """The model is gone; its job still says succeeded."""
        del self.world.models[model]

    def tick(self) -> None:
        """Brings jobs to where the clock says they are."""
        if self.stage_seconds is None:
            return
        for entry in self.world.jobs:
            elapsed = (self.world.now() - entry.job.created_at).total_seconds()
            while not entry.job.status.is_final and _stage(entry.job) < int(elapsed // self.stage_seconds):
                self._move_on(entry)

    def _move_on(self, entry: _Entry) -> None:
        job = entry.job
        if job.status.is_final or job.status not in _STAGES:
            return
        error = self._invalid_file(entry.body) if job.status is JobStatus.VALIDATING_FILES else None
        suffix = str(entry.body.get("suffix") or "")
        if error is not None:
            entry.job = self._ended(job, (JobStatus.FAILED, *error))
            return
        following = _STAGES[_stage(job) + 1]
        if following is not JobStatus.SUCCEEDED:
            entry.job = replace(job, status=following)
            return
        entry.job = self._ended(job, self.outcomes.pop(suffix, (JobStatus.SUCCEEDED, None, None)), suffix)

    def _ended(self, job: Job, outcome: tuple[JobStatus, str | None, str | None], suffix: str = "") -> Job:
        status, code, message = outcome
        model = None
        if status is JobStatus.SUCCEEDED:
            model = ModelId(f"ft:{job.base_model}:fake:{suffix}:{next(self.world.ids):08d}")
            for name in (model, *(_checkpoint(model, step) for step in (10, 20))):
                self.world.models[name] = ModelInfo(id=ModelId(name), owned_by=self.world.organization or "")
        return replace(
            job,
            status=status,
            model=model,
            trained_tokens=3000 if model else None,
            finished_at=self.world.now(),
            error_code=code,
            error_message=message,
        )

    def _invalid_file(self, body: Mapping[str, Any]) -> tuple[str, str] | None:
        content = self.world.files.get(str(body["training_file"]))
        rows = len(content.data.splitlines()) if content else 0
        if rows >= self.min_examples:
            return None
        return "invalid_n_examples", f"Training file has {rows} example(s), but must have at least 10 examples"


def _stage(job: Job) -> int:
    return _STAGES.index(job.status) if job.status in _STAGES else len(_STAGES)


def _checkpoint(model: ModelId, step: int) -> str:
    return f"{model}:ckpt-step-{step}"


def _error_of(status: int, code: str | None) -> BackendError:
    if code == "training_not_available":
        return TrainingNotAvailable("OpenAI is winding down fine-tuning", status=403, code=code)
    if status == 429:
        return Unreachable("the backend throttles (429)")
    if status >= 500:
        return AnswerLost(f"the backend failed ({status})")
    kind = Unauthorized if status in {401, 403} else NotFound if status == 404 else Rejected
    return kind(f"refused ({status})", status=status, code=code)


class _Jobs:
    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend
        self._world = backend.world

    def retrieve(self, job: JobId) -> Job:
        with self._world.lock:
            self._world.begin("retrieve")
            self._backend.tick()
            return self._shown(self._world.find(job))

    def list_jobs(self, *, metadata: Mapping[str, str], newest: int | None = None) -> tuple[Job, ...]:
        with self._world.lock:
            self._world.begin("list_jobs")
            self._backend.tick()
            visible = [entry for entry in self._world.jobs if entry.seen_lists >= self._backend.list_lag]
            for entry in self._world.jobs:
                entry.seen_lists += 1
            jobs = [self._shown(entry) for entry in reversed(visible)]
            if self._backend.ignores_filter:
                jobs = jobs[:newest]
            return tuple(job for job in jobs if metadata.items() <= job.metadata.items())[:newest]

    def progress(self, job: JobId) -> JobProgress:
        with self._world.lock:
            self._world.begin("progress")
            self._backend.tick()
            found = self._world.find(job).job
            match found.status:
                case JobStatus.RUNNING:
                    return JobProgress(
                        step=10, total_steps=30, train_loss=0.5, message="Step 10/30: training loss=0.50"
                    )
                case JobStatus.SUCCEEDED:
                    message = "The job has successfully completed"
                    return JobProgress(step=30, total_steps=30, train_loss=0.1, valid_loss=0.2, message=message)
                case _:
                    return JobProgress(message=f"Created fine-tuning job: {job}")

    def checkpoints(self, job: JobId) -> tuple[Checkpoint, ...]:
        with self._world.lock:
            self._world.begin("checkpoints")
            self._backend.tick()
            model = self._world.find(job).job.model
            if model is None:
                return ()
            steps = ((10, _checkpoint(model, 10), 0.3), (20, _checkpoint(model, 20), 0.15), (30, model, 0.2))
            return tuple(Checkpoint(step=s, model=ModelId(m), valid_loss=loss) for s, m, loss in steps)

    def _shown(self, entry: _Entry) -> Job:
        return entry.job if self._backend.keeps_metadata else replace(entry.job, metadata={})


class _Training:
    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend
        self._world = backend.world

    def create(self, body: Mapping[str, Any], metadata: Mapping[str, str]) -> Job:
        with self._world.lock:
            fault = self._world.begin("create")
            self._check(body)
            job = Job(
                id=JobId(f"ftjob-{next(self._world.ids):024d}"),
                status=JobStatus.VALIDATING_FILES,
                base_model=str(body["model"]),
                created_at=self._world.now(),
                metadata=dict(metadata),
                organization=self._world.organization,
            )
            self._world.jobs.append(_Entry(job=job, body=dict(body)))
            if fault is not None:
                raise fault.error
            return job

    def cancel(self, job: JobId) -> Job:
        with self._world.lock:
            fault = self._world.begin("cancel")
            self._backend.tick()
            entry = self._world.find(job)
            if not entry.job.status.is_final:
                entry.job = replace(entry.job, status=JobStatus.CANCELLED, finished_at=self._world.now())
            if fault is not None:
                raise fault.error
            return entry.job

    def _check(self, body: Mapping[str, Any]) -> None:
        if self._backend.is_training_blocked:
            raise _error_of(403, "training_not_available")
        for field_name in ("training_file", "validation_file"):
            file_id = body.get(field_name)
            if file_id is not None and file_id not in self._world.files:
                raise Rejected(f"invalid {field_name}: {file_id}", status=400, code="invalid_value")
        if body["model"] not in self._world.models and not self._backend.any_base_model:
            raise Rejected(f"{body['model']} can't be fine-tuned", status=400, code="model_not_available")


class _Files:
    def __init__(self, world: _World) -> None:
        self._world = world

    def find(self, name: str) -> StoredFile | None:
        with self._world.lock:
            self._world.begin("find")
            return next((c.file for c in reversed(self._world.files.values()) if c.file.name == name), None)

    def retrieve(self, file_id: str) -> StoredFile:
        with self._world.lock:
            self._world.begin("retrieve_file")
            if file_id not in self._world.files:
                raise NotFound(f"No such File object: {file_id}", status=404)
            return self._world.files[file_id].file

    def upload(self, name: str, content: BinaryIO) -> StoredFile:
        with self._world.lock:
            fault = self._world.begin("upload")
            data = content.read()
            file_id = f"file-{next(self._world.ids):022d}"
            stored = StoredFile(id=file_id, name=name, size=len(data), created_at=self._world.now())
            self._world.files[file_id] = _Content(file=stored, data=data)
            if fault is not None:
                raise fault.error
            return stored


class _Models:
    def __init__(self, world: _World) -> None:
        self._world = world

    def list_models(self) -> tuple[ModelInfo, ...]:
        with self._world.lock:
            self._world.begin("list_models")
            return tuple(self._world.models.values())


class FakeChat:
    """Answers conversations by the backend's ``answer``."""

    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend
        self.is_closed = False

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        await asyncio.sleep(0)
        self._backend.world.begin("chat")
        self._backend.requests.append(request)
        if request.model not in self._backend.world.models:
            raise NotFound(f"The model `{request.model}` does not exist", status=404, code="model_not_found")
        given = self._backend.answer(request)
        if isinstance(given, ChatAnswer):
            return given
        outcome = Outcome.OK if given else Outcome.EMPTY
        return ChatAnswer(
            text=given, tool_calls=(), outcome=outcome, input_tokens=7, output_tokens=len(given.split()), seconds=0.0
        )

    async def close(self) -> None:
        self.is_closed = True
