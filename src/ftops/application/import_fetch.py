"""What an import asks a backend for each job: its data, its checkpoints, and whether its model is still there.

Owns that nothing is asked twice, and that several things are asked at the same time. It decides nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from ftops.application.job_news import listed_checkpoints
from ftops.datasets.reading import MAX_FILE_BYTES
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.past_job import PastJob
from ftops.errors import NotFound, Rejected
from ftops.ports import AdoptionFiles, BackendSession, Checkpoint, KeptFile, Progress

_AT_A_TIME: Final = 4

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What was found: files by id (or why one can't be had), and checkpoints by job."""

    files: Mapping[str, KeptFile | str]
    checkpoints: Mapping[JobId, tuple[Checkpoint, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetching:
    """Who is asked, where files are kept, and who watches."""

    session: BackendSession
    files: AdoptionFiles
    progress: Progress

    def list_past(self) -> tuple[PastJob, ...]:
        """Gives all jobs of the backend, newest first. Raises BackendError."""
        found: list[PastJob] = []
        for past in self.session.jobs.list_past():
            found.append(past)
            if len(found) % 100 == 0:
                self.progress.update("import", "listing jobs", done=len(found), detail=f"{len(found):,} jobs")
        return tuple(found)

    def lost(self, jobs: Sequence[PastJob]) -> frozenset[JobId]:
        """Gives the jobs whose model the backend neither lists nor knows by its id. Raises BackendError."""
        models = {past.id: past.job.model for past in jobs if past.job.model is not None}
        listed = {model.id for model in self.session.models.list_models()} if models else set()
        doubtful = [job for job, model in models.items() if model not in listed]
        known = self._each("looking for models", doubtful, lambda job: self._is_known(models[job]))
        return frozenset(job for job, is_known in known.items() if not is_known)

    def fetch(self, jobs: Sequence[PastJob], *, with_model: Iterable[JobId]) -> Fetched:
        """Fetches the jobs' files, and the checkpoints of those that have a model. Raises BackendError."""
        wanted = [name for past in jobs for name in (past.training_file, past.validation_file) if name is not None]
        return Fetched(
            files=self._each("fetching files", tuple(dict.fromkeys(wanted)), self._file),
            checkpoints=self._each(
                "asking for checkpoints", tuple(with_model), partial(listed_checkpoints, self.session)
            ),
        )

    def _file(self, file_id: str) -> KeptFile | str:
        """A file's content, or why it can't be had. What may be had later is an error: nobody should settle for less."""
        try:
            size = self.session.files.retrieve(file_id).size
            if size > MAX_FILE_BYTES:
                return f"file {file_id} has {size:,} bytes, more than a dataset may have"
            return self.files.keep(file_id, lambda: self.session.files.content(file_id))
        except NotFound:
            return f"file {file_id} is gone"
        except Rejected as error:
            return f"the backend does not give file {file_id}: {error.message}"

    def _is_known(self, model: ModelId) -> bool:
        try:
            self.session.models.retrieve(model)
        except NotFound:
            return False
        return True

    def _each(self, what: str, keys: Sequence[Key], ask: Callable[[Key], Value]) -> dict[Key, Value]:
        """Asks for each key, several at a time. The first error ends it, and so does Ctrl-C: what waits is not asked."""
        found: dict[Key, Value] = {}
        pool = ThreadPoolExecutor(_AT_A_TIME)
        try:
            asked = {pool.submit(ask, key): key for key in keys}
            for done in as_completed(asked):
                found[asked[done]] = done.result()
                self.progress.update("import", what, done=len(found), total=len(keys))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return found
