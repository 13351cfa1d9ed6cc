"""The parts of a backend in memory: jobs, training, files, models and conversations, as ``ports`` has them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from fake_world import Content, Entry, World, checkpoint_name, error_of
from ftops.domain.attempts import JobStatus
from ftops.domain.curves import StepMetrics
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.scores import Outcome
from ftops.errors import (
    NotFound,
    Rejected,
)
from ftops.ports import (
    ChatAnswer,
    ChatRequest,
    Checkpoint,
    Embedding,
    Job,
    JobEvent,
    JobProgress,
    ModelInfo,
    PastJob,
    StoredFile,
)

if TYPE_CHECKING:
    from fake_backend import FakeBackend


class FakeJobs:
    def __init__(self, backend: "FakeBackend") -> None:
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

    def list_past(self) -> tuple[PastJob, ...]:
        with self._world.lock:
            self._world.begin("list_past")
            self._backend.tick()
            return tuple(self._past(entry) for entry in reversed(self._world.jobs))

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

    def events(self, job: JobId) -> tuple[JobEvent, ...]:
        with self._world.lock:
            self._world.begin("events")
            self._backend.tick()
            found = self._world.find(job).job
            said = [f"Created fine-tuning job: {job}", *(self._backend.events.get(job, ()))]
            if found.status.is_final:
                said.append(f"The job has {found.status.value}")
            made = [
                JobEvent(id=f"ftevent-{number}", at=found.created_at, level="info", message=message)
                for number, message in enumerate(said)
            ]
            return tuple(reversed(made))

    def checkpoints(self, job: JobId) -> tuple[Checkpoint, ...]:
        with self._world.lock:
            self._world.begin("checkpoints")
            self._backend.tick()
            model = self._world.find(job).job.model
            if model is None:
                return ()
            steps = ((10, checkpoint_name(model, 10), 0.3), (20, checkpoint_name(model, 20), 0.15), (30, model, 0.2))
            return tuple(Checkpoint(step=s, model=ModelId(m), valid_loss=loss) for s, m, loss in steps)

    def metrics(self, job: JobId) -> tuple[StepMetrics, ...]:
        with self._world.lock:
            self._world.begin("metrics")
            self._backend.tick()
            if self._world.find(job).job.model is None:
                return ()
            return tuple(StepMetrics(step=step, train_loss=3.0 / step) for step in range(1, 31))

    def _past(self, entry: Entry) -> PastJob:
        body = entry.body
        method = body.get("method") or {"type": "supervised"}
        settings = method.get(method["type"], {})
        return PastJob(
            job=self._shown(entry),
            suffix=body.get("suffix") or "",
            method=method["type"],
            hyperparameters=settings.get("hyperparameters", {}),
            grader=settings.get("grader"),
            seed=body.get("seed"),
            training_file=body.get("training_file"),
            validation_file=body.get("validation_file"),
            integrations=tuple(body.get("integrations") or ()),
        )

    def _shown(self, entry: Entry) -> Job:
        return entry.job if self._backend.keeps_metadata else replace(entry.job, metadata={})


class FakeTraining:
    def __init__(self, backend: "FakeBackend") -> None:
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
            self._world.jobs.append(Entry(job=job, body=dict(body)))
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
            raise error_of(403, "training_not_available")
        for field_name in ("training_file", "validation_file"):
            file_id = body.get(field_name)
            if file_id is not None and file_id not in self._world.files:
                raise Rejected(f"invalid {field_name}: {file_id}", status=400, code="invalid_value")
        if body["model"] not in self._world.models and not self._backend.any_base_model:
            raise Rejected(f"{body['model']} can't be fine-tuned", status=400, code="model_not_available")


class FakeFiles:
    def __init__(self, world: World) -> None:
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
            self._world.files[file_id] = Content(file=stored, data=data)
            if fault is not None:
                raise fault.error
            return stored

    def content(self, file_id: str) -> bytes:
        with self._world.lock:
            self._world.begin("file_content")
            if file_id not in self._world.files:
                raise NotFound(f"No such File object: {file_id}", status=404)
            return self._world.files[file_id].data

    def delete(self, file_id: str) -> None:
        with self._world.lock:
            fault = self._world.begin("delete_file")
            self._world.files.pop(file_id, None)
            if fault is not None:
                raise fault.error


class FakeModels:
    def __init__(self, world: World) -> None:
        self._world = world

    def list_models(self) -> tuple[ModelInfo, ...]:
        with self._world.lock:
            self._world.begin("list_models")
            return tuple(self._world.models.values())

    def retrieve(self, model: ModelId) -> ModelInfo:
        with self._world.lock:
            self._world.begin("retrieve_model")
            if model not in self._world.models:
                raise NotFound(f"The model '{model}' does not exist", status=404, code="model_not_found")
            return self._world.models[model]

    def delete(self, model: ModelId) -> None:
        with self._world.lock:
            fault = self._world.begin("delete_model")
            self._world.models.pop(model, None)
            if fault is not None:
                raise fault.error


class FakeChat:
    """Answers conversations by the backend's ``answer``."""

    def __init__(self, backend: "FakeBackend") -> None:
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

    async def embed(self, model: str, text: str) -> Embedding:
        await asyncio.sleep(0)
        return Embedding(vector=(float(len(model)), float(len(text))), tokens=1)

    async def close(self) -> None:
        self.is_closed = True
