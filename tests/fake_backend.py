"""A backend in memory: jobs that a test or a clock moves on, files, models, conversations, and faults on demand."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fake_resources import FakeChat, FakeFiles, FakeJobs, FakeModels, FakeTraining
from fake_world import Entry, Fault, Ticking, World, checkpoint_name, error_of
from ftops.domain.attempts import JobStatus
from ftops.domain.manifest import JobId, ModelId
from ftops.errors import (
    AnswerLost,
    BackendError,
)
from ftops.ports import ChatAnswer, ChatRequest, Job, ModelInfo

_STAGES = (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED)
_BASE_MODELS = ("gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4o-mini-2024-07-18")


class FakeBackend:
    """A BackendSession in memory.

    Jobs stand still until ``advance`` moves each unfinished one a stage on; with ``stage_seconds`` and a clock they move by
    themselves. ``outcomes`` maps a fine-tune's suffix to the status and error its next job ends with. ``answer`` gives the
    text (or the whole answer) to a conversation. ``inject`` queues faults by operation: create, retrieve, list_jobs, progress,
    checkpoints, list_past, cancel, find, retrieve_file, upload, list_models, chat.
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
        self.world = World(clock=clock, organization=organization)
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
        self.events: dict[JobId, list[str]] = {}
        self._base_url = base_url
        for name in _BASE_MODELS:
            self.world.models[name] = ModelInfo(id=ModelId(name), owned_by="system", shutdown_date="2027-01-14")

    @property
    def base_url(self) -> str:
        return self._base_url

    @property
    def jobs(self) -> "FakeJobs":
        return FakeJobs(self)

    @property
    def training(self) -> "FakeTraining":
        return FakeTraining(self)

    @property
    def files(self) -> "FakeFiles":
        return FakeFiles(self.world)

    @property
    def models(self) -> "FakeModels":
        return FakeModels(self.world)

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
        self.inject(operation, error_of(status, code), times=times)

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
            while entry.job.status in _STAGES[:-1] and _stage(entry.job) < int(elapsed // self.stage_seconds):
                self._move_on(entry)

    def _move_on(self, entry: Entry) -> None:
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
            for name in (model, *(checkpoint_name(model, step) for step in (10, 20))):
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
