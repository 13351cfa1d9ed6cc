"""``/v1/batches``."""

import time

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ftops.server import ids, wire
from ftops.server.access import project_of
from ftops.server.batches.queue import BatchQueue
from ftops.server.batches.request import BatchRequest, read_batch_request
from ftops.server.batches.wire import batch_object
from ftops.server.errors import ApiError, cursor_not_found
from ftops.server.routes.query import Query, refuse_query
from ftops.server.settings import Settings
from ftops.server.storage import batches, blobs, files
from ftops.server.storage.batches import BatchRow, BatchStatus, NewBatch
from ftops.server.storage.database import Database
from ftops.server.storage.files import FileRow
from ftops.server.storage.paging import UnknownCursor

_MOST_LISTED = 100
_CANCELLABLE = (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)


class BatchRoutes:
    """The handlers of batches."""

    def __init__(self, *, settings: Settings, database: Database, queue: BatchQueue) -> None:
        self._settings = settings
        self._database = database
        self._queue = queue

    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            Route("/v1/batches", self.create, methods=["POST"]),
            Route("/v1/batches", self.list, methods=["GET"]),
            Route("/v1/batches/{batch_id}", self.retrieve, methods=["GET"]),
            Route("/v1/batches/{batch_id}/cancel", self.cancel, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Creates a batch and queues it; it is on the disk before the answer goes out."""
        refuse_query(request)
        asked = read_batch_request(await wire.read_json(request, max_bytes=self._settings.max_json_bytes))
        batch = await to_thread.run_sync(self._store, asked, project_of(request).id)
        return wire.respond(batch_object(batch))

    async def list(self, request: Request) -> Response:
        """A page of batches, newest first."""
        query = Query(request)
        limit, after = query.limit(default=20, most=_MOST_LISTED), query.text("after")
        query.finish()
        try:
            with self._database.read() as connection:
                page = batches.page(connection, project=project_of(request).id, limit=limit, after=after)
        except UnknownCursor as error:
            raise cursor_not_found(error.after) from error
        return wire.respond(wire.listing_with_ends(page.map(batch_object)))

    async def retrieve(self, request: Request) -> Response:
        """One batch."""
        refuse_query(request)
        return wire.respond(batch_object(self._find(request)))

    def cancel(self, request: Request) -> Response:
        """Ends a batch before its time; what it has done by then stays. Once more does no harm."""
        refuse_query(request)
        batch = self._find(request)
        with self._database.write() as connection:
            batches.change(
                connection,
                batch,
                expect=_CANCELLABLE,
                status=BatchStatus.CANCELLING,
                cancelling_at=int(time.time()),
            )
        batch = self._find(request)
        if batch.status not in (BatchStatus.CANCELLING, BatchStatus.CANCELLED):
            raise ApiError(f"Cannot cancel a batch with status '{batch.status.value}'.", status=409)
        return wire.respond(batch_object(batch))

    def _find(self, request: Request) -> BatchRow:
        batch_id = request.path_params["batch_id"]
        with self._database.read() as connection:
            batch = batches.find(connection, batch_id)
        if batch is None or batch.project != project_of(request).id:
            raise ApiError(f"No batch found with id '{batch_id}'.", status=404)
        return batch

    def _store(self, asked: BatchRequest, project: str) -> BatchRow:
        # One transaction from the look at the file to the batch: nobody can delete it in between.
        with self._database.write() as connection:
            now = int(time.time())
            input_file = _usable(files.find(connection, asked.input_file, project=project, now=now), asked.input_file)
            new = NewBatch(
                id=ids.new_batch_id(),
                project=project,
                created_at=now,
                expires_at=now + self._settings.batch_window_seconds,
                endpoint=asked.endpoint,
                completion_window=asked.completion_window,
                input_file=input_file.id,
                input_sha256=input_file.sha256,
                input_bytes=input_file.bytes,
                output_seconds=asked.output_seconds,
                metadata=asked.metadata,
            )
            batches.insert(connection, new)
            blobs.share(connection, new.input_sha256, owner=new.id)
            batch = batches.find(connection, new.id)
        if batch is None:
            raise LookupError(new.id)
        self._queue.submit(batch)
        return batch


def _usable(row: FileRow | None, file_id: str) -> FileRow:
    if row is None:
        raise ApiError(f"invalid input_file_id: {file_id}", param="input_file_id", code="file_not_found")
    if row.purpose != "batch":
        raise ApiError(
            f"invalid input_file_id: {file_id} has the purpose '{row.purpose}', not 'batch'",
            param="input_file_id",
            code="invalid_file_purpose",
        )
    return row
