"""What a row teaches, in a form that can be compared and shown.

Owns when two answers are the same, and which answers are short enough to be labels, values or calls that contradict one
another rather than two ways to say a thing.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from ftops.datasets.batches import Example
from ftops.datasets.rows import ItemRow, PreferenceRow, Row, ToolCall

SHORT: Final = 80
_CLOSING: Final = " .!"
_NOT_TAUGHT: Final = frozenset(("messages", "tools", "parallel_tool_calls"))


@dataclass(slots=True)
class Taught:
    """An answer: ``form`` is equal for equal answers, ``shown`` is for people, None unless short; plain slots, one a row."""

    form: str
    shown: str | None


def taught_by(row: Row, example: Example) -> Taught:
    """Gives what a row teaches: its answer and calls, a DPO row's both answers, or the fields that a grader goes by."""
    if isinstance(row, PreferenceRow):
        return Taught(f"{(example.answer or '').strip()}\0{(example.rejected or '').strip()}", None)
    text = example.answer or ""
    if example.calls:
        calls = ", ".join(map(_call, example.calls))
        text = f"{text}\n{calls}" if text else calls
    elif not text and isinstance(row, ItemRow):
        fields = {key: value for key, value in row.item.items() if key not in _NOT_TAUGHT}
        text = msgspec.json.encode(fields, order="sorted").decode("utf-8") if fields else ""
    text = text.strip()
    if not 0 < len(text) <= SHORT:
        return Taught(text, None)
    folded = " ".join(text.casefold().split())
    return Taught(folded.rstrip(_CLOSING) or folded, text)


def _call(call: ToolCall) -> str:
    try:
        arguments = msgspec.json.encode(msgspec.json.decode(call.function.arguments), order="sorted").decode("utf-8")
    except (msgspec.DecodeError, RecursionError):
        arguments = call.function.arguments
    return f"{call.function.name}({arguments})"
