"""Puts the server together: storage, queue, shelf and routes, for one data folder.

Owns what depends on what, and the answers that belong to no route. A further resource is one more class of routes here.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ftops.server import ids, wire
from ftops.server.access import Access
from ftops.server.batches.lines import Limits
from ftops.server.batches.queue import BatchQueue
from ftops.server.batches.results import Office, ResultFolder
from ftops.server.engines.interface import Engine
from ftops.server.errors import ApiError, answer_to
from ftops.server.faults.book import FaultBook
from ftops.server.faults.layer import Faults
from ftops.server.faults.retirement import Retirements
from ftops.server.gate import Gate
from ftops.server.jobs.queue import JobQueue
from ftops.server.jobs.retention import Retention
from ftops.server.jobs.workshop import Workshop
from ftops.server.routes.batches import BatchRoutes
from ftops.server.routes.chat import ChatRoutes
from ftops.server.routes.directory import Directory
from ftops.server.routes.files import FileRoutes
from ftops.server.routes.graders import GraderRoutes
from ftops.server.routes.jobs import JobRoutes
from ftops.server.routes.models import ModelRoutes
from ftops.server.routes.uploads import UploadRoutes
from ftops.server.settings import MEGABYTE, Settings
from ftops.server.shelf import Shelf
from ftops.server.storage import batches, jobs, places
from ftops.server.storage.blobs import Blobs, has_blobs
from ftops.server.storage.database import Database, meta, set_meta
from ftops.server.storage.disk import DISK_ERRORS, RESERVE_FILE, Reserve, is_short
from ftops.server.upkeep import Task, Upkeep
from ftops.server.webhooks import Webhooks

_DATABASE_FILE = "server.sqlite"
_STOP_SECONDS = 4.0


class OtherEngine(Exception):
    """The data folder's models were made by another engine, whose name is ``engine``."""

    def __init__(self, engine: str) -> None:
        super().__init__(f"the models in the data folder are the engine `{engine}`'s")
        self.engine = engine


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A data folder at work. ``app`` serves it; ``stop`` leaves unfinished jobs to the next one."""

    app: ASGIApp
    data_dir_id: str
    organization: str
    database: Database
    queue: JobQueue
    batch_queue: BatchQueue
    webhooks: Webhooks
    upkeep: Upkeep
    faults: FaultBook | None

    def has_unfinished_work(self) -> bool:
        """Whether a job or batch is at work, or has just ended and a webhook not heard of it; paused jobs aren't at work."""
        with self.database.read() as connection:
            is_at_work = jobs.is_any_at_work(connection) or batches.has_unfinished(connection)
        return is_at_work or self.webhooks.has_news()

    def stop(self) -> None:
        """Lets go of jobs and batches, all at once, and closes the database; what takes longer goes on at the next start."""
        crews = (self.upkeep, self.batch_queue, self.queue, self.webhooks)
        for crew in crews:
            crew.dismiss()
        deadline = time.monotonic() + _STOP_SECONDS
        for crew in crews:
            crew.join(deadline)
        self.database.close()


def open_service(settings: Settings, engine: Engine) -> Service:
    """Opens the data folder, which the caller has locked, and takes up its unfinished jobs.

    ``NewerData``, ``LostDatabase`` or ``OtherEngine`` when it isn't to be touched, ``FaultsInvalid`` for bad faults.
    """
    faults = None if settings.faults is None else FaultBook(settings.faults)
    retirements = Retirements(faults)
    database = _open_database(settings.data_dir, engine.name)
    blobs = Blobs(settings.data_dir, database)
    data_dir_id, organization = _identity(database, settings.organization)
    shelf = Shelf(
        database=database, blobs=blobs, engine=engine, capacity=settings.loaded_models, retirements=retirements
    )
    workshop = Workshop(
        database=database, blobs=blobs, engine=engine, shelf=shelf, min_step_seconds=settings.min_step_seconds
    )
    queue = JobQueue(workshop, workers=settings.workers, retry_seconds=settings.retry_seconds)
    batch_queue = BatchQueue(_office(settings, database, blobs, shelf), retry_seconds=settings.retry_seconds)
    webhooks = Webhooks(database, settings.webhooks, retry_seconds=settings.webhook_retry_seconds)
    file_routes = FileRoutes(settings=settings, database=database, blobs=blobs)
    upload_routes = UploadRoutes(settings=settings, database=database, blobs=blobs)
    routes = [
        *file_routes.routes(),
        *upload_routes.routes(),
        *JobRoutes(settings=settings, workshop=workshop, queue=queue, retirements=retirements).routes(),
        *ModelRoutes(settings=settings, database=database, blobs=blobs, shelf=shelf, retirements=retirements).routes(),
        *ChatRoutes(settings=settings, shelf=shelf).routes(),
        *GraderRoutes(settings=settings, shelf=shelf).routes(),
        *BatchRoutes(settings=settings, database=database, queue=batch_queue).routes(),
        _health(settings.data_dir, database, data_dir_id),
    ]
    app = _behind_faults(_application(routes), faults, settings)
    over = [file_routes.delete_expired, upload_routes.expire, webhooks.give_up_old]
    upkeep = _upkeep(settings, database, blobs, over)
    webhooks.start()
    queue.start()
    batch_queue.start()
    upkeep.start()
    return Service(
        app=Gate(app, settings=settings, access=Access(settings.keys, organization=organization)),
        data_dir_id=data_dir_id,
        organization=organization,
        database=database,
        queue=queue,
        batch_queue=batch_queue,
        webhooks=webhooks,
        upkeep=upkeep,
        faults=faults,
    )


def _open_database(data_dir: Path, engine: str) -> Database:
    Reserve(data_dir / RESERVE_FILE).give_up_if_short()  # who is to make room by deleting needs a server that starts
    database = Database(data_dir / _DATABASE_FILE, may_be_new=not has_blobs(data_dir))
    try:
        _claim(database, engine)
    except BaseException:
        database.close()
        raise
    return database


def _claim(database: Database, engine: str) -> None:
    with database.write() as connection:
        owner = meta(connection, "engine")
        if owner is None:
            set_meta(connection, "engine", engine)
    if owner not in (None, engine):
        raise OtherEngine(owner)


def _application(routes: Sequence[Route]) -> ASGIApp:
    app = Starlette(
        exception_handlers={
            ApiError: _answer_api_error,
            HTTPException: _answer_http_exception,
            Exception: lambda _, error: wire.respond_error(answer_to(error)),
        },
    )
    app.router = Directory(routes)
    return app


def _office(settings: Settings, database: Database, blobs: Blobs, shelf: Shelf) -> Office:
    limits = Limits(
        max_bytes=settings.max_batch_bytes,
        max_requests=settings.max_batch_requests,
        max_line_bytes=settings.max_line_bytes,
    )
    return Office(database=database, blobs=blobs, shelf=shelf, folder=ResultFolder(settings.data_dir), limits=limits)


def _behind_faults(app: ASGIApp, book: FaultBook | None, settings: Settings) -> ASGIApp:
    if book is None:
        return app
    # The longest upload, and the heads of its parts.
    return Faults(app, book=book, most_bytes=settings.max_file_bytes + MEGABYTE)


def _upkeep(settings: Settings, database: Database, blobs: Blobs, over: Sequence[Task]) -> Upkeep:
    """Ends what is over by time, and forgets what is long past."""
    past = [
        Retention(blobs, days=settings.retention_days).forget_finished,
        lambda now: places.forget_old(database, now),
    ]
    return Upkeep([*over, *past, lambda _: blobs.replenish_reserve()], every_seconds=settings.upkeep_seconds)


def _identity(database: Database, organization: str | None) -> tuple[str, str]:
    with database.write() as connection:
        data_dir_id = meta(connection, "id") or ids.new_data_dir_id()
        kept = organization or meta(connection, "organization") or ids.new_organization_id()
        set_meta(connection, "id", data_dir_id)
        set_meta(connection, "organization", kept)
    return data_dir_id, kept


def _health(data_dir: Path, database: Database, data_dir_id: str) -> Route:
    def health(_: Request) -> Response:
        try:
            is_full = is_short(data_dir)
            with database.read() as connection:
                meta(connection, "id")
        except DISK_ERRORS:
            return wire.respond({"status": "failing", "data_dir_id": data_dir_id, "disk": "failing"}, status=503)
        # A full disk is no reason to be started anew, nor to be cut off from clients: much works on.
        return wire.respond({"status": "ok", "data_dir_id": data_dir_id, "disk": "full" if is_full else "ok"})

    return Route("/healthz", health, methods=["GET"])


def _answer_api_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return wire.respond_error(error)


def _answer_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path
    if error.status_code == 404:
        return wire.respond_error(ApiError(f"Invalid URL ({request.method} {path})", status=404))
    if error.status_code == 405:
        message = (
            f"Not allowed to {request.method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)"
        )
        allow = {"allow": ", ".join(request.app.router.methods_of(request.scope))}
        return wire.respond_error(ApiError(message, status=405, code="method_not_supported", headers=allow))
    return wire.respond_error(ApiError(error.detail, status=error.status_code))
