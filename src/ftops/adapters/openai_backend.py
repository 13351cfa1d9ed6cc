"""A backend reached by the ``openai`` SDK: jobs, files, models, conversations. The only module that imports it.

Owns how calls are sent: which are repeated, for how long they are waited for, and that the creation of a job is exactly one
POST. Importing this module costs half a second; ``bootstrap`` does so only where a backend is called. What answers mean is
``openai_records``', what failures mean ``backend_failures``'.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, cast

import openai

from ftops.adapters import backend_failures
from ftops.adapters import openai_records as records
from ftops.adapters.backend_address import Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.openai_pages import data_of, items_of
from ftops.domain.manifest import JobId
from ftops.errors import NotFound, Rejected, Unauthorized
from ftops.ports import ChatAnswer, ChatRequest, Checkpoint, Job, JobProgress, ModelInfo, StoredFile

_JOBS_PAGE: Final = 100
_FILES_PAGE: Final = 10_000
_NEWEST_EVENTS: Final = 50
_CHAT_CONNECTIONS: Final = 64
_TIMING: Final = Timing()
# The SDK shows its HTTP library's class through this value only.
_Limits: Final = type(openai.DEFAULT_CONNECTION_LIMITS)


class OpenAIBackend:
    """A BackendSession at one address: ``ports.BackendSession`` says what its parts do."""

    def __init__(
        self, address: Address, *, timing: Timing = _TIMING, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._address = address
        self._timing = timing
        self._calls = _Calls(address, timing)
        self.base_url = address.base_url
        self.jobs = _Jobs(self._calls)
        self.training = _Training(self._calls)
        self.files = _Files(self._calls, timing, sleep)
        self.models = _Models(self._calls)

    def open_chat(self) -> "OpenAIChat":
        """Gives a client for conversations, for use within one event loop."""
        return OpenAIChat(self._address, self._timing)

    def close(self) -> None:
        """Gives back connections."""
        self._calls.close()


class _Calls:
    """The SDK's clients for one address: one whose calls are repeated, one whose calls never are."""

    def __init__(self, address: Address, timing: Timing) -> None:
        self.address = address
        self._timing = timing
        self.repeated = self._client(openai.DefaultHttpxClient(**_transport(address)), retries=timing.retries)
        self._once: openai.OpenAI | None = None
        self._opening = threading.Lock()

    def once(self) -> openai.OpenAI:
        with self._opening:
            if self._once is None:
                # No connection is kept: the server might hang up just when it is used again, and nobody could tell
                # whether the POST arrived.
                http = openai.DefaultHttpxClient(**_transport(self.address, kept=0))
                self._once = self._client(http, retries=0).with_options(
                    max_retries=0, timeout=openai.Timeout(self._timing.create, connect=self._timing.connect)
                )
            return self._once

    def close(self) -> None:
        self.repeated.close()
        if self._once is not None:
            self._once.close()

    def _client(self, http: Any, *, retries: int) -> openai.OpenAI:
        return openai.OpenAI(
            api_key=self.address.key,
            admin_api_key="",
            base_url=self.address.base_url,
            default_headers=_headers(self.address),
            http_client=http,
            timeout=openai.Timeout(self._timing.read, connect=self._timing.connect),
            max_retries=retries,
        )

    @contextmanager
    def translated(self, *, has_effect: bool = False) -> Iterator[None]:
        with _translated(self.address, has_effect=has_effect):
            yield


class _Jobs:
    def __init__(self, calls: _Calls) -> None:
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
            for index, record in enumerate(items_of(fetch)):
                if newest is not None and index >= newest:
                    break
                job = records.job_of(record)
                if metadata.items() <= job.metadata.items():
                    found.append(job)
        return tuple(found)

    def progress(self, job: JobId) -> JobProgress:
        with self._calls.translated():
            page = self._calls.repeated.fine_tuning.jobs.list_events(job, limit=_NEWEST_EVENTS)
            return records.progress_of(data_of(page))

    def checkpoints(self, job: JobId) -> tuple[Checkpoint, ...]:
        def fetch(after: str | None) -> object:
            jobs = self._calls.repeated.fine_tuning.jobs
            return jobs.checkpoints.list(job, after=after or openai.omit, limit=_JOBS_PAGE)

        with self._calls.translated():
            return records.checkpoints_of(items_of(fetch))


class _Training:
    def __init__(self, calls: _Calls) -> None:
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
    def __init__(self, calls: _Calls, timing: Timing, sleep: Callable[[float], None]) -> None:
        self._calls = calls
        self._timing = timing
        self._sleep = sleep

    def find(self, name: str) -> StoredFile | None:
        def fetch(after: str | None) -> object:
            return self._calls.repeated.files.list(
                after=after or openai.omit, limit=_FILES_PAGE, order="desc", purpose="fine-tune"
            )

        with self._calls.translated():
            found = [
                records.file_of(record)
                for record in items_of(fetch)
                if getattr(record, "filename", None) == name
                and records.file_status_of(record) not in {"error", "deleted"}
            ]
        return max(found, key=lambda file: file.created_at, default=None)

    def retrieve(self, file_id: str) -> StoredFile:
        with self._calls.translated():
            return records.file_of(self._calls.repeated.files.retrieve(file_id))

    def upload(self, name: str, content: BinaryIO) -> StoredFile:
        # Repeated by the SDK where the answer is lost: a second copy of a file costs nothing, and ``find`` takes the newest.
        with self._calls.translated(has_effect=True):
            record: object = self._calls.repeated.files.create(
                file=(name, content, "application/jsonl"),
                purpose="fine-tune",
                timeout=openai.Timeout(self._timing.upload, connect=self._timing.connect),
            )
            stored = records.file_of(record)
        with self._calls.translated():
            return self._processed(stored, record)

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
    def __init__(self, calls: _Calls) -> None:
        self._calls = calls

    def list_models(self) -> tuple[ModelInfo, ...]:
        with self._calls.translated():
            return records.models_of(data_of(self._calls.repeated.models.list()))


class OpenAIChat:
    """Conversations over HTTP, up to 64 at a time over kept connections."""

    def __init__(self, address: Address, timing: Timing) -> None:
        self._address = address
        self._timing = timing
        self._client: openai.AsyncOpenAI | None = None

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Gives one answer. Raises BackendError once the SDK's retries are used up."""
        body = {**request.extra, **request.sampling, "model": request.model, "messages": list(request.messages)}
        if body.get("stream"):
            raise Rejected("stream: an answer is taken whole or not at all", status=400, code="unsupported_parameter")
        started = time.perf_counter()
        with _translated(self._address, has_effect=False):
            # Past the SDK's typed method: what is sampled is sent as it is, names that the SDK doesn't know too, and neither
            # request nor answer are turned into objects a thousand times a second.
            answer = await self._opened().post("/chat/completions", cast_to=cast("type[Any]", object), body=body)
            return records.answer_of(answer, seconds=time.perf_counter() - started)

    async def close(self) -> None:
        """Gives back the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _opened(self) -> openai.AsyncOpenAI:
        # Made at the first call: its connections belong to the loop that runs then.
        if self._client is None:
            transport = _transport(self._address, connections=2 * _CHAT_CONNECTIONS, kept=_CHAT_CONNECTIONS)
            self._client = openai.AsyncOpenAI(
                api_key=self._address.key,
                admin_api_key="",
                base_url=self._address.base_url,
                default_headers=_headers(self._address),
                http_client=openai.DefaultAsyncHttpxClient(**transport),
                timeout=openai.Timeout(self._timing.chat, connect=self._timing.connect),
                max_retries=self._timing.chat_retries,
            )
        return self._client


def _headers(address: Address) -> dict[str, str] | None:
    """Gives headers that keep what the SDK takes from the environment for OpenAI away from other backends."""
    if address.is_default:
        return None
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    names = {line.partition(":")[0].strip() for line in lines if ":" in line}
    removed = dict.fromkeys({*names, "OpenAI-Organization", "OpenAI-Project"}, openai.Omit())
    kept = {name: value for name, value in removed.items() if name.lower() != "authorization"}
    return {**cast("dict[str, str]", kept), "Authorization": f"Bearer {address.key}"}


def _transport(address: Address, *, connections: int = 20, kept: int = 10) -> dict[str, Any]:
    """Gives the options of an HTTP client: no redirects (one could repeat a POST), and no proxy to this machine itself."""
    return {
        "follow_redirects": False,
        "trust_env": not address.is_loopback,
        "limits": _Limits(max_connections=connections, max_keepalive_connections=kept),
    }


@contextmanager
def _translated(address: Address, *, has_effect: bool) -> Iterator[None]:
    try:
        yield
    except openai.APIStatusError as error:
        raise backend_failures.refused(
            address,
            status=error.status_code,
            body=error.body,
            headers=error.response.headers,
            has_effect=has_effect,
        ) from error
    except openai.APIConnectionError as error:
        raise backend_failures.unsent(address, error.__cause__, has_effect=has_effect) from error
    except (openai.OpenAIError, records.UnreadableRecord, ValueError, RecursionError) as error:
        # A success whose body is cut, no JSON, or no such record: the call was carried out all the same.
        raise backend_failures.unreadable(address, str(error), has_effect=has_effect) from error
