"""Runs one inspection over rows given as JSON values, whole and in parts, without reading a file."""

import csv
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ftops.datasets.batches import Batch
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.inspections import Comparison, FileFacts, Inspection
from ftops.datasets.rows import Asked, ChatRow, FreeRow, ItemRow, PreferenceRow, Row

Json = Mapping[str, Any]


def chat(*texts: str, system: str | None = None, **more: Any) -> dict[str, Any]:
    """A chat row: what the user and the assistant say in turn."""
    first = [] if system is None else [{"role": "system", "content": system}]
    said = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]
    return {"messages": [*first, *said], **more}


def pair(asked: str, preferred: str, rejected: str) -> dict[str, Any]:
    """A preference row."""
    return {
        "input": {"messages": [{"role": "user", "content": asked}]},
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }


def found_in(inspection: Inspection, rows: Sequence[Json], use: Use = Use.SUPERVISED) -> tuple[Found, ...]:
    """What is found in a file of ``rows``, the first on line 1; demands the same however the file is cut up."""
    facts = FileFacts(path="train.jsonl", use=use, rows=len(rows))
    results = [tuple(inspection.conclude(seen, facts)) for seen in _ways(inspection, rows, use)]
    assert all(result == results[0] for result in results)
    return results[0]


def found_beside(
    inspection: Comparison,
    train: Sequence[Json],
    other: Sequence[Json],
    use: Use = Use.SUPERVISED,
    other_use: Use | None = None,
    systems: tuple[str, ...] = (),
) -> tuple[Found, ...]:
    """What is found in a validation file beside a training file, the same however both are cut up."""
    other_use = other_use or use
    facts = FileFacts(path="train.jsonl", use=use, rows=len(train))
    other_facts = FileFacts(path="valid.jsonl", use=other_use, rows=len(other), systems=systems)
    results = [
        tuple(inspection.compare(trained, facts, asked, other_facts))
        for trained, asked in zip(_ways(inspection, train, use), _ways(inspection, other, other_use), strict=True)
    ]
    assert all(result == results[0] for result in results)
    return results[0]


def typed(row: Json, use: Use) -> Row:
    """A row as its reader gives it."""
    text = json.dumps(row).encode()
    if use is Use.FREE:
        return FreeRow(dict(row))
    if "preferred_output" in row:
        return msgspec.json.decode(text, type=PreferenceRow)
    if use is Use.SUPERVISED:
        return msgspec.json.decode(text, type=ChatRow)
    asked = {key: value for key, value in row.items() if key in {"messages", "tools", "parallel_tool_calls"}}
    return ItemRow(msgspec.json.decode(json.dumps(asked).encode(), type=Asked), dict(row))


def banking77(path: Path) -> list[dict[str, Any]]:
    """The messages of a file of Banking77 with their intent as answer."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [chat(row["text"], row["category"]) for row in csv.DictReader(stream)]


def _ways(inspection: Inspection, rows: Sequence[Json], use: Use) -> list[tuple[Any, ...]]:
    """What is seen of a file in one part, in two, and in many."""
    values = [typed(row, use) for row in rows]
    count = len(values)
    ways = []
    for size in (count or 1, (count + 1) // 2 or 1, max(1, count // 7)):
        parts = [
            Batch(values[begin : begin + size], range(begin + 1, min(begin + size, count) + 1), use=use)
            for begin in range(0, count, size)
        ]
        ways.append(tuple(pickle.loads(pickle.dumps(inspection.look(part))) for part in parts))
    return ways
