"""Reads a multipart upload straight onto the disk.

Owns the parsing of ``multipart/form-data``. Memory stays bounded: the one file goes to a spool as it arrives, fields and
headers have short limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from ftops.server.arguments import duplicate_parameter
from ftops.server.errors import ApiError, too_large
from ftops.server.storage.blobs import Spool

# What surrounds the file in the body: boundaries, headers and fields.
_MAX_ENVELOPE_BYTES = 64 * 1024
_MAX_FIELDS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What came besides the file's content. ``filename`` is None when there was no file."""

    fields: Mapping[str, str]
    filename: str | None


async def read_upload(request: Request, spool: Spool, *, max_file_bytes: int, field: str = "file") -> Form:
    """Writes the part named ``field`` to the spool and gives the rest; ``ApiError`` when the body is malformed or too long."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise ApiError(
            "Unsupported Content-Type. This endpoint accepts 'multipart/form-data' with a boundary.",
            code="unsupported_content_type",
        )
    most = max_file_bytes + _MAX_ENVELOPE_BYTES
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > most):
        raise too_large(limit=max_file_bytes)
    parts = _Parts(spool, max_file_bytes, field)
    try:
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type] # a dict of bound methods
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise _malformed() from error
    if not parts.is_complete:
        raise _malformed()
    return Form(fields=parts.fields, filename=parts.filename)


def _malformed() -> ApiError:
    return ApiError("Could not parse multipart form.")


class _Parts:
    """Receives the parser's callbacks, part after part."""

    def __init__(self, spool: Spool, max_file_bytes: int, field: str) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.is_complete = False
        self._spool = spool
        self._max_file_bytes = max_file_bytes
        self._field = field
        self._envelope = 0
        self._header = (b"", b"")
        self._disposition = b""
        self._name = ""
        self._is_file = False
        self._value = b""

    def callbacks(self) -> Mapping[str, object]:
        """The methods under the names that the parser calls."""
        names = (
            "on_part_begin", "on_part_data", "on_part_end", "on_header_field", "on_header_value", "on_header_end",
            "on_headers_finished", "on_end",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def on_part_begin(self) -> None:
        self._disposition, self._value = b"", b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header = (self._header[0] + data[start:end], self._header[1])

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header = (self._header[0], self._header[1] + data[start:end])

    def on_header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = (b"", b"")

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise _malformed()
        self._name = options[b"name"].decode(errors="replace")
        self._is_file = self._name == self._field and b"filename" in options
        if self._is_file:
            if self.filename is not None:
                raise ApiError("Exactly one file can be uploaded at a time.", param=self._field)
            self.filename = options[b"filename"].decode(errors="replace")
        elif self._name in self.fields:
            raise duplicate_parameter(self._name)
        elif len(self.fields) >= _MAX_FIELDS:
            raise _malformed()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._count(end - start)
            self._value += data[start:end]
            return
        self._spool.write(data[start:end])
        if self._spool.size > self._max_file_bytes:
            raise too_large(limit=self._max_file_bytes)

    def on_part_end(self) -> None:
        if not self._is_file:
            self.fields[self._name] = self._value.decode(errors="replace")

    def on_end(self) -> None:
        self.is_complete = True

    def _count(self, length: int) -> None:
        self._envelope += length
        if self._envelope > _MAX_ENVELOPE_BYTES:
            raise _malformed()
