"""Does a row fit what it is used for? All that is wrong with it, not the first thing alone.

Owns the shapes of OpenAI's training formats. Plain rows are recognised by msgspec in one step; only the others are looked at
key by key, and that slower look decides.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

from ftops.datasets.conversations import RowFormat, row_format
from ftops.datasets.faults import Fault
from ftops.datasets.messages import message_faults, tool_faults
from ftops.domain.manifest import MethodType

_ROLES_ASKED: Final = ("system", "developer", "user", "assistant", "tool", "function")


class Use(StrEnum):
    """What the rows of a file are for. ``free`` evaluations state their own ``input``, so that any object will do."""

    SUPERVISED = "supervised"
    DPO = "dpo"
    REINFORCEMENT = "reinforcement"
    EVALUATION = "evaluation"
    FREE = "free"

    @property
    def is_training(self) -> bool:
        """Whether rows are trained on, so that their answers count."""
        return self in (Use.SUPERVISED, Use.DPO, Use.REINFORCEMENT)


USE_OF: Final = {
    MethodType.SUPERVISED: Use.SUPERVISED,
    MethodType.DPO: Use.DPO,
    MethodType.REINFORCEMENT: Use.REINFORCEMENT,
}
_METHOD_OF: Final = {RowFormat.CHAT: "supervised", RowFormat.PREFERENCE: "dpo"}


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    content: str


class _System(_Asked, tag_field="role", tag="system"):
    pass


class _User(_Asked, tag_field="role", tag="user"):
    pass


class _Assistant(_Asked, tag_field="role", tag="assistant"):
    weight: Literal[0, 1] = 1


class _PlainChat(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[_System | _User | _Assistant]


_PLAIN_CHATS: Final = msgspec.json.Decoder(_PlainChat)


def row_faults(row: Mapping[str, Any], use: Use) -> Iterator[Fault]:
    """Gives everything about the shape of ``row`` that ``use`` can't take."""
    if use in (Use.SUPERVISED, Use.EVALUATION) and _is_plain_chat(row):
        return
    found = row_format(row)
    match use:
        case Use.FREE:
            return
        case Use.SUPERVISED if found is RowFormat.CHAT:
            yield from _chat_faults(row)
        case Use.REINFORCEMENT if found is RowFormat.CHAT:
            yield from _prompt_faults(row)
        case Use.DPO if found is RowFormat.PREFERENCE:
            yield from _preference_faults(row)
        case Use.EVALUATION if found is RowFormat.CHAT:
            yield from _messages_faults(row)
        case Use.EVALUATION if found is RowFormat.PREFERENCE:
            yield from _preference_faults(row)
        case _:
            yield _other_format(found, use)


def count_plain_chats(lines: bytes) -> int | None:
    """Gives the number of rows where all are plain conversations, which any supervised training or evaluation takes.

    ``lines`` is JSONL; None where one is not plain, or is no JSON at all: then each has to be looked at by itself.
    """
    try:
        rows = _PLAIN_CHATS.decode_lines(lines)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return len(rows) if all(map(_is_answered, rows)) else None


def _is_plain_chat(row: Mapping[str, Any]) -> bool:
    try:
        return _is_answered(msgspec.convert(row, _PlainChat))
    except msgspec.ValidationError:
        return False


def _is_answered(row: _PlainChat) -> bool:
    messages = row.messages
    if not messages or not isinstance(messages[-1], _Assistant):
        return False
    return any(isinstance(message, _Assistant) and message.weight == 1 for message in reversed(messages))


def _other_format(found: RowFormat, use: Use) -> Fault:
    if use is Use.EVALUATION:
        hint = "an evaluation of free rows needs input" if found is RowFormat.FREE else None
        return Fault(expected=f"expected a chat or preference row, got a {found} row", hint=hint)
    wanted = {
        Use.SUPERVISED: "a chat row ({messages})",
        Use.DPO: "a preference row ({input, preferred_output, non_preferred_output})",
        Use.REINFORCEMENT: "a row with messages",
    }[use]
    fitting = _METHOD_OF.get(found)
    hint = f"method.type {fitting} takes such rows" if fitting else None
    return Fault(expected=f"expected {wanted} for method {use}, got a {found} row", hint=hint)


def _messages_faults(row: Mapping[str, Any], pointer: str = "", *, is_text_only: bool = False) -> Iterator[Fault]:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        yield Fault(field=f"{pointer}/messages", expected="expected a list of messages that is not empty")
        return
    for index, message in enumerate(messages):
        yield from message_faults(message, f"{pointer}/messages/{index}", roles=_ROLES_ASKED, is_text_only=is_text_only)
    yield from tool_faults(row, pointer)


def _chat_faults(row: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _messages_faults(row)
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        return
    if _role(messages[-1]) != "assistant":
        yield Fault(field=f"/messages/{len(messages) - 1}", expected="expected the last message from the assistant")
    answers = [message for message in messages if _role(message) == "assistant"]
    if answers and all(message.get("weight") == 0 for message in answers):
        yield Fault(field="/messages", expected="expected an assistant message with a weight other than 0 to train on")


def _prompt_faults(row: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _messages_faults(row)
    messages = row.get("messages")
    if isinstance(messages, list) and messages and _role(messages[-1]) == "assistant":
        wrong = "expected a last message that the model answers, not one from the assistant"
        yield Fault(field=f"/messages/{len(messages) - 1}", expected=wrong)


def _preference_faults(row: Mapping[str, Any]) -> Iterator[Fault]:
    asked = row.get("input")
    if isinstance(asked, Mapping):
        yield from _messages_faults(asked, "/input", is_text_only=True)
    else:
        yield Fault(field="/input", expected="expected a mapping with messages")
    for key in ("preferred_output", "non_preferred_output"):
        answers = row.get(key)
        if not isinstance(answers, list) or len(answers) != 1:
            yield Fault(field=f"/{key}", expected="expected a list of one assistant message")
        else:
            yield from message_faults(answers[0], f"/{key}/0", roles=("assistant",), is_text_only=True)


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None
