"""Errors that are answers: each carries an HTTP status and OpenAI's four fields.

Owns the words of refusals that several routes share; words that one route uses stand there. What isn't an ``ApiError`` is a
fault of ours and becomes a bare 500, or a 507 where the disk is full.
"""

import errno
import sqlite3
from collections.abc import Mapping

from ftops.server.storage.disk import is_database_damaged, is_disk_full


class ApiError(Exception):
    """An answer in OpenAI's envelope. ``message`` is for people; programs read ``status``, ``code`` and ``param``."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers

    def envelope(self) -> Mapping[str, object]:
        """The body: ``{"error": {"message", "type", "param", "code"}}``."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def internal_error() -> ApiError:
    """A fault of ours; what it was stands in the log only."""
    return ApiError(
        "The server had an error while processing your request. Sorry about that!", status=500, kind="server_error"
    )


def answer_to(error: Exception) -> ApiError:
    """What to answer when a handler ended in an error that isn't an answer itself."""
    if is_database_damaged(error):
        return ApiError(
            "This server's database is damaged. Stop the server, and put a copy of its data folder back.",
            status=500,
            kind="server_error",
            code="damaged_database",
        )
    if not is_disk_full(error):
        return internal_error()
    return ApiError(
        "The disk with this server's data folder is full, or can't be written. Delete files and models that nobody needs, "
        "or free space otherwise, and repeat the request.",
        status=507,
        kind="server_error",
        code="disk_full",
    )


def damaged(what: str, *, remedy: str) -> ApiError:
    """Content that has a row, but whose blob isn't what was written."""
    return ApiError(
        f"{what} damaged or missing on this server's disk: {remedy}.",
        status=500,
        kind="server_error",
        code="damaged_content",
    )


def unreadable_json() -> ApiError:
    """The body isn't JSON, or nests deeper than any request does."""
    return ApiError(
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
        "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
    )


def too_large(*, limit: int) -> ApiError:
    """The body is longer than the route takes; ``limit`` in bytes."""
    return ApiError(f"Maximum content size limit ({limit}) exceeded", status=413)


def model_not_found(name: str, *, param: str | None = "model") -> ApiError:
    """A model that was never made, or was deleted; of chat completions OpenAI names no parameter."""
    shown = name if len(name) <= 256 else name[:256] + "…"
    return ApiError(
        f"The model `{shown}` does not exist or you do not have access to it.",
        status=404,
        param=param,
        code="model_not_found",
    )


def model_not_available(name: str) -> ApiError:
    """A base model that can't be trained."""
    return ApiError(
        f"Model {name} is not available for fine-tuning or does not exist.", param="model", code="model_not_available"
    )


def file_not_found(file_id: str) -> ApiError:
    """A file that was never uploaded, was deleted, or has expired."""
    return ApiError(f"No such File object: {file_id}", status=404, param="id")


def upload_not_found(upload_id: str) -> ApiError:
    """An upload that was never announced."""
    return ApiError(f"No such Upload object: {upload_id}", status=404, param="upload_id")


def job_not_found(job_id: str) -> ApiError:
    """A fine-tuning job that was never created."""
    return ApiError(f"Could not find fine tune: {job_id}", status=404, param="fine_tune_id", code="fine_tune_not_found")


def cursor_not_found(after: str) -> ApiError:
    """``after`` names nothing in the list asked for."""
    return ApiError(f"Invalid 'after': no object with id '{after}' found.", param="after", code="invalid_value")


def unsupported_parameter(name: str) -> ApiError:
    """A parameter of OpenAI's that this server doesn't carry out, refused rather than ignored."""
    return ApiError(
        f"Unsupported parameter: '{name}' is not supported by this server.",
        param=name,
        code="unsupported_parameter",
    )


def unsupported_value(name: str, explanation: str) -> ApiError:
    """A value of a known parameter that this server doesn't carry out."""
    return ApiError(f"Unsupported value: '{name}' {explanation}", param=name, code="unsupported_value")


def place_of(error: BaseException) -> str:
    """An error's type and the line that raised it, for the log: its message may quote what a client sent or trains on.

    Of the disk's errors also the name, such as ENOSPC or SQLITE_FULL.
    """
    name = type(error).__name__
    match error:
        case OSError(errno=int(number)) if number in errno.errorcode:
            name += f" {errno.errorcode[number]}"
        case sqlite3.Error() if hasattr(error, "sqlite_errorname"):
            name += f" {error.sqlite_errorname}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return name
    return f"{name} at {trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
