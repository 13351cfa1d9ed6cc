"""How many tokens rows take, offline.

Owns OpenAI's published counting rule (3 a message, 1 a name, 3 an example; o200k_base for gpt-4o and gpt-4.1) over a
tokenizer whose vocabulary is on board. Images are not counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ftops.datasets.conversations import RowFormat, exchange, row_format, text_of

ROW_LIMIT: Final = 65_536  # tokens that training reads of one example; the rest is cut, and not billed
_ENCODING: Final = "o200k_base"
_A_MESSAGE: Final = 3
_A_NAME: Final = 1
_AN_EXAMPLE: Final = 3
_BATCH: Final = 2_000
_FEW: Final = 1_000


class TokenCount:
    """Sums the tokens of rows, batch by batch; ``total`` is complete after ``finish``."""

    def __init__(self) -> None:
        self.total = 0
        self.over_limit = 0
        self._texts: list[str] = []
        self._rows: list[tuple[int, int]] = []

    def add(self, row: Mapping[str, Any], *, has_answers: bool) -> None:
        """Counts a row: what one epoch of training bills, or with ``has_answers`` false what sending it takes."""
        before = len(self._texts)
        fixed = 0
        for text, extra in _texts(row, has_answers=has_answers):
            fixed += extra
            if text:
                self._texts.append(text)
        self._rows.append((len(self._texts) - before, fixed + _AN_EXAMPLE))
        if len(self._rows) >= _BATCH:
            self.finish()

    def finish(self) -> None:
        """Counts what is still open."""
        counts = iter(count_tokens(self._texts))
        for texts, fixed in self._rows:
            tokens = fixed + sum(next(counts) for _ in range(texts))
            self.over_limit += tokens > ROW_LIMIT
            self.total += min(tokens, ROW_LIMIT)
        self._texts.clear()
        self._rows.clear()


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Gives the number of o200k_base tokens of each text; special tokens count as ordinary text."""
    if not texts:
        return []
    from toktok import batch_count

    # Threads take longer to start than a few texts take to count.
    counts: list[int] = batch_count(texts, _ENCODING, threads=1 if len(texts) < _FEW else 0)
    return counts


def _texts(row: Mapping[str, Any], *, has_answers: bool) -> Iterator[tuple[str, int]]:
    """Gives each text of a row with the tokens that its place costs besides."""
    if row_format(row) in (RowFormat.FREE, RowFormat.PROMPT_COMPLETION):
        yield _json(row), 0
        return
    said = exchange(row)
    if said.tools:
        yield _json(said.tools), 0
    messages = row["messages"] if row_format(row) is RowFormat.CHAT else [*said.asked, *said.answers]
    for message in messages if has_answers else said.asked:
        if not isinstance(message, Mapping):
            continue
        yield str(message.get("role", "")), _A_MESSAGE
        yield text_of(message), 0
        if message.get("name"):
            yield str(message["name"]), _A_NAME
        for key in ("tool_calls", "function_call"):
            if message.get(key):
                yield _json(message[key]), 0


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode("utf-8")
