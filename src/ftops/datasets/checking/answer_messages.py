"""Which message of a row is the answer, and what was said before it.

Owns that choice for checks that need more of it than ``Example`` has; it is the same one.
"""

from collections.abc import Sequence

from ftops.datasets.rows import AssistantMessage, ChatRow, FreeRow, ItemRow, Message, PreferenceRow, Row


def answer_message(row: Row) -> AssistantMessage | None:
    """Gives the message that ``Example.answer`` has the text of; None where there is none."""
    if isinstance(row, PreferenceRow):
        return row.preferred_output[0]
    messages = _messages(row)
    return messages[-1] if messages and isinstance(messages[-1], AssistantMessage) else None


def answer_field(row: Row) -> str:
    """Gives that message's JSON pointer; of a row without one that of its first message, of a free row the row's."""
    match row:
        case PreferenceRow():
            return "/preferred_output/0"
        case FreeRow():
            return ""
        case _:
            return f"/messages/{_place(_messages(row))}"


def messages_before(row: Row) -> Sequence[Message]:
    """Gives what was said before the answer."""
    messages = _messages(row)
    return messages if isinstance(row, PreferenceRow) else messages[: _place(messages)]


def _messages(row: Row) -> Sequence[Message]:
    match row:
        case ChatRow():
            return row.messages
        case ItemRow():
            return row.asked.messages
        case PreferenceRow():
            return row.input.messages
        case FreeRow():
            return ()


def _place(messages: Sequence[Message]) -> int:
    return len(messages) - 1 if messages and isinstance(messages[-1], AssistantMessage) else 0
