"""The shapes of OpenAI's JSON: objects, lists, and reading a JSON body.

Owns which of our fields stands under which name on the wire. Shapes are plain dictionaries, encoded once; every field that
the ``openai`` SDK's types know is there, null where there is nothing to say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ftops.server.arguments import Arguments
from ftops.server.errors import ApiError, too_large, unreadable_json
from ftops.server.jobs import metrics
from ftops.server.storage.checkpoints import CheckpointRow
from ftops.server.storage.events import EventRow
from ftops.server.storage.files import FileRow
from ftops.server.storage.jobs import JobRow, JobStatus
from ftops.server.storage.models import ModelRow
from ftops.server.storage.paging import Page
from ftops.server.storage.uploads import PartRow, UploadRow

Json = Mapping[str, Any]

HYPERPARAMETERS = {
    "supervised": ("batch_size", "learning_rate_multiplier", "n_epochs"),
    "dpo": ("batch_size", "beta", "learning_rate_multiplier", "n_epochs"),
    "reinforcement": (
        "batch_size", "compute_multiplier", "eval_interval", "eval_samples", "learning_rate_multiplier", "n_epochs",
        "reasoning_effort",
    ),
}  # fmt: skip
_WHOLE = frozenset({"batch_size", "eval_interval", "eval_samples", "n_epochs"})


def respond(body: Json, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json", headers=headers)


def respond_error(error: ApiError) -> Response:
    """An error in OpenAI's envelope."""
    return respond(error.envelope(), status=error.status, headers=error.headers)


async def read_json(request: Request, *, max_bytes: int) -> Arguments:
    """The parameters in a request's body; ``ApiError`` unless it is a JSON object of bounded length."""
    return parse_json(await read_body(request, max_bytes=max_bytes))


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """A request's body; ``ApiError`` unless it is said to be JSON, and of bounded length."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(
            f"Unsupported Content-Type: '{kind[:100]}'. This endpoint accepts 'application/json'.",
            code="unsupported_content_type",
        )
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise too_large(limit=max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def parse_json(content: bytes) -> Arguments:
    """The parameters in a body; ``ApiError`` unless it is a JSON object."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise unreadable_json() from error
    if not isinstance(body, dict):
        raise unreadable_json()
    return Arguments(body)


def listing(page: Page[Json] | Page[msgspec.Raw]) -> Json:
    """A list object."""
    return {"object": "list", "data": page.items, "has_more": page.has_more}


def listing_with_ends(page: Page[Json]) -> Json:
    """A list object with its first and its last id, as some of OpenAI's lists have them."""
    first, last = (page.items[0]["id"], page.items[-1]["id"]) if page.items else (None, None)
    return {**listing(page), "first_id": first, "last_id": last}


def file_object(row: FileRow) -> Json:
    """A ``file``."""
    return {
        "object": "file",
        "id": row.id,
        "bytes": row.bytes,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "filename": row.filename,
        "purpose": row.purpose,
        "status": "processed",
        "status_details": None,
    }


def upload_object(row: UploadRow, file: FileRow | None) -> Json:
    """An ``upload``, with the file that it became."""
    return {
        "object": "upload",
        "id": row.id,
        "bytes": row.bytes,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "filename": row.filename,
        "purpose": row.purpose,
        "status": row.status.value,
        "file": None if file is None else file_object(file),
    }


def part_object(row: PartRow) -> Json:
    """An ``upload.part``."""
    return {"object": "upload.part", "id": row.id, "created_at": row.created_at, "upload_id": row.upload}


def job_object(row: JobRow) -> Json:
    """A ``fine_tuning.job``. A job that hasn't failed has an error whose fields are null, as OpenAI's jobs had."""
    hyperparameters = _hyperparameters(row)
    return {
        "object": "fine_tuning.job",
        "id": row.id,
        "model": row.model,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "fine_tuned_model": row.fine_tuned_model,
        "organization_id": row.organization_id,
        "result_files": [] if row.result_file is None else [row.result_file],
        "status": row.status.value,
        "validation_file": row.validation_file,
        "training_file": row.training_file,
        "hyperparameters": hyperparameters if row.method == "supervised" else None,
        "trained_tokens": row.trained_tokens,
        "error": row.error or {"code": None, "message": None, "param": None},
        "user_provided_suffix": row.suffix,
        "seed": row.seed,
        "estimated_finish": row.estimated_finish if row.status is JobStatus.RUNNING else None,
        "integrations": list(row.integrations),
        "metadata": row.metadata,
        "method": {"type": row.method, row.method: _method(row, hyperparameters)},
        "shared_with_openai": False,
        "eval_id": None,
        "usage_metrics": None,
    }


def event_object(row: EventRow) -> Json:
    """A ``fine_tuning.job.event``."""
    return {
        "object": "fine_tuning.job.event",
        "id": row.id,
        "created_at": row.created_at,
        "level": row.level,
        "message": row.message,
        "data": row.data,
        "type": row.type,
    }


def checkpoint_object(row: CheckpointRow, job: JobRow) -> Json:
    """A ``fine_tuning.job.checkpoint``."""
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": row.id,
        "created_at": row.created_at,
        "fine_tuned_model_checkpoint": row.model,
        "fine_tuning_job_id": job.id,
        "metrics": metrics.wire_metrics(row.metrics),
        "step_number": row.step,
    }


def model_object(row: ModelRow) -> Json:
    """A fine-tuned ``model``. It bears no ``shutdown_date``: clients look at the base model's."""
    return {"object": "model", "id": row.name, "created": row.created_at, "owned_by": row.owner}


def stand_in_object(name: str, *, shutdown_date: str | None) -> Json:
    """A base ``model`` that the engine stands in for, and that says so."""
    return {
        "object": "model",
        "id": name,
        "created": 0,
        "owned_by": "ftops-stand-in",
        "shutdown_date": shutdown_date,
    }


def deleted(object_type: str, object_id: str) -> Json:
    """The answer to a deletion."""
    return {"id": object_id, "object": object_type, "deleted": True}


def completion(
    *, completion_id: str, created: int, model: str, engine: str, choices: Sequence[Json], usage: tuple[int, int]
) -> dict[str, Any]:
    """A ``chat.completion`` by the ``engine`` of this name; ``usage`` is tokens of the prompt and of all answers."""
    prompt, answers = usage
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": choices,
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": answers,
            "total_tokens": prompt + answers,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": f"fp_ftops_{engine}",
    }


def _hyperparameters(row: JobRow) -> Json:
    values = {**row.given, **(row.resolved or {})}
    return {name: _hyperparameter(name, values.get(name)) for name in HYPERPARAMETERS[row.method]}


def _method(row: JobRow, hyperparameters: Json) -> Json:
    if row.grader is None:
        return {"hyperparameters": hyperparameters}
    return {"grader": row.grader, "hyperparameters": hyperparameters}


def _hyperparameter(name: str, value: float | str | None) -> float | str:
    if value is None:
        return "default" if name == "reasoning_effort" else "auto"
    return int(value) if name in _WHOLE else value
