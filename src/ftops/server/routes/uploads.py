"""``/v1/uploads``: a file in parts, which may come in any order and at the same time."""

import hashlib
import logging
import sqlite3
import time

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ftops.server import ids, wire
from ftops.server.access import project_of
from ftops.server.arguments import Arguments, missing_parameter, wrong_type
from ftops.server.errors import ApiError, damaged, upload_not_found
from ftops.server.intake import receipt
from ftops.server.intake.multipart import read_upload
from ftops.server.routes.query import refuse_query
from ftops.server.settings import Settings
from ftops.server.storage import files, uploads
from ftops.server.storage.blobs import Blobs, DamagedBlob, Spool, Staged
from ftops.server.storage.database import Database
from ftops.server.storage.files import FileRow
from ftops.server.storage.uploads import PartRow, UploadRow, UploadStatus

_LOG = logging.getLogger(__name__)
_PENDING_SECONDS = 3600
_MAX_PARTS = 10_000


class UploadRoutes:
    """The handlers of uploads."""

    def __init__(self, *, settings: Settings, database: Database, blobs: Blobs) -> None:
        self._settings = settings
        self._database = database
        self._blobs = blobs

    def routes(self) -> list[Route]:
        """What to mount."""
        one = "/v1/uploads/{upload_id}"
        return [
            Route("/v1/uploads", self.create, methods=["POST"]),
            Route(f"{one}/parts", self.add_part, methods=["POST"]),
            Route(f"{one}/complete", self.complete, methods=["POST"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Announces a file; its parts are to come within the hour."""
        refuse_query(request)
        arguments = await wire.read_json(request, max_bytes=self._settings.max_json_bytes)
        row = self._read_request(arguments, project_of(request).id)
        await to_thread.run_sync(self._insert, row)
        return wire.respond(wire.upload_object(row, None))

    async def add_part(self, request: Request) -> Response:
        """Takes one part in; it is on the disk before the answer goes out."""
        refuse_query(request)
        upload = self._find(request)
        _require_pending(upload)
        with self._blobs.spool() as spool:
            form = await read_upload(request, spool, field="data", max_file_bytes=self._settings.max_part_bytes)
            Arguments(form.fields).finish()
            if form.filename is None:
                raise missing_parameter("data")
            part = await to_thread.run_sync(self._keep_part, upload, spool)
        return wire.respond(wire.part_object(part))

    async def complete(self, request: Request) -> Response:
        """Makes a file of the parts, in the order given."""
        refuse_query(request)
        upload = self._find(request)
        arguments = await wire.read_json(request, max_bytes=self._settings.max_json_bytes)
        part_ids = _read_part_ids(arguments)
        md5 = arguments.take_text("md5")
        arguments.finish()
        file = await to_thread.run_sync(self._assemble, upload, part_ids, md5)
        return wire.respond(wire.upload_object(self._find(request), file))

    def cancel(self, request: Request) -> Response:
        """Ends a pending upload without a file."""
        refuse_query(request)
        upload = self._find(request)
        _require_pending(upload)
        self._end(upload, UploadStatus.CANCELLED)
        return wire.respond(wire.upload_object(self._find(request), None))

    def expire(self, now: int) -> None:
        """Ends uploads whose hour is over; until then they answer as expired already."""
        self._blobs.clear(lambda connection: uploads.expire(connection, now=now))

    def _find(self, request: Request) -> UploadRow:
        upload_id = request.path_params["upload_id"]
        with self._database.read() as connection:
            row = uploads.find(connection, upload_id, project=project_of(request).id)
        if row is None:
            raise upload_not_found(upload_id)
        return row

    def _insert(self, row: UploadRow) -> None:
        with self._database.write() as connection:
            uploads.insert(connection, row)

    def _end(self, upload: UploadRow, status: UploadStatus) -> None:
        has_ended = False

        def end(connection: sqlite3.Connection) -> tuple[str, ...]:
            nonlocal has_ended
            unused = uploads.end(connection, upload.id, status)
            has_ended = unused is None
            return unused or ()

        self._blobs.clear(end)
        if has_ended:
            raise _not_pending("no longer pending")

    def _read_request(self, arguments: Arguments, project: str) -> UploadRow:
        filename = arguments.take_required_text("filename")
        arguments.take_required_text("purpose")
        purpose = arguments.take_choice("purpose", receipt.PURPOSES) or ""
        is_lines = purpose in receipt.LINES_PURPOSES
        most = self._settings.max_file_bytes if is_lines else self._settings.max_upload_bytes
        size = arguments.take_whole("bytes", least=1, most=most)
        if size is None:
            raise missing_parameter("bytes")
        mime_type = receipt.read_mime_type(arguments, purpose=purpose)
        lifetime = _read_lifetime(arguments)
        arguments.finish()
        now = int(time.time())
        return UploadRow(
            id=ids.new_upload_id(),
            project=project,
            created_at=now,
            expires_at=now + _PENDING_SECONDS,
            filename=receipt.read_filename(filename, purpose=purpose, param="filename"),
            purpose=purpose,
            bytes=size,
            mime_type=mime_type,
            lifetime=lifetime,
            status=UploadStatus.PENDING,
            file=None,
        )

    def _keep_part(self, upload: UploadRow, spool: Spool) -> PartRow:
        with spool.stage() as staged, self._database.write() as connection:
            # Looked at again: it may have ended while the part was on its way.
            current = uploads.find(connection, upload.id, project=upload.project)
            if current is None:
                raise upload_not_found(upload.id)
            _require_pending(current)
            _require_room(connection, current, staged)
            part = PartRow(
                id=ids.new_part_id(),
                upload=upload.id,
                created_at=int(time.time()),
                bytes=staged.size,
                sha256=staged.sha256,
            )
            self._blobs.keep(connection, staged, owner=part.id)
            uploads.add_part(connection, part)
        return part

    def _assemble(self, upload: UploadRow, part_ids: tuple[str, ...], md5: str | None) -> FileRow:
        _require_pending(upload)
        with self._database.read() as connection:
            known = uploads.parts(connection, upload.id)
        parts = [_known_part(known, part_id) for part_id in part_ids]
        size = sum(part.bytes for part in parts)
        if size != upload.bytes:
            raise ApiError(
                f"The parts have {size} bytes in all, but the upload was announced with {upload.bytes}.",
                param="part_ids",
                code="invalid_value",
            )
        with self._blobs.spool() as spool:
            digest = hashlib.md5(usedforsecurity=False)
            for part in parts:
                self._copy(part, spool, digest)
            if md5 is not None and md5.lower() != digest.hexdigest():
                raise ApiError(
                    f"The md5 of the parts is {digest.hexdigest()}, not the one given.",
                    param="md5",
                    code="invalid_value",
                )
            receipt.check_content(spool, purpose=upload.purpose, max_line_bytes=self._settings.max_line_bytes)
            return self._keep_file(upload, spool)

    def _copy(self, part: PartRow, spool: Spool, digest: "hashlib._Hash") -> None:
        try:
            for piece in self._blobs.pieces(part.sha256, size=part.bytes):
                spool.write(piece)
                digest.update(piece)
        except DamagedBlob as error:
            _LOG.error("content of %s is damaged or missing", part.id)
            raise damaged(f"The content of {part.id} is", remedy="upload the part again") from error

    def _keep_file(self, upload: UploadRow, spool: Spool) -> FileRow:
        with spool.stage() as staged:
            file = receipt.new_row(
                staged,
                project=upload.project,
                filename=upload.filename,
                purpose=upload.purpose,
                lifetime=upload.lifetime,
            )
            # One transaction: two who complete the same upload make one file.
            with self._database.write() as connection:
                unused = uploads.end(connection, upload.id, UploadStatus.COMPLETED, file=file.id)
                if unused is None:
                    raise _not_pending("no longer pending")
                self._blobs.keep(connection, staged, owner=file.id)
                files.insert(connection, file)
        self._blobs.remove(unused)
        return file


def _require_room(connection: sqlite3.Connection, upload: UploadRow, part: Staged) -> None:
    """``ApiError`` for a part that is one too many, or takes more of the disk than its upload can be worth.

    A part that is sent again, because the answer to it was lost, costs nothing; others may replace all that was announced.
    """
    if uploads.count_parts(connection, upload.id) >= _MAX_PARTS:
        raise ApiError(f"An upload has {_MAX_PARTS} parts at most.", param="data")
    size = uploads.size_of_parts(connection, upload.id, besides=part.sha256) + part.size
    most = 2 * upload.bytes
    if size > most:
        raise ApiError(
            f"The upload was announced with {upload.bytes} bytes: its parts may have {most} in all, replaced ones included, "
            f"but would have {size}.",
            param="data",
        )


def _read_lifetime(arguments: Arguments) -> int | None:
    section = arguments.take_section("expires_after")
    if section is None:
        return None
    section.take_required_text("anchor")
    anchor, seconds = section.take("anchor"), section.take("seconds")
    section.finish()
    return receipt.read_lifetime(anchor, seconds, spelling="expires_after.{}")


def _read_part_ids(arguments: Arguments) -> tuple[str, ...]:
    given = arguments.take_list("part_ids", most=_MAX_PARTS)
    if not given:
        raise missing_parameter("part_ids")
    for number, part_id in enumerate(given):
        if not isinstance(part_id, str):
            raise wrong_type(f"part_ids[{number}]", "a string", part_id)
    if len(set(given)) < len(given):
        raise ApiError("Invalid 'part_ids': a part is named twice.", param="part_ids", code="invalid_value")
    return tuple(given)


def _known_part(known: dict[str, PartRow], part_id: str) -> PartRow:
    if part_id not in known:
        raise ApiError(f"No such Part object: {part_id[:100]}", status=404, param="part_ids")
    return known[part_id]


def _require_pending(upload: UploadRow) -> None:
    status = upload.status
    if status is UploadStatus.PENDING and upload.expires_at <= time.time():
        status = UploadStatus.EXPIRED
    if status is not UploadStatus.PENDING:
        raise _not_pending(status.value)


def _not_pending(status: str) -> ApiError:
    return ApiError(f"The upload is {status}: only a pending one can be changed.", code="invalid_upload_status")
