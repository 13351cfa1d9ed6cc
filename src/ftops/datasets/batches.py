"""Sound rows a few thousand at a time, with what several checks need of them worked out once.

Owns how a row is read as an example: instructions, conversation so far, and the answer that is taught. Nothing here judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec

from ftops.datasets.formats import Use
from ftops.datasets.normal_text import normal_bytes
from ftops.datasets.prompt_keys import PromptKeys, prompt_keys
from ftops.datasets.rows import (
    AssistantMessage,
    ChatRow,
    DeveloperMessage,
    FreeRow,
    ImagePart,
    ItemRow,
    Message,
    PreferenceRow,
    Row,
    SystemMessage,
    ToolCall,
    UserMessage,
    text_of,
)
from ftops.datasets.tokens import ROW_LIMIT, counted_rows, in_order
from ftops.domain.desired import TokenCaveat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SYSTEM: Final = frozenset((SystemMessage, DeveloperMessage))


@dataclass(slots=True)
class Example:
    """One row as a prompt and its answer; plain mutable slots, as there are very many of them.

    ``system`` is the text of system and developer messages, ``asked`` that of all other messages before the answer, one
    below the other, and ``question`` the first user message. ``answer`` is the text of the assistant's message at the end,
    whatever its weight (of a DPO row the preferred one), None where the row teaches none, and ``rejected`` that of the DPO
    row's other one. ``images`` are the addresses of those that are asked about. ``calls`` are the tool calls of the answer,
    ``tools`` the bytes of the tools offered (empty where none are), ``turns`` the number of messages.
    """

    line: int
    system: str
    asked: str
    question: str
    answer: str | None
    rejected: str | None
    images: Sequence[str]
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
        return tuple(_example(row, line) for row, line in zip(self.rows, self.lines, strict=True))

    @cached_property
    def forms(self) -> tuple[bytes, ...]:
        """Gives the normal form of what each row asks, in UTF-8."""
        return tuple(normal_bytes(example.asked) for example in self.examples)

    @cached_property
    def prompts(self) -> PromptKeys:
        """Gives the keys by which prompts are the same."""
        return prompt_keys(self.rows, self.examples, self.forms)

    @cached_property
    def tokens(self) -> "NDArray[np.int64]":
        """Gives the tokens of each row, uncut: of training rows what is trained on, of others what sending them takes."""
        return self._counted[0]

    @cached_property
    def token_caveats(self) -> tuple[TokenCaveat, ...]:
        """Gives what the tokens rest on besides the published rule; of training rows, where they are billed."""
        is_cut = self.use.is_training and bool((self.tokens > ROW_LIMIT).any())
        return in_order((*self._counted[1], *((TokenCaveat.CUT,) if is_cut else ())))

    @cached_property
    def _counted(self) -> "tuple[NDArray[np.int64], frozenset[TokenCaveat]]":
        return counted_rows(self.rows, has_answers=self.use.is_training)


def _example(row: Row, line: int) -> Example:
    match row:
        case ChatRow():
            return _answered(row.messages, row.tools, line)
        case ItemRow():
            return _answered(row.asked.messages, row.asked.tools, line)
        case PreferenceRow():
            example = _unanswered(row.input.messages, row.input.tools, line)
            preferred = row.preferred_output[0]
            example.answer, example.calls = text_of(preferred.content), preferred.tool_calls or ()
            example.rejected = text_of(row.non_preferred_output[0].content)
            example.turns += 1
            return example
        case FreeRow():
            return Example(line, "", "", "", None, None, (), (), b"", 0)
        case _:
            assert_never(row)


def _answered(messages: Sequence[Message], tools: msgspec.Raw, line: int) -> Example:
    """Reads the assistant's turn at the end of a conversation as its answer; one that ends otherwise has none."""
    if messages[-1].__class__ is not AssistantMessage:
        return _unanswered(messages, tools, line)
    example = _unanswered(messages[:-1], tools, line)
    final: Any = messages[-1]
    content = final.content
    example.answer = content if content.__class__ is str else text_of(content)
    example.calls = final.tool_calls or ()
    example.turns = len(messages)
    return example


def _unanswered(messages: Sequence[Message], tools: msgspec.Raw, line: int) -> Example:
    system: list[str] = []
    asked: list[str] = []
    images: list[str] = []
    question = ""
    for message in messages:
        content: Any = message.content
        if content.__class__ is str:
            text = content
        else:
            text = text_of(content)
            images += [part.image_url.url for part in content or () if isinstance(part, ImagePart)]
        kind = message.__class__
        if kind in _SYSTEM:
            system.append(text)
            continue
        asked.append(text)
        if not question and kind is UserMessage:
            question = text
    turns = len(messages)
    return Example(line, "\n".join(system), "\n".join(asked), question, None, None, images, (), bytes(tools), turns)
