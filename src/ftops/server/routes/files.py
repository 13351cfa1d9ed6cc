"""``/v1/files``."""

import logging
import re
import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ftops.server import ids, training_files, wire
from ftops.server.access import project_of
from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.errors import ApiError, cursor_not_found, damaged, file_not_found
from ftops.server.routes.query import Query, refuse_query
from ftops.server.settings import Settings
from ftops.server.storage import files
from ftops.server.storage.blobs import Blobs, DamagedBlob, Spool
from ftops.server.storage.database import Database
from ftops.server.storage.files import FileRow
from ftops.server.storage.paging import UnknownCursor
from ftops.server.upload import Form, read_upload

_LOG = logging.getLogger(__name__)
_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_JSONL_PURPOSES = frozenset({"fine-tune", "batch", "evals"})
_MOST_LISTED = 10_000
_CHUNK = 256 * 1024
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\"\\]")


class FileRoutes:
    """The handlers of files."""

    def __init__(self, *, settings: Settings, database: Database, blobs: Blobs) -> None:
        self._settings = settings
        self._database = database
        self._blobs = blobs

    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            Route("/v1/files", self.create, methods=["POST"]),
            Route("/v1/files", self.list, methods=["GET"]),
            Route("/v1/files/{file_id}", self.retrieve, methods=["GET"]),
            Route("/v1/files/{file_id}", self.delete, methods=["DELETE"]),
            Route("/v1/files/{file_id}/content", self.content, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """Stores an upload, once its content fits its purpose."""
        refuse_query(request)
        with self._blobs.spool() as spool:
            form = await read_upload(request, spool, max_file_bytes=self._settings.max_file_bytes)
            row = await to_thread.run_sync(self._store, form, spool, project_of(request).id)
        return wire.respond(wire.file_object(row))

    def list(self, request: Request) -> Response:
        """A page of files, newest first unless ``order=asc``."""
        query = Query(request)
        limit = query.limit(default=_MOST_LISTED, most=_MOST_LISTED)
        order = query.choice("order", ("asc", "desc")) or "desc"
        purpose, after = query.text("purpose"), query.text("after")
        query.finish()
        try:
            with self._database.read() as connection:
                page = files.page(
                    connection,
                    project=project_of(request).id,
                    now=int(time.time()),
                    limit=limit,
                    after=after,
                    purpose=purpose,
                    is_ascending=order == "asc",
                )
        except UnknownCursor as error:
            raise cursor_not_found(error.after) from error
        return wire.respond(wire.listing(page.map(wire.file_object), with_ends=True))

    def retrieve(self, request: Request) -> Response:
        """One file."""
        refuse_query(request)
        return wire.respond(wire.file_object(self._find(request)))

    def content(self, request: Request) -> Response:
        """A file's content, sent in pieces."""
        refuse_query(request)
        row = self._find(request)
        try:
            stream = self._blobs.open(row.sha256, size=row.bytes)
        except DamagedBlob as error:
            self._find(request)  # it may have been deleted between the two lines
            _LOG.error("content of %s is damaged or missing", row.id)
            raise damaged(f"The content of {row.id} is", remedy="upload the file again") from error
        return StreamingResponse(
            _pieces(stream),
            media_type="application/octet-stream",
            headers={
                "content-length": str(row.bytes),
                "content-disposition": f'attachment; filename="{_ascii(row.filename)}"',
            },
        )

    def delete(self, request: Request) -> Response:
        """Removes a file; jobs that were created with it keep its content until they end."""
        refuse_query(request)
        row = self._find(request)
        self._blobs.clear(lambda connection: files.delete(connection, row.id))
        return wire.respond(wire.deleted("file", row.id))

    def delete_expired(self, now: int) -> None:
        """Removes the files whose time is over; until then they are not found already."""
        self._blobs.clear(lambda connection: files.delete_expired(connection, now=now))

    def _find(self, request: Request) -> FileRow:
        file_id = request.path_params["file_id"]
        with self._database.read() as connection:
            row = files.find(connection, file_id, project=project_of(request).id, now=int(time.time()))
        if row is None:
            raise file_not_found(file_id)
        return row

    def _store(self, form: Form, spool: Spool, project: str) -> FileRow:
        filename, purpose, lifetime = _read_form(form)
        if purpose in _JSONL_PURPOSES:
            training_files.check_upload(spool.reread(), max_line_bytes=self._settings.max_line_bytes)
        now = int(time.time())
        with spool.stage() as staged, self._database.write() as connection:
            row = FileRow(
                id=ids.new_file_id(),
                project=project,
                created_at=now,
                expires_at=None if lifetime is None else now + lifetime,
                filename=filename,
                purpose=purpose,
                bytes=staged.size,
                sha256=staged.sha256,
            )
            self._blobs.keep(connection, staged, owner=row.id)
            files.insert(connection, row)
        return row


def _read_form(form: Form) -> tuple[str, str, int | None]:
    arguments = Arguments(form.fields)
    if form.filename is None:
        raise missing_parameter("file")
    arguments.take_required_text("purpose")
    purpose = arguments.take_choice("purpose", _PURPOSES) or ""
    anchor = arguments.take_choice("expires_after[anchor]", ("created_at",))
    seconds = arguments.take_text("expires_after[seconds]")
    arguments.finish()
    # A name, not a path: some clients send the path of the file on their machine.
    filename = PurePosixPath(form.filename.replace("\\", "/")).name[:255] or "file"
    if purpose == "fine-tune" and not filename.lower().endswith(".jsonl"):
        raise ApiError("Invalid file format for Fine-Tuning API. Must be .jsonl", param="file")
    return filename, purpose, _lifetime(anchor, seconds)


def _lifetime(anchor: str | None, seconds: str | None) -> int | None:
    if anchor is None and seconds is None:
        return None
    if anchor is None or seconds is None:
        raise missing_parameter("expires_after[anchor]" if anchor is None else "expires_after[seconds]")
    lifetime = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else 0
    name = "expires_after[seconds]"
    return Arguments({name: lifetime}).take_whole(name, least=3_600, most=2_592_000)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(_CHUNK):
            yield piece


def _ascii(filename: str) -> str:
    return _UNSAFE.sub("_", filename).encode("ascii", "replace").decode()
