"""Cuts texts into tokens, as bytes.

Owns the encoding: o200k_base where a tokenizer is installed that gives tokens and not only their number, else 4 bytes each,
the same that ``tokens`` counts by. Half surrogates, which UTF-8 doesn't know, become question marks.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module

BYTES_PER_PIECE = 4

Cut = Callable[[str], Sequence[bytes]]


def cut_texts(texts: Sequence[str]) -> tuple[tuple[bytes, ...], ...]:
    """Gives the tokens of each text; joined they give it back."""
    cut = _tokenizer() or _cut_evenly
    return tuple(tuple(cut(text.encode(errors="replace").decode())) for text in texts)


def _tokenizer() -> Cut | None:
    try:
        # toktok names what encodes private, and keeps it for those who need tokens: its public functions only count them.
        encoding = import_module("toktok")._encoding("o200k_base")  # noqa: SLF001
        encode, read = encoding.encode_ordinary, lru_cache(maxsize=None)(encoding.decode_single_token_bytes)
    except (ImportError, AttributeError):
        return None
    return lambda text: [read(token) for token in encode(text)]


def _cut_evenly(text: str) -> Sequence[bytes]:
    data = text.encode()
    return [data[start : start + BYTES_PER_PIECE] for start in range(0, len(data), BYTES_PER_PIECE)]
