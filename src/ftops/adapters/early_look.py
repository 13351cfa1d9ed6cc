"""Asks a backend for its newest jobs and its models in a process of its own, while this one reads manifests and the ledger.

Importing the SDK takes as long as all the rest of a plan, and most machines have a second processor with nothing to do. Owns
what that process (``early_process``) is asked, and what is made of its answers. Whatever fails there is asked again here,
where failures have names, so that this changes nothing but the time.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar, cast

import msgspec

from ftops.adapters.backend_address import Address, resolve_address
from ftops.adapters.early_process import EarlyProcess
from ftops.adapters.trusted_backends import TrustedBackends
from ftops.domain.manifest import BackendName, JobId, Project
from ftops.errors import FtopsError
from ftops.ports import (
    BackendSession,
    Chat,
    Files,
    Job,
    JobReader,
    JobWriter,
    ModelInfo,
    Models,
)

Heard = TypeVar("Heard")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told: whom to ask, and for which jobs."""

    address: Address
    metadata: dict[str, str]
    newest: int


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What it found; None is what was given on already."""

    jobs: tuple[Job, ...] | None
    models: tuple[ModelInfo, ...] | None


def early_question(
    project: Project, backend: str | None, *, newest: int, environ: Mapping[str, str]
) -> Question | None:
    """Gives what to ask the backend that a project's fine-tunes most likely use; None where nobody is to be asked.

    ``backend`` is the one that the command line redirects to. No error is raised: whoever opens the backend does that.
    """
    chosen = project.backends.get(BackendName(backend or project.backend))
    if chosen is None or chosen.is_rehearsal:
        return None
    try:
        address = resolve_address(chosen, environ=environ, trusted=TrustedBackends(environ=environ))
    except FtopsError:
        return None
    return Question(address=address, metadata={"ftops_project": project.name}, newest=newest)


class EarlyLook:
    """A look at a backend that begins with the question, which the process is told at once. ``close`` it at the end."""

    def __init__(self, question: Question, process: EarlyProcess) -> None:
        self.question = question
        self._process = process
        self._is_taken = False
        process.say(msgspec.msgpack.encode(question))

    def take(self) -> Answers | None:
        """Waits for what was found; None where it failed, and when it was taken before: a second look must be a new one."""
        if self._is_taken:
            return None
        self._is_taken = True
        return self._heard(Answers)

    def retrieve(self, job: JobId) -> Job | None:
        """Asks the process for a job, after its answers were taken; None where that fails."""
        if not self._is_taken:
            return None
        self._process.say(msgspec.msgpack.encode(job))
        return self._heard(Job)

    def _heard(self, kind: type[Heard]) -> Heard | None:
        """Gives the next answer. A process that fails once is asked no more."""
        content = self._process.hear()
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.msgpack.decode(content or b"", type=kind)
        self.close()
        return None

    def close(self) -> None:
        """Ends the process."""
        self._process.close()


class EarlyBackend:
    """A BackendSession that answers its first calls by an early look, and all others by the SDK, opened where it is needed."""

    def __init__(self, address: Address, look: EarlyLook) -> None:
        self.base_url = address.base_url
        self._address = address
        self._look = look
        self._session: BackendSession | None = None
        self._answers: Answers | None = None
        self._is_taken = False
        self.jobs = cast("JobReader", _EarlyJobs(self))
        self.models = cast("Models", _EarlyModels(self))

    @property
    def training(self) -> JobWriter:
        """Starts and cancels jobs."""
        return self.opened().training

    @property
    def files(self) -> Files:
        """Dataset files."""
        return self.opened().files

    def open_chat(self) -> Chat:
        """Gives a client for conversations."""
        return self.opened().open_chat()

    def opened(self) -> BackendSession:
        """Gives the session that asks the backend itself."""
        if self._session is None:
            from ftops.adapters.openai_backend import OpenAIBackend

            self._session = OpenAIBackend(self._address)
        return self._session

    def early_jobs(self, metadata: Mapping[str, str], newest: int | None) -> tuple[Job, ...] | None:
        """Gives the jobs that the early look found, once, where it looked for just these."""
        is_that = (dict(metadata), newest) == (self._look.question.metadata, self._look.question.newest)
        answers = self._taken() if is_that else None
        if answers is None or answers.jobs is None:
            return None
        self._answers = msgspec.structs.replace(answers, jobs=None)
        return answers.jobs

    def early_job(self, job: JobId) -> Job | None:
        """Gives a job that the process which looked early finds; None where the SDK is opened here already."""
        if self._session is not None or self._taken() is None:
            return None
        return self._look.retrieve(job)

    def early_models(self) -> tuple[ModelInfo, ...] | None:
        """Gives the models that the early look found, once."""
        answers = self._taken()
        if answers is None or answers.models is None:
            return None
        self._answers = msgspec.structs.replace(answers, models=None)
        return answers.models

    def _taken(self) -> Answers | None:
        if not self._is_taken:
            self._is_taken = True
            self._answers = self._look.take()
        return self._answers

    def close(self) -> None:
        """Gives back connections, and ends the early look."""
        self._look.close()
        if self._session is not None:
            self._session.close()


class _EarlyJobs:
    """Reads jobs: the first list and single ones by the early look, all else by the SDK."""

    def __init__(self, backend: EarlyBackend) -> None:
        self._backend = backend

    def list_jobs(self, *, metadata: Mapping[str, str], newest: int | None = None) -> tuple[Job, ...]:
        found = self._backend.early_jobs(metadata, newest)
        return self._backend.opened().jobs.list_jobs(metadata=metadata, newest=newest) if found is None else found

    def retrieve(self, job: JobId) -> Job:
        found = self._backend.early_job(job)
        return self._backend.opened().jobs.retrieve(job) if found is None else found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend.opened().jobs, name)


class _EarlyModels:
    """Models: the first list by the early look, all else by the SDK."""

    def __init__(self, backend: EarlyBackend) -> None:
        self._backend = backend

    def list_models(self) -> tuple[ModelInfo, ...]:
        found = self._backend.early_models()
        return self._backend.opened().models.list_models() if found is None else found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend.opened().models, name)
