"""A backend reached by the ``openai`` SDK: jobs, files, models, conversations.

Owns what is sent: that the creation of a job is exactly one POST, and which other calls may be repeated. Importing this module
costs half a second; ``bootstrap`` does so only where a backend is called. What answers mean is ``openai_records``', what
failures mean ``backend_failures``'.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, BinaryIO, Final, cast

import openai

from ftops.adapters import openai_curves as curves
from ftops.adapters import openai_records as records
from ftops.adapters.backend_address import Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.openai_chat import OpenAIChat
from ftops.adapters.openai_client import Clients
from ftops.adapters.openai_pages import data_of, items_of
from ftops.adapters.openai_past_jobs import past_job_of
from ftops.domain.curves import StepMetrics
from ftops.domain.manifest import JobId, ModelId
from ftops.errors import BackendError, NotFound, Rejected, Unauthorized
from ftops.ports import Checkpoint, Job, JobEvent, JobProgress, ModelInfo, PastJob, StoredFile

_JOBS_PAGE: Final = 100
_FILES_PAGE: Final = 10_000
_NEWEST_EVENTS: Final = 50
_MOST_EVENTS: Final = 5_000
_TIMING: Final = Timing()


class OpenAIBackend:
    """A BackendSession at one address: ``ports.BackendSession`` says what its parts do."""

    def __init__(
        self, address: Address, *, timing: Timing = _TIMING, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._address = address
        self._timing = timing
        self._calls = Clients(address, timing)
        self.base_url = address.base_url
        self.jobs = _Jobs(self._calls)
        self.training = _Training(self._calls)
        self.files = _Files(self._calls, timing, sleep)
        self.models = _Models(self._calls)

    def open_chat(self) -> OpenAIChat:
        """Gives a client for conversations, for use within one event loop."""
        return OpenAIChat(self._address, self._timing)

    def close(self) -> None:
        """Gives back connections."""
        self._calls.close()


class _Jobs:
    def __init__(self, calls: Clients) -> None:
        self._calls = calls

    def retrieve(self, job: JobId) -> Job:
        with self._calls.translated():
            return records.job_of(self._calls.repeated.fine_tuning.jobs.retrieve(job))

    def list_jobs(self, *, metadata: Mapping[str, str], newest: int | None = None) -> tuple[Job, ...]:
        limit = _JOBS_PAGE if newest is None else max(1, min(newest, _JOBS_PAGE))

        def fetch(after: str | None) -> object:
            return self._calls.repeated.fine_tuning.jobs.list(
                after=after or openai.omit, limit=limit, metadata=dict(metadata) or openai.omit
            )

        found = []
        with self._calls.translated():
            for record in islice(items_of(fetch), newest):
                job = records.job_of(record)
                if metadata.items() <= job.metadata.items():
                    found.append(job)
        return tuple(found)

    def list_past(self) -> Iterator[PastJob]:
        def fetch(after: str | None) -> object:
            return self._calls.repeated.fine_tuning.jobs.list(after=after or openai.omit, limit=_JOBS_PAGE)

        with self._calls.translated():
            yield from map(past_job_of, items_of(fetch))

    def progress(self, job: JobId) -> JobProgress:
        with self._calls.translated():
            page = self._calls.repeated.fine_tuning.jobs.list_events(job, limit=_NEWEST_EVENTS)
            return records.progress_of(data_of(page))

    def events(self, job: JobId) -> Iterator[JobEvent]:
        def fetch(after: str | None) -> object:
            return self._calls.repeated.fine_tuning.jobs.list_events(job, after=after or openai.omit, limit=_JOBS_PAGE)

        with self._calls.translated():
            yield from map(records.event_of, items_of(fetch))

    def checkpoints(self, job: JobId) -> tuple[Checkpoint, ...]:
        def fetch(after: str | None) -> object:
            jobs = self._calls.repeated.fine_tuning.jobs
            return jobs.checkpoints.list(job, after=after or openai.omit, limit=_JOBS_PAGE)

        with self._calls.translated():
            return records.checkpoints_of(items_of(fetch))

    def metrics(self, job: JobId) -> tuple[StepMetrics, ...]:
        jobs = self._calls.repeated.fine_tuning.jobs

        def fetch(after: str | None) -> object:
            return jobs.list_events(job, after=after or openai.omit, limit=_JOBS_PAGE)

        with self._calls.translated():
            found: tuple[StepMetrics, ...] = ()
            for file in jobs.retrieve(job).result_files or ():
                with suppress(openai.NotFoundError):  # it may have been deleted like any other file
                    found = found or curves.metrics_of_file(self._calls.repeated.files.content(file).read())
            found = found or curves.metrics_of_events(islice(items_of(fetch), _MOST_EVENTS))
            return curves.with_checkpoints(found, data_of(jobs.checkpoints.list(job, limit=_JOBS_PAGE)))


class _Training:
    def __init__(self, calls: Clients) -> None:
        self._calls = calls

    def create(self, body: Mapping[str, Any], metadata: Mapping[str, str]) -> Job:
        # What isn't there is left out: some backends refuse null and empty lists.
        given = {name: value for name, value in body.items() if value is not None and value != []}
        model, training_file = given.pop("model"), given.pop("training_file")
        with self._calls.translated(has_effect=True):
            created = self._calls.once().fine_tuning.jobs.create(
                model=model, training_file=training_file, metadata=dict(metadata), extra_body=given
            )
            return records.job_of(created)

    def cancel(self, job: JobId) -> Job:
        try:
            with self._calls.translated(has_effect=True):
                return records.job_of(self._calls.repeated.fine_tuning.jobs.cancel(job))
        except (NotFound, Unauthorized):
            raise
        except Rejected:
            # Refused because it has ended already, or for another reason: the job itself tells.
            found = _Jobs(self._calls).retrieve(job)
            if found.status.is_final:
                return found
            raise


class _Files:
    def __init__(self, calls: Clients, timing: Timing, sleep: Callable[[float], None]) -> None:
        self._calls = calls
        self._timing = timing
        self._sleep = sleep
        self._listing = threading.Lock()
        self._listed: dict[str, StoredFile] = {}
        self._listed_until = 0.0

    def find(self, name: str) -> StoredFile | None:
        # A backend lists all its files or none: a thousand uploads in a row don't ask a thousand times. What is missed within
        # so short a time is a file that another run uploads just now, and a second copy of that costs nothing.
        with self._listing:
            if time.monotonic() >= self._listed_until:
                self._listed = self._list()
                self._listed_until = time.monotonic() + self._timing.listed
            return self._listed.get(name)

    def _list(self) -> dict[str, StoredFile]:
        """Gives the newest usable file of each name."""

        def fetch(after: str | None) -> object:
            return self._calls.repeated.files.list(
                after=after or openai.omit, limit=_FILES_PAGE, order="desc", purpose="fine-tune"
            )

        newest: dict[str, StoredFile] = {}
        with self._calls.translated():
            for record in items_of(fetch):
                if records.file_status_of(record) in {"error", "deleted"}:
                    continue
                with suppress(records.UnreadableRecord):  # somebody else's business
                    file = records.file_of(record)
                    if file.name not in newest or file.created_at > newest[file.name].created_at:
                        newest[file.name] = file
        return newest

    def retrieve(self, file_id: str) -> StoredFile:
        with self._calls.translated():
            return records.file_of(self._calls.repeated.files.retrieve(file_id))

    def upload(self, name: str, content: BinaryIO) -> StoredFile:
        # Repeated by the SDK where the answer is lost: a second copy of a file costs nothing, and ``find`` takes the newest.
        with self._forgetting_on_failure(), self._calls.translated(has_effect=True):
            record: object = self._calls.repeated.files.create(
                file=(name, content, "application/jsonl"),
                purpose="fine-tune",
                timeout=openai.Timeout(self._timing.upload, connect=self._timing.connect),
            )
            stored = records.file_of(record)
        with self._forgetting_on_failure(), self._calls.translated():
            processed = self._processed(stored, record)
        with self._listing:
            self._listed[name] = processed
        return processed

    def content(self, file_id: str) -> bytes:
        with self._calls.translated():
            return self._calls.repeated.files.content(file_id).read()

    def delete(self, file_id: str) -> None:
        self._listed_until = 0.0
        with suppress(NotFound), self._calls.translated(has_effect=True):
            self._calls.repeated.files.delete(file_id)

    @contextmanager
    def _forgetting_on_failure(self) -> Iterator[None]:
        """After an upload whose answer was lost only a fresh list tells whether the file is there."""
        try:
            yield
        except BackendError:
            self._listed_until = 0.0
            raise

    def _processed(self, stored: StoredFile, record: object) -> StoredFile:
        """Waits until the file is processed; one that takes too long is left to the job, which waits for it as well."""
        waited, pause = 0.0, self._timing.first_look
        while records.file_status_of(record) in {"uploaded", "pending"} and waited < self._timing.processing:
            self._sleep(pause)
            waited, pause = waited + pause, min(2 * pause, 5.0)
            record = self._calls.repeated.files.retrieve(stored.id)
        if records.file_status_of(record) == "error":
            why = records.file_error_of(record) or "no explanation"
            raise Rejected(f"the backend can't use {stored.name}: {why}", status=400, code="invalid_file")
        return stored


class _Models:
    def __init__(self, calls: Clients) -> None:
        self._calls = calls

    def list_models(self) -> tuple[ModelInfo, ...]:
        with self._calls.translated():
            # Past the SDK's typed method, which makes objects of ten thousand models one by one, and takes half a second.
            return records.models_of(data_of(self._calls.repeated.get("/models", cast_to=cast("type[Any]", object))))

    def retrieve(self, model: ModelId) -> ModelInfo:
        with self._calls.translated():
            return records.model_of(self._calls.repeated.models.retrieve(model))

    def delete(self, model: ModelId) -> None:
        with suppress(NotFound), self._calls.translated(has_effect=True):
            self._calls.repeated.models.delete(model)
