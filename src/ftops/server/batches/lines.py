"""The lines of a batch's input file: reading one, and what keeps a batch from starting.

Owns the codes and words of a failed batch's errors. ``invalid_json_line``, ``duplicate_custom_id``, ``mismatched_model``,
``missing_required_parameter``, ``model_not_found`` and ``empty_file`` are OpenAI's codes; where none is known the code is this
server's own. What a request's body asks for is checked when its turn comes: a refusal is then that request's answer.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.batches.request import ENDPOINT
from ftops.server.errors import ApiError
from ftops.server.storage.blobs import DamagedBlob

MAX_ERRORS = 100
"""A batch whose every line is wrong says so for the first ones."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchError:
    """Why a batch failed, in one line of its input if ``line`` is given, which counts from 1."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchLine:
    """One request. ``body`` is as it came, but for its being an object that names a model."""

    custom_id: str
    model: str
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a batch may hold."""

    max_bytes: int
    max_requests: int
    max_line_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What a look at the whole input has shown. The batch may start when there are no ``errors``; it then has a model."""

    requests: int
    model: str | None
    errors: tuple[BatchError, ...]


def check_input(
    content: BinaryIO, *, sha256: str, size: int, limits: Limits, is_interrupted: Callable[[], bool]
) -> Checked | None:
    """Reads the input from its beginning, line by line; None when it was interrupted.

    ``DamagedBlob`` when it isn't what was uploaded.
    """
    if size > limits.max_bytes:
        message = f"The input file has {size} bytes, and a batch may have {limits.max_bytes}."
        return Checked(requests=0, model=None, errors=(BatchError(code="file_too_large", message=message),))
    check = _Check(limits)
    digest = hashlib.sha256()
    while line := content.readline(limits.max_line_bytes + 1):
        digest.update(line)
        if not check.take(line):
            break
        if is_interrupted():
            return None
        time.sleep(0)  # whoever chats goes first
    else:
        if digest.hexdigest() != sha256:
            raise DamagedBlob(sha256)
    return check.outcome()


def read_line(line: bytes) -> BatchLine | None:
    """A request, None for a blank line; ``ApiError`` when it is none."""
    text = line.removeprefix(_BYTE_ORDER_MARK).strip()
    if not text:
        return None
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ApiError("This line is not parseable as valid JSON.", code="invalid_json_line") from error
    if not isinstance(decoded, dict):
        raise ApiError("This line is not a JSON object.", code="invalid_json_line")
    arguments = Arguments(decoded)
    custom_id = arguments.take_required_text("custom_id")
    arguments.take_required_text("method")
    arguments.take_choice("method", ("POST",))
    url = arguments.take_required_text("url")
    if url != ENDPOINT:
        message = f"The URL provided for this request does not match the batch endpoint, which is '{ENDPOINT}'."
        raise ApiError(message, param="url", code="invalid_url")
    body = arguments.take_object("body")
    if body is None:
        raise missing_parameter("body")
    arguments.finish()
    return BatchLine(custom_id=custom_id, model=Arguments(body, at="body").take_required_text("model"), body=body)


class _Check:
    """Takes line after line and collects what is wrong with them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._errors: list[BatchError] = []
        self._number = 0
        self._requests = 0
        self._model: str | None = None
        # Digests: ids may be long, and there are as many as requests.
        self._custom_ids: set[bytes] = set()

    def take(self, line: bytes) -> bool:
        """Checks the next line; False when no further one matters."""
        self._number += 1
        if len(line) > self._limits.max_line_bytes:
            message = f"This line is longer than {self._limits.max_line_bytes} bytes."
            self._errors.append(BatchError(code="line_too_long", message=message, line=self._number))
            return False
        try:
            self._take(line)
        except ApiError as error:
            found = BatchError(
                code=error.code or "invalid_request", message=error.message, param=error.param, line=self._number
            )
            self._errors.append(found)
        if self._requests > self._limits.max_requests:
            message = f"The input file has more than {self._limits.max_requests} requests."
            self._errors = [BatchError(code="too_many_tasks", message=message)]
            return False
        return len(self._errors) < MAX_ERRORS

    def outcome(self) -> Checked:
        """The result, once all lines were taken."""
        if not self._requests and not self._errors:
            self._errors.append(BatchError(code="empty_file", message="The input file has no requests."))
        return Checked(requests=self._requests, model=self._model, errors=tuple(self._errors))

    def _take(self, line: bytes) -> None:
        request = read_line(line)
        if request is None:
            return
        self._requests += 1
        digest = hashlib.blake2b(request.custom_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self._custom_ids:
            raise ApiError(
                f"The custom_id '{_shown(request.custom_id)}' for this request is a duplicate of another request. The "
                "custom_id parameter must be unique for each request in a batch.",
                param="custom_id",
                code="duplicate_custom_id",
            )
        self._custom_ids.add(digest)
        self._model = self._model or request.model
        if request.model != self._model:
            raise ApiError(
                f"The model '{_shown(request.model)}' for this request does not match the rest of the batch. Each batch "
                "must contain requests for a single model.",
                param="body.model",
                code="mismatched_model",
            )


def _shown(text: str) -> str:
    return text if len(text) <= 100 else text[:100] + "…"
