"""The ledger's commit messages: a line for people, a JSON line per event, the format's version and the write's random id.

Pure. What it decodes is foreign: a line that can't be read is told of, never trusted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import msgspec

from ftops.adapters import ledger_migrations
from ftops.adapters.ledger_migrations import CURRENT, Kind, version_in
from ftops.domain.events import AnyEvent, Evaluated, Event, InputsKept, Preferred, TrainingEvent
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.record_types import FORMAT_VERSION
from ftops.ports import LogEntry

WRITE_TRAILER: Final = "Ftops-Write"
FORMAT_TRAILER: Final = "Ftops-Format"
MESSAGE_LIMIT: Final = 8 << 20
_EXCERPT: Final = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """What is known of a line that is no event to this version, for people; its control characters are written out."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What a commit's message says. ``write_id`` is None where ftops did not write it."""

    subject: str
    events: tuple[AnyEvent | Unreadable, ...]
    write_id: str | None


def encode_message(events: Sequence[AnyEvent], *, write_id: str) -> bytes:
    """Gives the message of a commit that these events made. Scores of single items stay in the record, not here."""
    lines = [msgspec.json.encode(_without_items(event), order="sorted") for event in events]
    trailers = f"{FORMAT_TRAILER}: {FORMAT_VERSION}\n{WRITE_TRAILER}: {write_id}\n"
    return b"\n".join([_subject(events).encode(), b"", *lines, b"", trailers.encode()])


def decode_message(message: bytes) -> Message:
    """Gives what a commit's message says: events in order, as they were written (``shown`` makes them fit to be shown)."""
    lines = message.split(b"\n")
    stated = _trailer(lines, FORMAT_TRAILER)
    version = CURRENT if stated is None else version_in(stated)
    return Message(
        subject=visible(lines[0][:_EXCERPT].decode("utf-8", "replace")),
        events=tuple(_event(line, version) for line in lines if line.startswith(b"{")),
        write_id=_trailer(lines, WRITE_TRAILER),
    )


def entries_of(commit: str, message: bytes | None) -> Iterator[LogEntry]:
    """Gives what a commit recorded, newest first; something for every commit, so that none goes unnoticed."""
    if message is None:
        yield LogEntry(commit=commit, event=None, note="a commit whose message is too long to be read")
        return
    decoded = decode_message(message)
    if not decoded.events:
        yield LogEntry(commit=commit, event=None, note=f"a commit without events: {decoded.subject}")
    for event in reversed(decoded.events):
        if isinstance(event, Unreadable):
            yield LogEntry(commit=commit, event=None, note=event.text)
        else:
            yield LogEntry(commit=commit, event=shown(event))


def shown(event: AnyEvent) -> AnyEvent:
    """Gives an event with the control characters in all of its texts written out."""
    fit: AnyEvent = _without_controls(event)
    return fit


def _event(line: bytes, version: int | None) -> AnyEvent | Unreadable:
    try:
        raw = msgspec.json.decode(line)
        if version is not None and ledger_migrations.is_older(version):
            raw = ledger_migrations.migrated(raw, Kind.EVENT, version=version)
        event: AnyEvent = msgspec.convert(raw, type=AnyEvent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError, ValueError):
        text = quoted(line[: 4 * _EXCERPT].decode("utf-8", "replace"), limit=_EXCERPT)
        newer = version is None or version > CURRENT
        return Unreadable(text=f"an event {'of a newer ftops' if newer else 'that this ftops cannot read'}: {text}")
    return event


def _trailer(lines: Sequence[bytes], name: str) -> str | None:
    start = f"{name}: ".encode()
    found = next((line for line in reversed(lines) if line.startswith(start)), None)
    return None if found is None else found[len(start) :].decode("utf-8", "replace").strip()


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
    match event:
        case Evaluated():
            return msgspec.structs.replace(event, evaluation=msgspec.structs.replace(event.evaluation, items=()))
        case InputsKept():
            return msgspec.structs.replace(event, content=b"")
        case Preferred():
            return msgspec.structs.replace(event, preferences=msgspec.structs.replace(event.preferences, items=()))
        case _:
            return event


def _without_controls(value: Any) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return visible(value)
        case list() | tuple():
            return type(value)(_without_controls(item) for item in value)
        case dict():
            return {_without_controls(key): _without_controls(item) for key, item in value.items()}
        case msgspec.Struct():
            names = value.__struct_fields__
            return msgspec.structs.replace(value, **{name: _without_controls(getattr(value, name)) for name in names})
        case _:
            return value
