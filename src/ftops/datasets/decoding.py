"""Lines of JSONL to typed rows, quickly where nothing is wrong with them.

Owns the choice between the quick look and the slow one. All lines are decoded at once as the type of their use, strictly or
with further keys beside; where that fails, line by line; and only a row that doesn't decode, or that something is to be said
of, is looked at key by key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

import msgspec

from ftops.datasets.checks import CHECKS
from ftops.datasets.conversations import RowFormat, row_format
from ftops.datasets.findings import FindingList, Found
from ftops.datasets.formats import (
    NO_DEMANDS,
    PROMPT_ROLES,
    Demands,
    Use,
    is_legacy,
    missing_paths,
    row_findings,
    unknown_keys,
)
from ftops.datasets.parsing import parse_object
from ftops.datasets.plain_chats import is_row_a_line
from ftops.datasets.rows import ChatRow, FreeRow, ItemRow, PreferenceRow, Row
from ftops.datasets.soundness import (
    ends_with_answer,
    has_lesson,
    is_plain_lesson,
    is_sound_conversation,
    is_sound_preference,
)
from ftops.datasets.typed_decoding import FAILURES, Typed, tidied, typed_lines

_DEEP: Final = Found(code="D013", says="expected less nesting")
_FORMATS: Final = {Use.SUPERVISED: RowFormat.CHAT, Use.DPO: RowFormat.PREFERENCE}


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
    typed = _decoded_at_once(data, raws, use)
    if typed is not None and typed.strictly and all(_is_sound(row, use, demands) for row in typed.rows):
        return Decoded(typed.rows, range(first_line, first_line + len(raws)), raws)
    rows: list[Row] = []
    lines: list[int] = []
    kept: list[bytes] = []
    for place, raw in enumerate(raws):
        one = _decoded(raw, use) if typed is None else Typed(typed.rows[place : place + 1], typed.strictly)
        found = None if one is None else _vetted(one, raw, use, demands)
        if one is not None and found is not None:
            row: Row | None = one.rows[0]
        else:
            is_whole = is_terminated or place < len(raws) - 1
            row, found = _looked_at(raw, use, demands, is_terminated=is_whole)
        for each in found:
            findings.add(each, line=first_line + place)
        if row is not None:
            rows.append(row)
            lines.append(first_line + place)
            kept.append(raw)
    return Decoded(rows, lines, kept)


def look_at_line(
    raw: bytes, use: Use, demands: Demands = NO_DEMANDS, *, is_terminated: bool
) -> tuple[dict[str, Any] | None, tuple[Found, ...]]:
    """Gives the JSON object in a line, None where there is none, and everything that is found in it."""
    parsed = parse_object(raw, is_terminated=is_terminated)
    if isinstance(parsed, Found):
        return None, (parsed,)
    typed = _decoded(raw, use)
    found = None if typed is None else _vetted(typed, raw, use, demands)
    if found is not None:
        return parsed, found
    try:
        return parsed, tuple(row_findings(parsed, use, demands))
    except RecursionError:
        return None, (_DEEP,)


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
            is_prompt = isinstance(last, dict) and last.get("role") in PROMPT_ROLES
            return Use.REINFORCEMENT if is_prompt else Use.SUPERVISED
        case _:
            return None


def _decoded_at_once(data: bytes, lines: Sequence[bytes], use: Use) -> Typed | None:
    """Decodes all lines; None where one doesn't fit, or isn't exactly one row."""
    if not is_row_a_line(lines):
        return None
    typed = typed_lines(data, use)
    return typed if typed is not None and len(typed.rows) == len(lines) else None


def _decoded(raw: bytes, use: Use) -> Typed | None:
    """Decodes one line; None where it doesn't fit."""
    typed = typed_lines(raw, use)
    if typed is None and use is Use.EVALUATION:
        typed = typed_lines(raw, Use.DPO)
    return typed if typed is not None and len(typed.rows) == 1 else None


def _vetted(typed: Typed, raw: bytes, use: Use, demands: Demands) -> tuple[Found, ...] | None:
    """Gives what is to be said of a row that decodes; None where it has to be looked at key by key."""
    row = typed.rows[0]
    if not _is_sound(row, use, demands):
        return None
    if typed.strictly:
        return ()
    try:
        item = msgspec.json.decode(raw, type=dict[str, Any])  # what no type names was passed over unread
    except FAILURES:
        return None
    shape = Use.DPO if isinstance(row, PreferenceRow) else Use.SUPERVISED
    if is_legacy(item, shape) or row_format(item) is not _FORMATS[shape]:
        return None
    return tuple(unknown_keys(item, shape)) if use.has_fixed_keys else ()


def _is_sound(row: Row, use: Use, demands: Demands) -> bool:
    """Tells whether there is nothing to be said of the messages and tools of a row that decodes."""
    if row.__class__ is ChatRow and is_plain_lesson(row):
        return True
    try:
        match row:
            case ChatRow():
                is_lesson = ends_with_answer(row) and has_lesson(row)
                return is_lesson and is_sound_conversation(row, takes_images=demands.takes_images)
            case PreferenceRow():
                return is_sound_preference(row)
            case ItemRow() if is_legacy(row.item, Use.EVALUATION):
                return False
            case ItemRow() if use is Use.EVALUATION:
                return is_sound_conversation(row.asked, takes_images=True)
            case ItemRow():
                is_prompt = not ends_with_answer(row.asked) and not any(missing_paths(row.item, demands))
                return is_prompt and is_sound_conversation(row.asked, takes_images=demands.takes_images)
            case FreeRow():
                return True
            case _:
                assert_never(row)
    except FAILURES:  # tools are decoded only here
        return False


def _looked_at(raw: bytes, use: Use, demands: Demands, *, is_terminated: bool) -> tuple[Row | None, tuple[Found, ...]]:
    """Looks at a line key by key; gives the row where it is sound nonetheless, and what is found."""
    item, found = look_at_line(raw, use, demands, is_terminated=is_terminated)
    try:
        return (None if item is None or not is_sound(found) else tidied(raw, item, use)), found
    except RecursionError:
        return None, (_DEEP,)
