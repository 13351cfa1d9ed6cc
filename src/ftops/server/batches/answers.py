"""Answers one request of a batch, by the path that a chat request takes, and puts the outcome into words.

Owns the lines of a batch's files of results.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ftops.server import ids
from ftops.server.arguments import Arguments
from ftops.server.batches.lines import BatchLine
from ftops.server.chat import answers
from ftops.server.chat.request import read_chat_request
from ftops.server.errors import ApiError, internal_error, place_of
from ftops.server.shelf import Shelf
from ftops.server.storage.disk import DISK_ERRORS

_LOG = logging.getLogger(__name__)

EXPIRED = {
    "code": "batch_expired",
    "message": "This request could not be executed before the completion window expired.",
}
CANCELLED = {"code": "batch_cancelled", "message": "This request was not executed because the batch was cancelled."}


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A line of the output file, or, where ``is_failed``, of the error file; and the tokens that it took."""

    line: bytes
    is_failed: bool
    input_tokens: int = 0
    output_tokens: int = 0


def answer(request: BatchLine, *, shelf: Shelf, project: str) -> Result:
    """What the request comes to. Raises ``DISK_ERRORS`` alone."""
    try:
        return _result(request, status=200, body=_complete(request, shelf, project), is_failed=False)
    except ApiError as error:
        return _result(request, status=error.status, body=error.envelope(), is_failed=True)
    except DISK_ERRORS:
        raise  # the disk's fault, not the request's: it is answered later
    except Exception as error:  # noqa: BLE001 - an engine may raise anything
        _LOG.error("a request of a batch failed: %s", place_of(error))
        return _result(request, status=500, body=internal_error().envelope(), is_failed=True)


def drop(request: BatchLine, *, reason: Mapping[str, str]) -> Result:
    """A request that won't be answered: ``EXPIRED`` or ``CANCELLED``."""
    return Result(line=_line(request, response=None, error=reason), is_failed=True)


def _complete(request: BatchLine, shelf: Shelf, project: str) -> Mapping[str, Any]:
    asked = read_chat_request(Arguments(request.body))
    if request.body.get("stream"):
        raise ApiError("Streaming is not supported in a batch.", param="stream", code="unsupported_parameter")
    return answers.complete(shelf.take(asked.model, project=project), asked, engine=shelf.engine_name)


def _result(request: BatchLine, *, status: int, body: Mapping[str, Any], is_failed: bool) -> Result:
    usage = body.get("usage") or {}
    response = {"status_code": status, "request_id": ids.new_request_id(), "body": body}
    return Result(
        line=_line(request, response=response, error=None),
        is_failed=is_failed,
        input_tokens=usage.get("prompt_tokens", 0),
        output_tokens=usage.get("completion_tokens", 0),
    )


def _line(request: BatchLine, *, response: Mapping[str, Any] | None, error: Mapping[str, str] | None) -> bytes:
    line = {"id": ids.new_batch_request_id(), "custom_id": request.custom_id, "response": response, "error": error}
    return msgspec.json.encode(line) + b"\n"
