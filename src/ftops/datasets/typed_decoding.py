"""Lines decoded into typed rows in one step, where they fit.

Owns which types stand for which use, with keys beside those of the type and without. What is to be said of a row, and of what
doesn't fit, is ``decoding``'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

import msgspec

from ftops.datasets.conversations import RowFormat, row_format
from ftops.datasets.formats import Use
from ftops.datasets.rows import (
    Asked,
    AssistantMessage,
    ChatRow,
    FreeRow,
    ItemRow,
    PreferenceRow,
    Row,
    Single,
)

FAILURES: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _LooseAsked(Asked, forbid_unknown_fields=False, gc=False):
    """A conversation beside other keys."""


class _Nobody(msgspec.Struct, tag_field="role", tag="", gc=False):
    """Stands beside the assistant, as msgspec asks for no role where there is but one."""


class _Answers(msgspec.Struct, gc=False):
    """The answers of a preference row, whatever else it has."""

    preferred_output: Single[AssistantMessage | _Nobody]
    non_preferred_output: Single[AssistantMessage | _Nobody]


class _Preference(_Answers, forbid_unknown_fields=True, gc=False):
    """A preference row and no more."""

    input: Asked


class _LoosePreference(_Answers, gc=False):
    """A preference row beside other keys."""

    input: _LooseAsked


_CHATS: Final = msgspec.json.Decoder(ChatRow)
_PREFERENCES: Final = msgspec.json.Decoder(_Preference)
_LOOSE_CHATS: Final = msgspec.json.Decoder(_LooseAsked)
_LOOSE_PREFERENCES: Final = msgspec.json.Decoder(_LoosePreference)
_ITEMS: Final = msgspec.json.Decoder(dict[str, Any])
_RAW_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Typed:
    """Rows that decode. Where they do so ``strictly`` there are no keys but those of the type."""

    rows: Sequence[Row]
    strictly: bool


def typed_lines(data: bytes, use: Use) -> Typed | None:
    """Decodes all lines of ``data``, strictly if that can be; None where one doesn't fit."""
    try:
        return Typed(_strict_lines(data, use), strictly=True)
    except FAILURES:
        pass
    try:
        rows = _loose_lines(data, use)
    except FAILURES:
        return None
    return None if rows is None else Typed(rows, strictly=False)


def _strict_lines(data: bytes, use: Use) -> Sequence[Row]:
    match use:
        case Use.SUPERVISED:
            return _CHATS.decode_lines(data)
        case Use.DPO:
            return [_preference(pair, pair.input) for pair in _PREFERENCES.decode_lines(data)]
        case Use.FREE:
            return [FreeRow(item) for item in _ITEMS.decode_lines(data)]
        case Use.REINFORCEMENT | Use.EVALUATION:
            asked, items = _LOOSE_CHATS.decode_lines(data), _ITEMS.decode_lines(data)
            return [ItemRow(_asked(one), item) for one, item in zip(asked, items, strict=True)]
        case _:
            assert_never(use)


def _loose_lines(data: bytes, use: Use) -> Sequence[Row] | None:
    match use:
        case Use.SUPERVISED:
            chats = _LOOSE_CHATS.decode_lines(data)
            return [ChatRow(one.messages, one.tools, one.parallel_tool_calls) for one in chats]
        case Use.DPO:
            return [_preference(pair, _asked(pair.input)) for pair in _LOOSE_PREFERENCES.decode_lines(data)]
        case _:
            return None


def tidied(raw: bytes, item: dict[str, Any], use: Use) -> Row:
    """Decodes a row that nothing is wrong with, but that has keys that aren't read, or nulls where a type has no key."""
    if use is Use.FREE:
        return FreeRow(item)
    if row_format(item) is RowFormat.PREFERENCE:
        asked = _tidied_asked(bytes(_RAW_KEYS.decode(raw)["input"]), item["input"])
        outputs = {key: _tidy(item[key]) for key in _Answers.__struct_fields__}
        return _preference(msgspec.convert(outputs, _Answers), asked)
    asked = _tidied_asked(raw, item)
    if use is Use.SUPERVISED:
        return ChatRow(asked.messages, asked.tools, asked.parallel_tool_calls)
    return ItemRow(asked, item)


def _tidied_asked(raw: bytes, item: dict[str, Any]) -> Asked:
    """Tools stay the bytes that they are: they are compared with those of other rows."""
    tidy = msgspec.json.encode({**_RAW_KEYS.decode(raw), "messages": _tidy(item["messages"])})
    return _asked(_LOOSE_CHATS.decode(tidy))


def _tidy(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in message.items() if value is not None} for message in messages]


def _asked(loose: Asked) -> Asked:
    return Asked(loose.messages, loose.tools, loose.parallel_tool_calls)


def _preference(answers: _Answers, asked: Asked) -> PreferenceRow:
    chosen, other = answers.preferred_output[0], answers.non_preferred_output[0]
    if isinstance(chosen, _Nobody) or isinstance(other, _Nobody):
        raise msgspec.ValidationError("expected an answer of the assistant")
    return PreferenceRow(asked, [chosen], [other])
