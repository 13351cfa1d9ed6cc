"""How many tokens rows take, offline.

Owns OpenAI's published counting rule (3 a message, 1 a name, 3 an example; o200k_base for gpt-4o and gpt-4.1) over a
tokenizer whose vocabulary is on board. Texts, refusals, roles and names are counted exactly by that rule. How tools and tool
calls are written into a prompt is unpublished: they count as their compact JSON, which is an estimate. Images are not counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ftops.datasets.conversations import RowFormat, exchange, row_format
from ftops.datasets.conversations import text_of as text_of_mapping
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
    refusals_of,
)
from ftops.datasets.rows import text_of as text_of_content
from ftops.domain.desired import TokenCaveat, TokenSum

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROW_LIMIT: Final = 65_536  # tokens that training reads of one example; the rest is cut, and not billed
_ENCODING: Final = "o200k_base"
_A_MESSAGE: Final = 3
_A_ROLE: Final = 1  # every role that there is has one token
_A_NAME: Final = 1
_AN_EXAMPLE: Final = 3
_BATCH: Final = 2_000
_FEW: Final = 1_000
_SYSTEM: Final = frozenset((SystemMessage, DeveloperMessage))


def row_tokens(rows: Iterable[Row], *, has_answers: bool) -> "NDArray[np.int64]":
    """Gives the tokens of each row: what it takes in one epoch of training, before any cut at ``ROW_LIMIT``.

    With ``has_answers`` false it is what sending the row takes: the messages before its answer.
    """
    return counted_rows(rows, has_answers=has_answers)[0]


def counted_rows(rows: Iterable[Row], *, has_answers: bool) -> "tuple[NDArray[np.int64], frozenset[TokenCaveat]]":
    """Gives ``row_tokens``, and what they rest on besides the published rule, but for the cut."""
    tally = _Tally()
    for row in rows:
        tally.take(row, has_answers=has_answers)
    return tally.counts(), frozenset(tally.caveats)


def in_order(caveats: Iterable[TokenCaveat]) -> tuple[TokenCaveat, ...]:
    """Gives each caveat once, in the order that they are told in."""
    found = frozenset(caveats)
    return tuple(caveat for caveat in TokenCaveat if caveat in found)


def answer_tokens(row: Row) -> int:
    """Gives how many of a row's tokens are its last message, the answer: those that a cut at the end takes first."""
    last: Sequence[Message] = ()
    match row:
        case ChatRow():
            last = row.messages[-1:]
        case PreferenceRow():
            last = row.non_preferred_output[-1:]
        case _:
            pass
    tally = _Tally()
    tally.take_messages(last)
    return int(tally.counts()[0]) - _AN_EXAMPLE


def billed_tokens(tokens: "NDArray[np.int64]", *, epochs: int) -> int:
    """Gives what training bills for rows of so many tokens each: what it reads of them, in every epoch."""
    return int(tokens.clip(max=ROW_LIMIT).sum()) * epochs


class TokenCount:
    """Sums the tokens of rows that are plain mappings, batch by batch; ``total`` is complete after ``finish``."""

    def __init__(self) -> None:
        self.total = 0
        self._caveats: set[TokenCaveat] = set()
        self._tally = _Tally()

    @property
    def counted(self) -> TokenSum:
        """The tokens, and what they rest on."""
        return TokenSum(tokens=self.total, caveats=in_order(self._caveats))

    def add(self, row: Mapping[str, Any], *, has_answers: bool) -> None:
        """Counts a row: what one epoch of training bills, or with ``has_answers`` false what sending it takes."""
        self._tally.take_mapping(row, has_answers=has_answers)
        if len(self._tally.fixed) >= _BATCH:
            self.finish()

    def finish(self) -> None:
        """Counts what is still open."""
        counts = self._tally.counts()
        self.total += billed_tokens(counts, epochs=1)
        self._caveats |= self._tally.caveats
        if (counts > ROW_LIMIT).any():
            self._caveats.add(TokenCaveat.CUT)
        self._tally = _Tally()


def count_tokens(texts: Sequence[str], *, threads: int | None = None) -> list[int]:
    """Gives the number of o200k_base tokens of each text; special tokens count as ordinary text.

    ``threads`` is how many count, 0 for one a core; None takes one for a few texts.
    """
    if not texts:
        return []
    from toktok import batch_count

    if threads is None:  # threads take longer to start than a few texts take to count
        threads = 1 if len(texts) < _FEW else 0
    counts: list[int] = batch_count(texts, _ENCODING, threads=threads)
    return counts


class _Tally:
    """The texts of some rows, to be counted in one call, and for each row what its shape takes besides.

    A text of the system and a list of tools, which rows of one file mostly share, is counted once.
    """

    def __init__(self) -> None:
        self.caveats: set[TokenCaveat] = set()
        self.fixed: list[int] = []
        self._texts: list[str] = []
        self._ends: list[int] = []
        self._shared: dict[str | bytes, int] = {}

    def counts(self) -> "NDArray[np.int64]":
        """Gives the tokens of each row taken so far."""
        import numpy as np

        # Callers run in parallel over batches or files already, so that one thread is the right number.
        sums = np.zeros(len(self._texts) + 1, dtype=np.int64)
        np.cumsum(count_tokens(self._texts, threads=1), out=sums[1:], dtype=np.int64)
        by_row = np.diff(sums[np.array(self._ends, dtype=np.int64)], prepend=0)
        return by_row + np.array(self.fixed, dtype=np.int64)

    def take(self, row: Row, *, has_answers: bool) -> None:
        """Takes one row."""
        messages: Sequence[Message]
        match row:
            case ChatRow():
                tools, messages = row.tools, row.messages if has_answers else _before_answer(row.messages)
            case ItemRow():
                asked = row.asked
                tools, messages = asked.tools, asked.messages if has_answers else _before_answer(asked.messages)
            case PreferenceRow():
                tools, messages = row.input.tools, row.input.messages
                if has_answers:
                    messages = [*messages, *row.preferred_output, *row.non_preferred_output]
            case FreeRow():
                self.take_mapping(row.item, has_answers=has_answers)
                return
        of_tools = self._tools(bytes(tools)) if tools else 0
        if of_tools:
            self.caveats.add(TokenCaveat.TOOLS)
        self.take_messages(messages, also=of_tools)

    def take_messages(self, messages: Sequence[Message], *, also: int = 0) -> None:
        """Takes the messages of one row, and ``also`` so many tokens."""
        texts = self._texts
        total = also + _AN_EXAMPLE + (_A_MESSAGE + _A_ROLE) * len(messages)
        for message in messages:
            content = message.content
            text = content if type(content) is str else text_of_content(content)
            if type(content) is list and any(type(part) is ImagePart for part in content):
                self.caveats.add(TokenCaveat.IMAGES)
            if type(message) in _SYSTEM:
                total += self._once(text)
            elif text:
                texts.append(text)
            if message.name:
                texts.append(message.name)
                total += _A_NAME
            if type(message) is AssistantMessage:
                if message.tool_calls:
                    texts.append(_json(message.tool_calls))
                    self.caveats.add(TokenCaveat.TOOLS)
                if message.refusal or type(content) is list:
                    texts.extend(refusals_of(message))
        self.fixed.append(total)
        self._ends.append(len(texts))

    def take_mapping(self, row: Mapping[str, Any], *, has_answers: bool) -> None:
        """Takes one row of any shape: a free one counts as its JSON, and what is no message counts nothing."""
        said = exchange(row)
        total = _AN_EXAMPLE
        if row_format(row) in (RowFormat.FREE, RowFormat.PROMPT_COMPLETION):
            self._texts.append(_json(row))
        elif said.tools:
            self._texts.append(_json(said.tools))
            self.caveats.add(TokenCaveat.TOOLS)
        messages = row["messages"] if row_format(row) is RowFormat.CHAT else [*said.asked, *said.answers]
        for message in messages if has_answers else said.asked:
            if isinstance(message, Mapping):
                total += _A_MESSAGE
                self._texts.extend((str(message.get("role", "")), text_of_mapping(message)))
                self._take_parts(message)
                if message.get("name"):
                    self._texts.append(str(message["name"]))
                    total += _A_NAME
        self.fixed.append(total)
        self._ends.append(len(self._texts))

    def _take_parts(self, message: Mapping[str, Any]) -> None:
        """Takes what a message that is a mapping has beside its text: calls, refusals and images."""
        for call in (_calls(message.get("tool_calls")), message.get("function_call")):
            if call:
                self._texts.append(_json(call))
                self.caveats.add(TokenCaveat.TOOLS)
        content = message.get("content")
        parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
        refusals = (message.get("refusal"), *(part.get("refusal") for part in parts))
        self._texts.extend(refusal for refusal in refusals if isinstance(refusal, str))
        if any("image_url" in part for part in parts):
            self.caveats.add(TokenCaveat.IMAGES)

    def _once(self, text: str) -> int:
        count = self._shared.get(text)
        if count is None:
            count = self._shared[text] = count_tokens((text,))[0]
        return count

    def _tools(self, raw: bytes) -> int:
        count = self._shared.get(raw)
        if count is None:
            tools = msgspec.json.decode(raw)
            count = self._shared[raw] = count_tokens((_json(tools),))[0] if tools else 0
        return count


def _before_answer(messages: Sequence[Message]) -> Sequence[Message]:
    return messages[:-1] if messages and type(messages[-1]) is AssistantMessage else messages


def _calls(calls: Any) -> Any:
    """Gives tool calls with their keys in the one order that they are counted in."""
    try:
        return msgspec.convert(calls, list[ToolCall])
    except msgspec.ValidationError:
        return calls


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode("utf-8")
