"""A backend in memory whose lists lag, whose jobs people meddle with, and which remembers every job ever made.

What is new stays invisible for ``lag`` seconds, as ``ftops serve --faults`` has it: left out of lists, 404 when asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fake_backend import FakeBackend
from fake_resources import FakeFiles, FakeJobs, FakeModels, FakeTraining
from fake_world import Entry
from ftops.domain.attempts import JobStatus
from ftops.domain.manifest import JobId, ModelId
from ftops.errors import NotFound
from ftops.ports import Job, StoredFile

RUNNING = (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING)


class StormBackend(FakeBackend):
    """``lag`` in seconds; ``stopped_by_people`` are the jobs that somebody cancelled, failed or paused."""

    def __init__(self, *, lag: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.lag = lag
        self.hidden = 0
        self.is_twin = False
        self.on_create: Callable[[Job], None] = lambda job: None
        self.on_delete_model: Callable[[str], None] = lambda model: None
        self.stopped_by_people: set[str] = set()

    @property
    def jobs(self) -> "LaggingJobs":
        return LaggingJobs(self)

    @property
    def training(self) -> "LaggingTraining":
        return LaggingTraining(self)

    @property
    def models(self) -> "WatchedModels":
        return WatchedModels(self)

    @property
    def files(self) -> "LaggingFiles":
        return LaggingFiles(self)

    def is_hidden(self, made: Job | StoredFile) -> bool:
        is_new = made.created_at + timedelta(seconds=self.lag) > self.world.now()
        self.hidden += is_new
        return is_new

    def require(self, job: str) -> None:
        if self.is_hidden(self.world.find(job).job):
            raise NotFound(f"Could not find fine tune: {job}", status=404, code="fine_tune_not_found")

    # What people do.

    def entries(self, *statuses: JobStatus, project: str = "") -> list[Entry]:
        """The jobs that are in one of these states now, oldest first."""
        self.tick()
        return [e for e in self.world.jobs if e.job.status in statuses]

    def end(self, entry: Entry, status: JobStatus, code: str | None = None) -> None:
        self.stopped_by_people.add(entry.job.id)
        message = "something went wrong on our side" if code else None
        entry.job = replace(
            entry.job, status=status, finished_at=self.world.now(), error_code=code, error_message=message
        )

    def pause(self, entry: Entry) -> None:
        self.stopped_by_people.add(entry.job.id)
        entry.job = replace(entry.job, status=JobStatus.PAUSED)

    def resume(self, entry: Entry) -> None:
        self.stopped_by_people.discard(entry.job.id)
        entry.job = replace(entry.job, status=JobStatus.RUNNING)

    def lose_model(self, nth: int) -> str | None:
        """A model is gone, with its checkpoints; its job still says succeeded."""
        made = [e.job.model for e in self.entries(JobStatus.SUCCEEDED) if e.job.model in self.world.models]
        if not made:
            return None
        lost = str(made[nth % len(made)])
        for name in [name for name in self.world.models if name == lost or name.startswith(f"{lost}:")]:
            del self.world.models[name]
        return lost

    def lose_file(self, nth: int) -> None:
        """A file is gone. Jobs that have it already go on."""
        if self.world.files:
            del self.world.files[sorted(self.world.files)[nth % len(self.world.files)]]

    def make_by_hand(self, metadata: Mapping[str, str], body: Mapping[str, Any]) -> Job:
        """Somebody makes a job with metadata like ours."""
        job = Job(
            id=JobId(f"ftjob-hand-{next(self.world.ids):019d}"),
            status=JobStatus.VALIDATING_FILES,
            base_model=str(body["model"]),
            created_at=self.world.now(),
            metadata=dict(metadata),
            organization=self.world.organization,
        )
        self.world.jobs.append(Entry(job=job, body=dict(body)))
        return job

    def _invalid_file(self, body: Mapping[str, Any]) -> tuple[str, str] | None:
        return super()._invalid_file(body) if body["training_file"] in self.world.files else None


class LaggingJobs(FakeJobs):
    _backend: StormBackend

    def retrieve(self, job: JobId) -> Job:
        self._backend.require(job)
        return super().retrieve(job)

    def list_jobs(self, *, metadata: Mapping[str, str], newest: int | None = None) -> tuple[Job, ...]:
        jobs = super().list_jobs(metadata=metadata)
        return tuple(job for job in jobs if not self._backend.is_hidden(job))[:newest]

    def progress(self, job: JobId) -> Any:
        self._backend.require(job)
        return super().progress(job)


class LaggingTraining(FakeTraining):
    _backend: StormBackend

    def create(self, body: Mapping[str, Any], metadata: Mapping[str, str]) -> Job:
        job = super().create(body, metadata)
        self._backend.on_create(job)
        return job

    def cancel(self, job: JobId) -> Job:
        self._backend.require(job)
        return super().cancel(job)


class WatchedModels(FakeModels):
    def __init__(self, backend: StormBackend) -> None:
        super().__init__(backend.world)
        self._watched = backend

    def delete(self, model: ModelId) -> None:
        if model in self._world.models:
            self._watched.on_delete_model(model)
        super().delete(model)


class LaggingFiles(FakeFiles):
    def __init__(self, backend: StormBackend) -> None:
        super().__init__(backend.world)
        self._lagging = backend

    def find(self, name: str) -> StoredFile | None:
        self._world.begin("find")
        files = [c.file for c in self._world.files.values() if c.file.name == name]
        return next((f for f in reversed(files) if not self._lagging.is_hidden(f)), None)

    def retrieve(self, file_id: str) -> StoredFile:
        file = super().retrieve(file_id)
        if self._lagging.is_hidden(file):
            raise NotFound(f"No such File object: {file_id}", status=404)
        return file
