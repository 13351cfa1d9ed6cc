"""Sound rows a few thousand at a time, with what several checks need of them worked out once.

Owns how a row is read as an example: instructions, conversation so far, and the answer that is taught. Nothing here judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ftops.datasets.formats import Use
from ftops.datasets.prompt_keys import PromptKeys, prompt_keys
from ftops.datasets.rows import (
    AssistantMessage,
    ChatRow,
    DeveloperMessage,
    FreeRow,
    ItemRow,
    Message,
    PreferenceRow,
    Row,
    SystemMessage,
    ToolCall,
    UserMessage,
    text_of,
)
from ftops.datasets.tokens import row_tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(slots=True)
class Example:
    """One row as a prompt and its answer; plain mutable slots, as there are very many of them.

    ``system`` is the text of system and developer messages, ``asked`` that of all other messages before the answer, one
    below the other, and ``question`` the first user message. ``answer`` is the text of the last assistant message (of a DPO
    row the preferred one), None where the row teaches none, and ``rejected`` that of the DPO row's other one. ``calls`` are
    the tool calls of the answer, ``tools`` the bytes of the tools offered (empty where none are), ``turns`` the number of
    messages.
    """

    line: int
    system: str
    asked: str
    question: str
    answer: str | None
    rejected: str | None
    calls: Sequence[ToolCall]
    tools: bytes
    turns: int


class Batch:
    """Rows in the order of their lines. ``lines`` are their numbers in the file, from 1."""

    def __init__(self, rows: Sequence[Row], lines: Sequence[int], *, use: Use) -> None:
        self.rows = rows
        self.lines = lines
        self.use = use

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """Gives one example for each row."""
        return tuple(map(_example, self.rows, self.lines))

    @cached_property
    def prompts(self) -> PromptKeys:
        """Gives the keys by which prompts are the same."""
        return prompt_keys(self.rows, self.examples)

    @cached_property
    def tokens(self) -> "NDArray[np.int64]":
        """Gives the tokens of each row, uncut: of training rows what is trained on, of others what sending them takes."""
        return row_tokens(self.rows, has_answers=self.use.is_training)


def _example(row: Row, line: int) -> Example:
    match row:
        case ChatRow():
            return _conversation(row.messages, bytes(row.tools), line)
        case ItemRow():
            return _conversation(row.asked.messages, bytes(row.asked.tools), line)
        case PreferenceRow():
            asked = row.input.messages
            example = _conversation([*asked, row.preferred_output[0]], bytes(row.input.tools), line)
            example.rejected = text_of(row.non_preferred_output[0].content)
            return example
        case FreeRow():
            return Example(line, "", "", "", None, None, (), b"", 0)


def _conversation(messages: Sequence[Message], tools: bytes, line: int) -> Example:
    last = len(messages)
    for index in range(len(messages) - 1, -1, -1):
        if isinstance(messages[index], AssistantMessage):
            last = index
            break
    system: list[str] = []
    asked: list[str] = []
    question = ""
    for message in messages[:last]:
        text = text_of(message.content)
        if isinstance(message, SystemMessage | DeveloperMessage):
            system.append(text)
        else:
            asked.append(text)
            if not question and isinstance(message, UserMessage):
                question = text
    answer: str | None = None
    calls: Sequence[ToolCall] = ()
    if last < len(messages) and isinstance(final := messages[last], AssistantMessage):
        answer, calls = text_of(final.content), final.tool_calls or ()
    return Example(line, "\n".join(system), "\n".join(asked), question, answer, None, calls, tools, len(messages))
