"""How a job's training went, as its backend tells it: the result file, or the job's events where there is none.

Owns what is believed of both. OpenAI serves the result file as CSV in base64; other backends as plain CSV. What can't be read
is left out, and no more than a bounded number of steps is taken.
"""

import base64
import binascii
import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from ftops.domain.curves import StepMetrics

_MOST_STEPS: Final = 100_000
_LARGEST: Final = 64 << 20
_LARGEST_STEP: Final = 10**9

# Our name → the names of columns and of events' data, the one that counts first.
_NAMES: Final = {
    "train_loss": ("train_loss",),
    "valid_loss": ("valid_loss",),
    "full_valid_loss": ("full_valid_loss",),
    "train_reward": ("train_mean_reward", "train_reward_mean"),
    "valid_reward": ("full_valid_mean_reward", "valid_reward_mean"),
}


def metrics_of_file(content: bytes) -> tuple[StepMetrics, ...]:
    """Reads a result file; nothing where it is none."""
    if len(content) > _LARGEST:
        return ()
    text = _decoded(content).decode("utf-8", "replace")
    reader = csv.DictReader(io.StringIO(text))
    if "step" not in (reader.fieldnames or ()):
        return ()
    try:
        return _in_order(reader)
    except csv.Error:
        return ()


def metrics_of_events(events: Iterable[object]) -> tuple[StepMetrics, ...]:
    """Reads the events of a job that measured a step, in any order."""
    return _in_order(_get(event, "data") for event in events if _get(event, "type") == "metrics")


def with_checkpoints(metrics: Iterable[StepMetrics], checkpoints: Iterable[object]) -> tuple[StepMetrics, ...]:
    """Adds what was measured at checkpoints; result files lack the loss over the whole validation set."""
    measured = []
    for record in checkpoints:
        values = _get(record, "metrics")
        given = {name: _get(values, name) for names in _NAMES.values() for name in names}
        measured.append({"step": _get(record, "step_number"), **given})
    found = {one.step: one for one in metrics}
    for one in _in_order(measured):
        known = found.get(one.step, StepMetrics(step=one.step))
        new = {name: value for name in _NAMES if (value := getattr(one, name)) is not None}
        old = {name: value for name in _NAMES if (value := getattr(known, name)) is not None}
        found[one.step] = replace(known, **{**new, **old})
    return tuple(found[step] for step in sorted(found))


def _decoded(content: bytes) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return content


def _in_order(rows: Iterable[Any]) -> tuple[StepMetrics, ...]:
    found: dict[int, StepMetrics] = {}
    for row in rows:
        one = _one(row) if isinstance(row, Mapping) else None
        if one is not None:
            found[one.step] = one
        if len(found) >= _MOST_STEPS:
            break
    return tuple(found[step] for step in sorted(found))


def _one(row: Mapping[str, Any]) -> StepMetrics | None:
    step = _number(row.get("step"))
    if step is None or not 0 <= step <= _LARGEST_STEP:
        return None
    values = {
        ours: next((value for name in names if (value := _number(row.get(name))) is not None), None)
        for ours, names in _NAMES.items()
    }
    return StepMetrics(step=int(step), **values)


def _get(record: object, name: str) -> Any:
    return record.get(name) if isinstance(record, Mapping) else getattr(record, name, None)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
