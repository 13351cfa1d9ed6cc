"""``/v1/fine_tuning/jobs``."""

import secrets
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ftops.server import ids, wire
from ftops.server.access import Project, project_of
from ftops.server.errors import ApiError, cursor_not_found, job_not_found, model_not_available, model_not_found
from ftops.server.faults.retirement import Retirements
from ftops.server.grading.rewards import require_judges
from ftops.server.jobs import turns
from ftops.server.jobs.families import is_tunable
from ftops.server.jobs.pages import JobPages
from ftops.server.jobs.queue import JobQueue
from ftops.server.jobs.request import JobRequest, read_job_request
from ftops.server.jobs.workshop import Workshop
from ftops.server.routes.query import Query, refuse_query
from ftops.server.settings import Settings
from ftops.server.storage import blobs, checkpoints, events, files, jobs, models
from ftops.server.storage.events import Event
from ftops.server.storage.files import FileRow
from ftops.server.storage.jobs import JobRow, NewJob
from ftops.server.storage.models import ModelRow
from ftops.server.storage.paging import Page, UnknownCursor

Item = TypeVar("Item")

_MOST_LISTED = 100


class JobRoutes:
    """The handlers of fine-tuning jobs."""

    def __init__(self, *, settings: Settings, workshop: Workshop, queue: JobQueue, retirements: Retirements) -> None:
        self._settings = settings
        self._retirements = retirements
        self._workshop = workshop
        self._database = workshop.database
        self._queue = queue
        self._pages = JobPages()

    def routes(self) -> list[Route]:
        """What to mount."""
        one = "/v1/fine_tuning/jobs/{job_id}"
        return [
            Route("/v1/fine_tuning/jobs", self.create, methods=["POST"]),
            Route("/v1/fine_tuning/jobs", self.list, methods=["GET"]),
            Route(one, self.retrieve, methods=["GET"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
            Route(f"{one}/pause", self.pause, methods=["POST"]),
            Route(f"{one}/resume", self.resume, methods=["POST"]),
            Route(f"{one}/events", self.events, methods=["GET"]),
            Route(f"{one}/checkpoints", self.checkpoints, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """Creates a job and queues it; it is on the disk before the answer goes out."""
        refuse_query(request)
        arguments = await wire.read_json(request, max_bytes=self._settings.max_json_bytes)
        asked = read_job_request(arguments, methods=self._workshop.engine.methods)
        job = await to_thread.run_sync(self._store, asked, project_of(request))
        return wire.respond(wire.job_object(job))

    async def list(self, request: Request) -> Response:
        """A page of jobs, newest first; several ``metadata[k]=v`` must all fit, ``metadata=null`` means those without."""
        query = Query(request)
        limit, after, metadata = query.limit(default=20, most=_MOST_LISTED), query.text("after"), query.metadata()
        query.finish()
        project = project_of(request).id

        def read() -> Page[msgspec.Raw]:
            with self._database.read() as connection:
                return _page(
                    lambda: self._pages.page(connection, project=project, limit=limit, after=after, metadata=metadata)
                )

        # Several pairs may each fit many jobs and together none, which takes a while to find out.
        page = await to_thread.run_sync(read) if metadata is not None and len(metadata) > 1 else read()
        return wire.respond(wire.listing(page))

    async def retrieve(self, request: Request) -> Response:
        """One job."""
        refuse_query(request)
        return wire.respond(wire.job_object(self._find(request)))

    def cancel(self, request: Request) -> Response:
        """Ends an unfinished job."""
        refuse_query(request)
        job = self._find(request)
        if not turns.cancel(self._workshop, job):
            ended = self._find(request)
            raise _wrong_status(f"Job has already completed: {job.id} is {ended.status.value}.")
        self._queue.interrupt(job.id)
        return wire.respond(wire.job_object(self._find(request)))

    def pause(self, request: Request) -> Response:
        """Pauses a job; one that trains is ``pausing`` until its step is done."""
        refuse_query(request)
        job = self._find(request)
        if not turns.pause(self._workshop, job):
            raise _wrong_status(f"Job can't be paused: {job.id} is {self._find(request).status.value}.")
        self._queue.interrupt(job.id)
        return wire.respond(wire.job_object(self._find(request)))

    def resume(self, request: Request) -> Response:
        """Queues a paused job again."""
        refuse_query(request)
        job = self._find(request)
        resumed = turns.resume(self._workshop, job)
        if resumed is None:
            raise _wrong_status(f"Job can't be resumed: {job.id} is {self._find(request).status.value}.")
        self._queue.submit(resumed)
        return wire.respond(wire.job_object(resumed))

    async def events(self, request: Request) -> Response:
        """A page of a job's events, newest first."""
        job, query = self._find(request), Query(request)
        limit, after = query.limit(default=20, most=_MOST_LISTED), query.text("after")
        query.finish()
        with self._database.read() as connection:
            page = _page(lambda: events.page(connection, job, limit=limit, after=after))
        return wire.respond(wire.listing(page.map(wire.event_object)))

    async def checkpoints(self, request: Request) -> Response:
        """A page of a job's checkpoints, newest first."""
        job, query = self._find(request), Query(request)
        limit, after = query.limit(default=10, most=_MOST_LISTED), query.text("after")
        query.finish()
        with self._database.read() as connection:
            page = _page(lambda: checkpoints.page(connection, job, limit=limit, after=after))
        shown = page.map(lambda row: wire.checkpoint_object(row, job))
        return wire.respond(wire.listing_with_ends(shown))

    def _find(self, request: Request) -> JobRow:
        job_id = request.path_params["job_id"]
        with self._database.read() as connection:
            job = jobs.find(connection, job_id)
        if job is None or job.project != project_of(request).id:
            raise job_not_found(job_id)
        return job

    def _store(self, asked: JobRequest, project: Project) -> JobRow:
        if asked.method.grader is not None:
            require_judges(asked.method.grader, self._workshop.shelf, project=project.id)
        # One transaction from the look at the files to the job: nobody can delete them in between.
        with self._database.write() as connection:
            now = int(time.time())
            found = files.find(connection, asked.training_file, project=project.id, now=now)
            training = _usable(found, asked.training_file, "training_file")
            validation = None
            if asked.validation_file is not None:
                found = files.find(connection, asked.validation_file, project=project.id, now=now)
                validation = _usable(found, asked.validation_file, "validation_file")
            parent = models.find(connection, asked.model, project=project.id)
            if parent is None and not ids.is_base_model(asked.model):
                raise model_not_found(asked.model)
            if parent is None and not is_tunable(asked.model, asked.method.type):
                raise model_not_available(asked.model)
            self._retirements.refuse_training(asked.model)
            new = _new_job(asked, project, training, validation, parent, now)
            seq = jobs.insert(connection, new)
            for sha256 in (new.training_sha256, new.validation_sha256, new.parent_sha256):
                if sha256 is not None:
                    blobs.share(connection, sha256, owner=new.id)
            events.append(connection, seq, _opening_events(new), now=now)
            job = jobs.find(connection, new.id)
        if job is None:
            raise LookupError(new.id)
        self._queue.submit(job)
        return job


def _new_job(
    asked: JobRequest,
    project: Project,
    training: FileRow,
    validation: FileRow | None,
    parent: ModelRow | None,
    now: int,
) -> NewJob:
    return NewJob(
        id=ids.new_job_id(),
        project=project.id,
        created_at=now,
        organization_id=project.organization,
        model=asked.model,
        base=asked.model if parent is None else parent.base,
        model_hash=ids.new_model_hash(),
        training_file=training.id,
        training_sha256=training.sha256,
        validation_file=None if validation is None else validation.id,
        validation_sha256=None if validation is None else validation.sha256,
        parent_sha256=None if parent is None else parent.sha256,
        suffix=asked.suffix,
        seed=secrets.randbelow(2**31) if asked.seed is None else asked.seed,
        method=asked.method.type,
        given=asked.method.hyperparameters,
        grader=asked.method.declared_grader,
        metadata=asked.metadata,
        integrations=asked.integrations,
    )


def _usable(row: FileRow | None, file_id: str, param: str) -> FileRow:
    if row is None:
        raise ApiError(f"invalid {param}: {file_id}", param=param, code="file_not_found")
    if row.purpose != "fine-tune":
        raise ApiError(
            f"invalid {param}: {file_id} has the purpose '{row.purpose}', not 'fine-tune'",
            param=param,
            code="invalid_file_purpose",
        )
    return row


def _opening_events(job: NewJob) -> tuple[Event, ...]:
    message = f"Validating training file: {job.training_file}"
    if job.validation_file is not None:
        message += f" and validation file: {job.validation_file}"
    return (Event(message=f"Created fine-tuning job: {job.id}"), Event(message=message))


def _wrong_status(message: str) -> ApiError:
    return ApiError(message, code="invalid_job_status")


def _page(query: Callable[[], Page[Item]]) -> Page[Item]:
    try:
        return query()
    except UnknownCursor as error:
        raise cursor_not_found(error.after) from error
