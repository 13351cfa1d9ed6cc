"""What a row says: its format, the messages that are sent, and the turns that answer.

Owns reading rows of any format alike. It checks nothing: a row of the wrong shape gives empty lists.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_SYSTEM: Final = frozenset(("system", "developer"))


class RowFormat(StrEnum):
    """The shape of a row, told by its keys."""

    CHAT = "chat"
    PREFERENCE = "preference"
    PROMPT_COMPLETION = "prompt/completion"
    FREE = "free"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One row as a request and its answers. ``asked`` goes before the reply; a chat row answers with its last turn, or not."""

    asked: Sequence[Any]
    answers: Sequence[Any] = ()
    tools: Any = None


def row_format(row: Mapping[str, Any]) -> RowFormat:
    """Tells the format by the keys alone."""
    if "messages" in row:
        return RowFormat.CHAT
    if "preferred_output" in row or "non_preferred_output" in row:
        return RowFormat.PREFERENCE
    if "prompt" in row and "completion" in row:
        return RowFormat.PROMPT_COMPLETION
    return RowFormat.FREE


def exchange(row: Mapping[str, Any]) -> Exchange:
    """Gives what is sent and what is answered. Of a chat row, that is cut before the assistant's turn at its end.

    A chat row that ends otherwise (reinforcement) is sent whole, earlier turns of the assistant too: its answer is yet to
    come. A free row sends and answers nothing.
    """
    match row_format(row):
        case RowFormat.CHAT:
            messages = _list(row["messages"])
            is_answered = (
                bool(messages) and isinstance(messages[-1], Mapping) and messages[-1].get("role") == "assistant"
            )
            end = len(messages) - 1 if is_answered else len(messages)
            return Exchange(asked=messages[:end], answers=messages[end:], tools=row.get("tools"))
        case RowFormat.PREFERENCE:
            sent = row.get("input")
            sent = sent if isinstance(sent, Mapping) else {}
            answers = [*_list(row.get("preferred_output")), *_list(row.get("non_preferred_output"))]
            return Exchange(asked=_list(sent.get("messages")), answers=answers, tools=sent.get("tools"))
        case _:
            return Exchange(asked=())


def text_of(message: Mapping[str, Any]) -> str:
    """Gives a message's text: its content, or its text parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = (part.get("text") for part in _list(content) if isinstance(part, Mapping))
    return "".join(text for text in parts if isinstance(text, str))


def system_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Gives the texts of all system and developer messages, one below the other."""
    return "\n".join(text_of(one) for one in messages if one.get("role") in _SYSTEM)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
