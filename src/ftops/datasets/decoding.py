"""Lines of JSONL to typed rows, quickly where nothing is wrong with them.

Owns the choice between the quick look and the slow one. All lines are decoded at once as the type of their use; where that
fails, line by line; and only a row that doesn't decode, or that something may have to be said of, is looked at key by key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from ftops.datasets.checks import CHECKS
from ftops.datasets.conversations import RowFormat, row_format
from ftops.datasets.findings import FindingList, Found
from ftops.datasets.formats import NO_DEMANDS, Demands, Use, missing_paths, row_findings
from ftops.datasets.parsing import parse_object
from ftops.datasets.plain_chats import is_row_a_line
from ftops.datasets.rows import Asked, AssistantMessage, ChatRow, FreeRow, ItemRow, PreferenceRow, Row, Single
from ftops.datasets.soundness import ends_with_answer, has_lesson, is_sound_conversation, is_sound_preference

_FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _LooseAsked(Asked, forbid_unknown_fields=False, gc=False):
    """A conversation beside other keys."""


class _Outputs(msgspec.Struct, gc=False):
    """The answers of a preference row."""

    preferred_output: Single[AssistantMessage]
    non_preferred_output: Single[AssistantMessage]


_CHATS: Final = msgspec.json.Decoder(ChatRow)
_PREFERENCES: Final = msgspec.json.Decoder(PreferenceRow)
_ASKED: Final = msgspec.json.Decoder(_LooseAsked)
_ITEMS: Final = msgspec.json.Decoder(dict[str, Any])
_RAW_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Decoded:
    """The sound rows of some lines, in order, with their lines' numbers and their bytes without LF."""

    rows: Sequence[Row]
    lines: Sequence[int]
    raws: Sequence[bytes]


def decode_rows(
    data: bytes, first_line: int, use: Use, findings: FindingList, demands: Demands = NO_DEMANDS
) -> Decoded:
    """Gives the sound rows in ``data``, whole lines of which the last may lack its LF, and adds what is found in the others.

    What is only advised or warned of is added too, and leaves a row sound.
    """
    raws = data.split(b"\n")
    is_terminated = not raws[-1]
    if is_terminated:
        raws.pop()
    at_once = _decoded_at_once(data, len(raws), use)
    if at_once is not None and all(_is_sound(row, use, demands) for row in at_once):
        return Decoded(at_once, range(first_line, first_line + len(raws)), raws)
    rows: list[Row] = []
    lines: list[int] = []
    kept: list[bytes] = []
    for place, raw in enumerate(raws):
        row = _decoded(raw, use) if at_once is None else at_once[place]
        if row is None or not _is_sound(row, use, demands):
            is_whole = is_terminated or place < len(raws) - 1
            row = _looked_at(raw, first_line + place, use, findings, demands, is_terminated=is_whole)
        if row is not None:
            rows.append(row)
            lines.append(first_line + place)
            kept.append(raw)
    return Decoded(rows, lines, kept)


def look_at_line(
    raw: bytes, use: Use, demands: Demands = NO_DEMANDS, *, is_terminated: bool
) -> tuple[Any, tuple[Found, ...]]:
    """Gives the JSON object in a line as a dictionary, None where there is none, and everything that is found in it."""
    parsed = parse_object(raw, is_terminated=is_terminated)
    if isinstance(parsed, Found):
        return None, (parsed,)
    try:
        row = _decoded(raw, use)
        if row is not None and _is_sound(row, use, demands):
            return parsed, ()
        return parsed, tuple(row_findings(parsed, use, demands))
    except RecursionError:
        return None, (Found(code="D013", says="expected less nesting"),)


def is_sound(found: Iterable[Found]) -> bool:
    """Tells whether a row that this was found in can be used: nothing of it is of the format."""
    return not any(CHECKS[one.code].is_format for one in found)


def recognised_use(line: bytes) -> Use | None:
    """Tells by its keys what a row is for. None where it is for no training that is known, or no JSON object."""
    row = parse_object(line.rstrip(b"\n"), is_terminated=True)
    if isinstance(row, Found):
        return None
    match row_format(row):
        case RowFormat.PREFERENCE:
            return Use.DPO
        case RowFormat.CHAT:
            messages = row["messages"]
            last = messages[-1] if isinstance(messages, list) and messages else None
            is_answered = not isinstance(last, dict) or last.get("role") in ("assistant", None)
            return Use.SUPERVISED if is_answered else Use.REINFORCEMENT
        case _:
            return None


def _decoded_at_once(data: bytes, count: int, use: Use) -> Sequence[Row] | None:
    """Decodes all lines; None where one doesn't fit, or isn't exactly one row."""
    if not is_row_a_line(data, count):
        return None
    try:
        rows = _typed_lines(data, use)
    except _FAILURES:
        return None
    return rows if rows is not None and len(rows) == count else None


def _typed_lines(data: bytes, use: Use) -> Sequence[Row] | None:
    match use:
        case Use.SUPERVISED:
            return _CHATS.decode_lines(data)
        case Use.DPO:
            return _PREFERENCES.decode_lines(data)
        case Use.FREE:
            return [FreeRow(item) for item in _ITEMS.decode_lines(data)]
        case Use.REINFORCEMENT | Use.EVALUATION:
            asked, items = _ASKED.decode_lines(data), _ITEMS.decode_lines(data)
            if len(asked) != len(items):
                return None
            return [ItemRow(_asked(one), item) for one, item in zip(asked, items, strict=True)]


def _decoded(raw: bytes, use: Use) -> Row | None:
    """Decodes one line; None where it isn't sound by its type."""
    try:
        if use is Use.EVALUATION and row_format(_ITEMS.decode(raw)) is RowFormat.PREFERENCE:
            return _PREFERENCES.decode(raw)
        rows = _typed_lines(raw, use)
    except _FAILURES:
        return None
    return rows[0] if rows is not None and len(rows) == 1 else None


def _is_sound(row: Row, use: Use, demands: Demands) -> bool:
    """Tells whether there is nothing to be said of a row that decodes."""
    try:
        match row:
            case ChatRow():
                return is_sound_conversation(row, takes_images=demands.takes_images) and (
                    ends_with_answer(row) and has_lesson(row)
                )
            case PreferenceRow():
                return is_sound_preference(row)
            case ItemRow() if use is Use.EVALUATION:
                return is_sound_conversation(row.asked, takes_images=True)
            case ItemRow():
                return is_sound_conversation(row.asked, takes_images=demands.takes_images) and not (
                    ends_with_answer(row.asked) or any(missing_paths(row.item, demands))
                )
            case FreeRow():
                return True
    except _FAILURES:  # tools are decoded only here
        return False


def _looked_at(
    raw: bytes, line: int, use: Use, findings: FindingList, demands: Demands, *, is_terminated: bool
) -> Row | None:
    """Looks at a line key by key, adds what it finds, and gives the row where it is sound nonetheless."""
    item, found = look_at_line(raw, use, demands, is_terminated=is_terminated)
    for one in found:
        findings.add(replace(one, line=line))
    if item is None or not is_sound(found):
        return None
    return _tidied(raw, item, use)


def _tidied(raw: bytes, item: dict[str, Any], use: Use) -> Row:
    """Decodes a row that nothing is wrong with, but that has keys that aren't read, or nulls where a type has no key."""
    if use is Use.FREE:
        return FreeRow(item)
    if row_format(item) is RowFormat.PREFERENCE:
        asked = _tidied_asked(bytes(_RAW_KEYS.decode(raw)["input"]), item["input"])
        outputs = {key: _tidy(item[key]) for key in _Outputs.__struct_fields__}
        answers = msgspec.convert(outputs, _Outputs)
        return PreferenceRow(asked, answers.preferred_output, answers.non_preferred_output)
    asked = _tidied_asked(raw, item)
    if use is Use.SUPERVISED:
        return ChatRow(asked.messages, asked.tools, asked.parallel_tool_calls)
    return ItemRow(asked, item)


def _tidied_asked(raw: bytes, item: dict[str, Any]) -> Asked:
    """Tools stay the bytes that they are: they are compared with those of other rows."""
    tidy = msgspec.json.encode({**_RAW_KEYS.decode(raw), "messages": _tidy(item["messages"])})
    return _asked(_ASKED.decode(tidy))


def _tidy(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in message.items() if value is not None} for message in messages]


def _asked(loose: Asked) -> Asked:
    return Asked(loose.messages, loose.tools, loose.parallel_tool_calls)
