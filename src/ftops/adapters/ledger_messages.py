"""The ledger's commit messages: a line for people, a JSON line per event, and the write's random id.

Pure. What it decodes is foreign: a line that is no event is left out, and control characters never come through raw.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ftops.domain.events import AnyEvent, Evaluated, Event, TrainingEvent
from ftops.domain.foreign_text import visible

WRITE_TRAILER: Final = "Ftops-Write"
MESSAGE_LIMIT: Final = 8 << 20


def encode_message(events: Sequence[AnyEvent], *, write_id: str) -> bytes:
    """Gives the message of a commit that these events made. Scores of single items stay in the record, not here."""
    lines = [msgspec.json.encode(_without_items(event), order="sorted") for event in events]
    return b"\n".join(
        [_subject(events).encode(), b"", *lines, b"", f"{WRITE_TRAILER}: {write_id}".encode(), b""],
    )


def decode_events(message: bytes) -> tuple[AnyEvent, ...]:
    """Gives the events of a commit's message, in order; none where it is not ftops' own."""
    events = []
    for line in message.split(b"\n"):
        if not line.startswith(b"{"):
            continue
        try:
            raw = _without_controls(msgspec.json.decode(line))
            events.append(msgspec.convert(raw, type=AnyEvent))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return tuple(events)


def _subject(events: Sequence[AnyEvent]) -> str:
    first = events[0]
    tag = str(type(first).__struct_config__.tag).replace("_", " ")
    about = [getattr(first, "fine_tune", None) or getattr(first, "backend", None) or getattr(first, "project", None)]
    if isinstance(first, TrainingEvent):
        about.append(first.revision)
    words = " ".join([*(str(word) for word in about if word), tag])
    more = f" (+{len(events) - 1})" if len(events) > 1 else ""
    return visible(f"ftops: {words}{more}")[:200]


def _without_items(event: AnyEvent) -> Event:
    if not isinstance(event, Evaluated):
        return event
    return msgspec.structs.replace(event, evaluation=msgspec.structs.replace(event.evaluation, items=()))


def _without_controls(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_without_controls(item) for item in value]
    if isinstance(value, dict):
        return {_without_controls(key): _without_controls(item) for key, item in value.items()}
    return value
