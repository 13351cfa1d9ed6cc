"""A backend's records as values of ours: jobs, files, models, checkpoints, events, answers.

Owns what is believed of foreign data. Takes mappings and objects with attributes alike, ignores what it doesn't know, bears
what is missing, and refuses a record only where the one thing it is for is missing: its id.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from ftops.domain.attempts import JobStatus
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.scores import Outcome
from ftops.ports import Allowance, ChatAnswer, Checkpoint, Embedding, Job, JobEvent, JobProgress, ModelInfo, StoredFile

# The ledger's pattern for ids: one that breaks it could never be read back.
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/-]{0,255}")
_STEP: Final = re.compile(r"Step (\d{1,9})/(\d{1,9})(?::.*?training loss=([0-9]{1,9}(?:\.[0-9]{1,9})?))?")
_TEXT_LIMIT: Final = 2000
# What JSON's numbers hold exactly: more tokens than that were never counted.
_LARGEST_COUNT: Final = 2**53 - 1


class UnreadableRecord(Exception):
    """What came is not what was asked for."""


def job_of(record: object) -> Job:
    """Reads a job. Raises UnreadableRecord where it has no usable id.

    A status that nobody knows is not an end: it counts as running, so that nothing is started in the job's place.
    """
    status = _text(record, "status")
    error = _get(record, "error")
    model = _text(record, "fine_tuned_model")
    return Job(
        id=JobId(_id(record, "job")),
        status=JobStatus(status) if status in set(JobStatus) else JobStatus.RUNNING,
        base_model=visible(_text(record, "model")),
        created_at=_moment(_get(record, "created_at")) or datetime.fromtimestamp(0, tz=UTC),
        metadata=_metadata(_get(record, "metadata")),
        model=ModelId(model) if _ID.fullmatch(model) else None,
        organization=visible(_text(record, "organization_id")) or None,
        trained_tokens=_count(_get(record, "trained_tokens")),
        finished_at=_moment(_get(record, "finished_at")),
        estimated_finish=_moment(_get(record, "estimated_finish")),
        error_code=visible(_text(error, "code"))[:_TEXT_LIMIT] or None,
        error_message=visible(_text(error, "message"))[:_TEXT_LIMIT] or None,
    )


def file_of(record: object) -> StoredFile:
    """Reads a file. Raises UnreadableRecord where it has no usable id."""
    return StoredFile(
        id=_id(record, "file"),
        name=_text(record, "filename"),
        size=_count(_get(record, "bytes")) or 0,
        created_at=_moment(_get(record, "created_at")) or datetime.fromtimestamp(0, tz=UTC),
    )


def file_status_of(record: object) -> str:
    """Reads how far a file is processed; "processed" where the backend doesn't say."""
    return _text(record, "status") or "processed"


def file_error_of(record: object) -> str:
    """Reads why a file was refused, "" where nothing is said."""
    return visible(_text(record, "status_details"))[:_TEXT_LIMIT]


def models_of(records: Iterable[object]) -> tuple[ModelInfo, ...]:
    """Reads models; those without an id are left out."""
    return tuple(model for model in map(_model, records) if model is not None)


def model_of(record: object) -> ModelInfo:
    """Reads a model. Raises UnreadableRecord where it has no usable id."""
    model = _model(record)
    if model is None:
        raise UnreadableRecord("a model without an id")
    return model


def _model(record: object) -> ModelInfo | None:
    name = _text(record, "id")
    if not name or visible(name) != name:
        return None
    return ModelInfo(id=ModelId(name), owned_by=visible(_text(record, "owned_by")), shutdown_date=_date(record))


def checkpoints_of(records: Iterable[object]) -> tuple[Checkpoint, ...]:
    """Reads a job's checkpoints, by step. The loss over the whole validation set goes before that over one batch of it."""
    found = []
    for record in records:
        step, model = _count(_get(record, "step_number")), _text(record, "fine_tuned_model_checkpoint")
        if step is None or _ID.fullmatch(model) is None:
            continue
        metrics = _get(record, "metrics")
        loss = _number(_get(metrics, "full_valid_loss"))
        loss = _number(_get(metrics, "valid_loss")) if loss is None else loss
        found.append(Checkpoint(step=step, model=ModelId(model), valid_loss=loss))
    return tuple(sorted(found, key=lambda checkpoint: checkpoint.step))


def event_of(record: object) -> JobEvent:
    """Reads an event of a job; whatever it lacks is left empty."""
    return JobEvent(
        id=_text(record, "id"),
        at=_moment(_get(record, "created_at")),
        level=visible(_text(record, "level"))[:_TEXT_LIMIT] or "info",
        message=visible(_text(record, "message"))[:_TEXT_LIMIT],
    )


def progress_of(events: Iterable[object]) -> JobProgress:
    """Reads how far a job is from its newest events, newest first; numbers that an event lacks come from older ones."""
    message = ""
    progress = JobProgress()
    for event in reversed(list(events)):
        message = visible(_text(event, "message"))[:_TEXT_LIMIT]
        progress = _advanced(progress, event)
    return replace(progress, message=message)


def _advanced(progress: JobProgress, event: object) -> JobProgress:
    """Takes over what an event measures; one about a checkpoint bears a step too, but an earlier one."""
    written = _STEP.match(_text(event, "message"))
    if written is None and _text(event, "type") != "metrics":
        return progress
    data = _get(event, "data")
    step, total, train = (
        _count(_get(data, "step")),
        _count(_get(data, "total_steps")),
        _number(_get(data, "train_loss")),
    )
    if written is not None:
        step, total = int(written[1]), int(written[2])
        train = float(written[3]) if train is None and written[3] else train
    full, valid = _number(_get(data, "full_valid_loss")), _number(_get(data, "valid_loss"))
    valid = valid if full is None else full
    return JobProgress(
        step=progress.step if step is None else step,
        total_steps=progress.total_steps if total is None else total,
        train_loss=progress.train_loss if train is None else train,
        valid_loss=progress.valid_loss if valid is None else valid,
    )


def answer_of(record: object, *, seconds: float, allowance: Allowance | None = None) -> ChatAnswer:
    """Reads a completion's first choice. Raises UnreadableRecord where there is none."""
    choices = _get(record, "choices")
    if not isinstance(choices, list) or not choices:
        raise UnreadableRecord("a completion without choices")
    message, usage = _get(choices[0], "message"), _get(record, "usage")
    text = _content(_get(message, "content"))
    tool_calls = _tool_calls(_get(message, "tool_calls"))
    refusal = _text(message, "refusal")
    finish = _text(choices[0], "finish_reason")
    return ChatAnswer(
        text=text or refusal,
        tool_calls=tool_calls,
        outcome=_outcome(finish, is_refused=bool(refusal), is_empty=not text and not tool_calls),
        input_tokens=_count(_get(usage, "prompt_tokens")) or 0,
        output_tokens=_count(_get(usage, "completion_tokens")) or 0,
        seconds=seconds,
        allowance=allowance,
    )


def embedding_of(record: object) -> Embedding:
    """Reads the one embedding that was asked for. Raises UnreadableRecord where there is none, or one that has no numbers."""
    data = _get(record, "data")
    vector = _get(data[0], "embedding") if isinstance(data, list) and data else None
    if not isinstance(vector, list) or not vector or not all(isinstance(n, int | float) for n in vector):
        raise UnreadableRecord("an embedding without numbers")
    return Embedding(vector=tuple(map(float, vector)), tokens=_count(_get(_get(record, "usage"), "prompt_tokens")) or 0)


def _outcome(finish: str, *, is_refused: bool, is_empty: bool) -> Outcome:
    if is_refused:
        return Outcome.REFUSAL
    if finish == "length":
        return Outcome.LENGTH
    if finish == "content_filter":
        return Outcome.CONTENT_FILTER
    return Outcome.EMPTY if is_empty else Outcome.OK


def _content(content: object) -> str:
    if isinstance(content, list):
        return "".join(_text(part, "text") for part in content)
    return content if isinstance(content, str) else ""


def _tool_calls(calls: object) -> tuple[Mapping[str, Any], ...]:
    return tuple(call for call in calls if isinstance(call, dict)) if isinstance(calls, list) else ()


def _get(record: object, name: str) -> Any:
    return record.get(name) if isinstance(record, Mapping) else getattr(record, name, None)


def _text(record: object, name: str) -> str:
    value = _get(record, name)
    return value if isinstance(value, str) else ""


def _id(record: object, what: str) -> str:
    found = _text(record, "id")
    if _ID.fullmatch(found) is None:
        raise UnreadableRecord(f"a {what} without a usable id")
    return found


def _moment(value: object) -> datetime | None:
    number = _number(value)
    try:
        return None if number is None else datetime.fromtimestamp(number, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= _LARGEST_COUNT else None


def _metadata(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items() if isinstance(k, str)}


def _date(record: object) -> str | None:
    text = _text(record, "shutdown_date")[:10]
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None
