"""Counts and cuts text by tokens, for ``usage`` and ``max_tokens``.

Uses OpenAI's o200k_base where ``toktok`` is installed; without it a token is taken to be four bytes. The published rule adds 3
tokens a message, 1 a name, and 3 for the answer's beginning.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

try:
    import toktok
except ImportError:  # pragma: no cover - ftops itself depends on it; a server installed alone may lack it
    toktok = None

_ENCODING = "o200k_base"
_BYTES_PER_TOKEN = 4
_WINDOW = 64
_NO_LIMIT = 2**62


def count(texts: Iterable[str]) -> int:
    """Tokens of all the texts together, each encoded by itself."""
    if toktok is None:
        return sum(-(-len(text.encode()) // _BYTES_PER_TOKEN) for text in texts)
    return sum([_count_short(text) if len(text) <= _WINDOW else _count(text) for text in texts])


def _count(text: str) -> int:
    # One text: for a batch toktok starts threads, which takes a hundred times as long as counting a message.
    return int(toktok.truncate(text, _NO_LIMIT, _ENCODING)[1])


# Roles, names and labels come again and again.
_count_short = lru_cache(maxsize=4096)(_count)


def truncate(text: str, limit: int) -> str:
    """The longest beginning of at most ``limit`` tokens."""
    if toktok is None:
        return text.encode()[: limit * _BYTES_PER_TOKEN].decode(errors="ignore")
    return str(toktok.truncate(text, limit, _ENCODING)[0])


def split(text: str) -> Iterator[str]:
    """The text in pieces of about a token each; together they are the text."""
    place = 0
    while place < len(text):
        # Looking no further than a window keeps this linear, and changes a piece only where a token is longer than that.
        piece = truncate(text[place : place + _WINDOW], 1) or text[place]
        yield piece
        place += len(piece)


def count_prompt(messages: Sequence[Mapping[str, Any]], tools: Sequence[Any]) -> int:
    """Tokens of a conversation and of the tools that it may use."""
    texts: list[str] = []
    extra = 3
    for message in messages:
        extra += 3
        texts.append(message["role"])
        texts += [message[key] for key in ("content", "refusal") if message.get(key)]
        if message.get("name"):
            texts.append(message["name"])
            extra += 1
        functions = [call["function"] for call in message.get("tool_calls") or ()]
        if message.get("function_call"):
            functions.append(message["function_call"])
        for function in functions:
            texts += [function["name"], function["arguments"]]
    if tools:
        texts.append(msgspec.json.encode(tools).decode())
    return extra + count(texts)
