"""Counts the tokens of training rows, as they are billed.

Owns the published counting rule: 3 tokens a message, 1 a name, 3 an example, besides the tokens of all values; an example
counts up to 65,536. It counts with the o200k_base encoding where a tokenizer is installed, else one token per 4 bytes of
UTF-8. Tool definitions and tool calls count as their JSON.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from ftops.server.engines.interface import Message, Row
from ftops.server.engines.linear.conversation import message_text

PER_MESSAGE, PER_NAME, PER_EXAMPLE = 3, 1, 3
LONGEST_EXAMPLE = 65_536


def count_tokens(rows: Sequence[Row]) -> int:
    """Gives the tokens of one epoch over supervised or DPO rows; of the latter, the input and both outputs."""
    pieces = [_pieces(row) for row in rows]
    lengths = _measure(sorted({text for texts, _ in pieces for text in texts}))
    sums = (sum(lengths[text] * times for text, times in texts.items()) + extra for texts, extra in pieces)
    return sum(min(LONGEST_EXAMPLE, count) for count in sums)


def _pieces(row: Row) -> tuple[Counter[str], int]:
    """Gives the texts of a row with how often they occur, and what the rule adds to their tokens."""
    prompt = row.get("input", row)
    messages: list[Message] = list(prompt["messages"])
    messages += [*row.get("preferred_output", ()), *row.get("non_preferred_output", ())]
    texts = Counter(text for message in messages for text in _message_texts(message))
    if tools := prompt.get("tools"):
        texts[json.dumps(tools, separators=(",", ":"))] += 1
    names = sum(1 for message in messages if message.get("name"))
    return texts, PER_EXAMPLE + PER_MESSAGE * len(messages) + PER_NAME * names


def _message_texts(message: Message) -> Iterable[str]:
    yield str(message.get("role", ""))
    yield message_text(message)
    if name := message.get("name"):
        yield str(name)


def _measure(texts: Sequence[str]) -> Mapping[str, int]:
    """Gives the length of every text in tokens."""
    try:
        batch_count = import_module("toktok").batch_count
    except ImportError:
        return {text: (len(text.encode(errors="surrogatepass")) + 3) // 4 for text in texts}
    clean = [text.encode(errors="replace").decode() for text in texts]
    return dict(zip(texts, batch_count(clean, "o200k_base", threads=1), strict=True))
