"""Files of nothing but plain conversations, recognised in one step.

Owns the narrow shape that most files have: texts of system, user and assistant, and weights. ``decoding`` reads all that may
be in a row; this tells no more than that there is nothing else.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec


class _Asked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str


class _System(_Asked, tag_field="role", tag="system", gc=False):
    pass


class _User(_Asked, tag_field="role", tag="user", gc=False):
    pass


class _Assistant(_Asked, tag_field="role", tag="assistant", gc=False):
    weight: Literal[0, 1] = 1


class _PlainChat(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_System | _User | _Assistant]


_PLAIN_CHATS: Final = msgspec.json.Decoder(_PlainChat)


def is_plain_chats(data: bytes, lines: Sequence[bytes]) -> bool:
    """Tells whether ``data``, JSONL that consists of ``lines``, has in each a plain conversation that ends with a lesson.

    Any supervised training or evaluation takes these.
    """
    if not is_row_a_line(lines):
        return False
    try:
        rows = _PLAIN_CHATS.decode_lines(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return len(rows) == len(lines) and all(map(_is_answered, rows))


def is_row_a_line(lines: Sequence[bytes]) -> bool:
    """Tells whether as many objects as there are lines, if so many are decoded from them, stand one in each.

    A decoder of lines takes two objects in one line, and one in two. But a line feed between } and { is never inside of one.
    """
    return all(line[:1] == b"{" and line[-1:] == b"}" for line in lines)


def _is_answered(row: _PlainChat) -> bool:
    messages = row.messages
    if not messages or not isinstance(messages[-1], _Assistant):
        return False
    return any(isinstance(message, _Assistant) and message.weight == 1 for message in reversed(messages))
