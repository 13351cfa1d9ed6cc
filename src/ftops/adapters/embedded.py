"""The embedded backend: a session with ftops' own server on this machine, which is started when needed.

Owns healing: a server that died in the middle of a command is started again, and what was surely not carried out is repeated.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.embedded_server import EmbeddedServer
from ftops.domain.curves import StepMetrics
from ftops.domain.manifest import JobId, ModelId
from ftops.errors import AnswerLost, BackendError, Throttled, Unreachable
from ftops.ports import (
    Chat,
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
    from ftops.adapters.openai_backend import OpenAIBackend

Answer = TypeVar("Answer")

# Few repeats by the SDK: it would wait for a server that only we can start again.
_TIMING: Final = Timing(connect=5.0, retries=1)


class EmbeddedBackend:
    """A BackendSession with the embedded server, which stays until ``close``. Safe to use from several threads."""

    def __init__(self, server: EmbeddedServer, *, timing: Timing = _TIMING) -> None:
        self._server = server
        self._timing = timing
        self._lock = threading.Lock()
        self._left: list[OpenAIBackend] = []
        self._session = self._open()
        self._pid = server.pid
        self.jobs = _Jobs(self)
        self.training = _Training(self)
        self.files = _Files(self)
        self.models = _Models(self)

    @property
    def base_url(self) -> str:
        """The address that calls go to now; it changes when the server is started again."""
        return self._session.base_url

    def open_chat(self) -> "EmbeddedChat":
        """Gives a client for conversations, for use within one event loop."""
        return EmbeddedChat(self)

    def close(self) -> None:
        """Gives back connections; the server ends by itself once nobody needs it."""
        for session in (*self._left, self._session):
            session.close()
        self._left.clear()
        self._server.release()

    def session(self) -> "OpenAIBackend":
        """Gives the session with the server as it runs now."""
        return self._session

    def heal(self, failed: "OpenAIBackend", error: BackendError) -> "OpenAIBackend":
        """Gives a session with a server that lives; raises ``error`` where the one that failed lives and is to blame."""
        with self._lock:
            if self._session is failed:
                url = self._server.acquire()
                if self._server.pid == self._pid:
                    raise error
                self._left.append(failed)  # other threads may be in the middle of a call
                self._session = self._open(url)
                self._pid = self._server.pid
            return self._session

    def call(
        self,
        call: Callable[["OpenAIBackend"], Answer],
        *,
        repeat_after: tuple[type[BackendError], ...] = (Unreachable,),
    ) -> Answer:
        """Makes a call, once more after healing where it failed in one of the ways given."""
        session = self._session
        try:
            return call(session)
        except repeat_after as error:
            return call(self.heal(session, error))

    def _open(self, url: str | None = None) -> "OpenAIBackend":
        from ftops.adapters.openai_backend import OpenAIBackend

        address = Address(base_url=url or self._server.acquire(), key=NO_KEY, is_loopback=True)
        return OpenAIBackend(address, timing=self._timing)


class _Jobs:
    def __init__(self, backend: EmbeddedBackend) -> None:
        self._backend = backend

    def retrieve(self, job: JobId) -> Job:
        return self._backend.call(lambda session: session.jobs.retrieve(job))

    def list_jobs(self, *, metadata: Mapping[str, str], newest: int | None = None) -> tuple[Job, ...]:
        return self._backend.call(lambda session: session.jobs.list_jobs(metadata=metadata, newest=newest))

    def list_past(self) -> tuple[PastJob, ...]:
        return self._backend.call(lambda session: tuple(session.jobs.list_past()))

    def progress(self, job: JobId) -> JobProgress:
        return self._backend.call(lambda session: session.jobs.progress(job))

    def events(self, job: JobId) -> tuple[JobEvent, ...]:
        return self._backend.call(lambda session: tuple(session.jobs.events(job)))

    def checkpoints(self, job: JobId) -> tuple[Checkpoint, ...]:
        return self._backend.call(lambda session: session.jobs.checkpoints(job))

    def metrics(self, job: JobId) -> tuple[StepMetrics, ...]:
        return self._backend.call(lambda session: session.jobs.metrics(job))


class _Training:
    def __init__(self, backend: EmbeddedBackend) -> None:
        self._backend = backend

    def create(self, body: Mapping[str, Any], metadata: Mapping[str, str]) -> Job:
        # Repeated only where the first POST surely didn't arrive.
        return self._backend.call(lambda session: session.training.create(body, metadata))

    def cancel(self, job: JobId) -> Job:
        return self._backend.call(lambda session: session.training.cancel(job), repeat_after=(Unreachable, AnswerLost))


class _Files:
    def __init__(self, backend: EmbeddedBackend) -> None:
        self._backend = backend

    def find(self, name: str) -> StoredFile | None:
        return self._backend.call(lambda session: session.files.find(name))

    def retrieve(self, file_id: str) -> StoredFile:
        return self._backend.call(lambda session: session.files.retrieve(file_id))

    def upload(self, name: str, content: BinaryIO) -> StoredFile:
        start = content.tell()

        def upload(session: "OpenAIBackend") -> StoredFile:
            content.seek(start)
            return session.files.upload(name, content)

        return self._backend.call(upload, repeat_after=(Unreachable, AnswerLost))

    def content(self, file_id: str) -> bytes:
        return self._backend.call(lambda session: session.files.content(file_id))

    def delete(self, file_id: str) -> None:
        self._backend.call(lambda session: session.files.delete(file_id), repeat_after=(Unreachable, AnswerLost))


class _Models:
    def __init__(self, backend: EmbeddedBackend) -> None:
        self._backend = backend

    def list_models(self) -> tuple[ModelInfo, ...]:
        return self._backend.call(lambda session: session.models.list_models())

    def retrieve(self, model: ModelId) -> ModelInfo:
        return self._backend.call(lambda session: session.models.retrieve(model))

    def delete(self, model: ModelId) -> None:
        self._backend.call(lambda session: session.models.delete(model), repeat_after=(Unreachable, AnswerLost))


class EmbeddedChat:
    """Conversations with the embedded server, which survive its death."""

    def __init__(self, backend: EmbeddedBackend) -> None:
        self._backend = backend
        self._chats: dict[OpenAIBackend, Chat] = {}

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Gives one answer. Raises BackendError once nothing helps."""
        session = self._backend.session()
        try:
            return await self._with(session).complete(request)
        except Throttled:
            raise  # a server that can say so is well
        except Unreachable as error:
            healed = await asyncio.to_thread(self._backend.heal, session, error)
            return await self._with(healed).complete(request)

    async def embed(self, model: str, text: str) -> Embedding:
        """Gives a text's embedding. Raises BackendError."""
        return await self._with(self._backend.session()).embed(model, text)

    async def close(self) -> None:
        """Gives back the connections."""
        for chat in self._chats.values():
            await chat.close()
        self._chats.clear()

    def _with(self, session: "OpenAIBackend") -> Chat:
        if session not in self._chats:
            self._chats[session] = session.open_chat()
        return self._chats[session]
