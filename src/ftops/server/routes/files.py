"""``/v1/files``."""

import logging
import re
import time
from itertools import chain
from urllib.parse import quote

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ftops.server import wire
from ftops.server.access import project_of
from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.errors import ApiError, cursor_not_found, damaged, file_not_found
from ftops.server.intake import receipt
from ftops.server.intake.multipart import Form, read_upload
from ftops.server.routes.query import Query, refuse_query
from ftops.server.settings import Settings
from ftops.server.storage import files
from ftops.server.storage.blobs import Blobs, DamagedBlob, Spool
from ftops.server.storage.database import Database
from ftops.server.storage.files import FileRow
from ftops.server.storage.paging import Page, UnknownCursor

_LOG = logging.getLogger(__name__)
_MOST_LISTED = 10_000
_FEW = 100
_NUMBER = re.compile(r"-?[0-9]{1,9}")
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

    async def list(self, request: Request) -> Response:
        """A page of files, newest first unless ``order=asc``."""
        query = Query(request)
        limit = query.limit(default=_MOST_LISTED, most=_MOST_LISTED)
        order = query.choice("order", ("asc", "desc")) or "desc"
        purpose, after = query.text("purpose"), query.text("after")
        query.finish()
        project, now = project_of(request).id, int(time.time())

        def read(limit: int) -> Page[FileRow]:
            with self._database.read() as connection:
                return files.page(
                    connection,
                    project=project,
                    now=now,
                    limit=limit,
                    after=after,
                    purpose=purpose,
                    is_ascending=order == "asc",
                )

        try:
            # The page may be long, and seldom is: only then a thread is worth its while.
            page = read(min(limit, _FEW))
            if page.has_more and limit > _FEW:
                page = await to_thread.run_sync(read, limit)
        except UnknownCursor as error:
            raise cursor_not_found(error.after) from error
        return wire.respond(wire.listing_with_ends(page.map(wire.file_object)))

    async def retrieve(self, request: Request) -> Response:
        """One file."""
        refuse_query(request)
        return wire.respond(wire.file_object(self._find(request)))

    def content(self, request: Request) -> Response:
        """A file's content, sent in pieces."""
        refuse_query(request)
        row = self._find(request)
        try:
            pieces = self._blobs.pieces(row.sha256, size=row.bytes)
            first = next(pieces)  # all of a small file: what is wrong with a longer one breaks the answer off
        except DamagedBlob as error:
            self._find(request)  # it may have been deleted between the two lines
            _LOG.error("content of %s is damaged or missing", row.id)
            raise damaged(f"The content of {row.id} is", remedy="upload the file again") from error
        return StreamingResponse(
            chain([first], pieces),
            media_type="application/octet-stream",
            headers={
                "content-length": str(row.bytes),
                "content-disposition": _disposition(row.filename),
            },
        )

    def delete(self, request: Request) -> Response:
        """Removes a file; jobs that were created with it keep its content until they end."""
        refuse_query(request)
        row = self._find(request)
        self._blobs.clear(lambda connection: files.delete(connection, row.id, now=int(time.time())))
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
        receipt.check_content(spool, purpose=purpose, max_line_bytes=self._settings.max_line_bytes)
        with spool.stage() as staged:
            row = receipt.new_row(staged, project=project, filename=filename, purpose=purpose, lifetime=lifetime)
            with self._database.write() as connection:
                self._blobs.keep(connection, staged, owner=row.id)
                files.insert(connection, row)
        return row


def _read_form(form: Form) -> tuple[str, str, int | None]:
    arguments = Arguments(form.fields)
    if form.filename is None:
        raise missing_parameter("file")
    purpose = arguments.take_required_text("purpose")
    if purpose not in receipt.PURPOSES:
        # In these words alone, and without a code, does OpenAI refuse a value here.
        raise ApiError(f"{purpose[:64]!r} is not one of {[*receipt.PURPOSES]} - 'purpose'", param="purpose")
    anchor, seconds = (arguments.take_text(f"expires_after[{name}]") for name in ("anchor", "seconds"))
    arguments.finish()
    is_number = seconds is not None and _NUMBER.fullmatch(seconds) is not None
    lifetime = receipt.read_lifetime(anchor, int(seconds or 0) if is_number else seconds, spelling="expires_after[{}]")
    return receipt.read_filename(form.filename, purpose=purpose, param="file"), purpose, lifetime


def _disposition(filename: str) -> str:
    """The header's value by RFC 6266: beyond ASCII the name stands there twice, for clients of now and of old."""
    text = _UNSAFE.sub("_", filename)
    plain = f'attachment; filename="{text.encode("ascii", "replace").decode()}"'
    return plain if text.isascii() else f"{plain}; filename*=UTF-8''{quote(text, safe='')}"
