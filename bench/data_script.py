"""The script that people copy to look at a training file, written anew from its description, for ``bench/data.py``.

All rows into memory, a look at the keys of each message, tokens text by text with tiktoken, statistics. tiktoken downloads its
vocabulary when first used, unless ``TIKTOKEN_CACHE_DIR`` has it: ``write_vocabulary`` puts it there.

Usage: TIKTOKEN_CACHE_DIR=FOLDER python bench/data_script.py FILE
"""

import hashlib
import json
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tiktoken
import toktok

_ENCODING = "o200k_base"
_ADDRESS = f"https://openaipublic.blob.core.windows.net/encodings/{_ENCODING}.tiktoken"
_ROLES = ("system", "user", "assistant", "function", "tool")
_KEYS = ("role", "content", "name", "function_call", "weight")
_MOST_TOKENS = 16_385


def write_vocabulary(folder: Path) -> None:
    """Writes the vocabulary that toktok has on board where tiktoken looks for its download, which it knows by its SHA-256."""
    known = toktok._encoding(_ENCODING)  # noqa: SLF001 - it has no other way to its vocabulary
    tokens = (known.decode_single_token_bytes(number) for number in range(len(known.token_byte_values())))
    lines = b"".join(b"%s %d\n" % (b64encode(token), number) for number, token in enumerate(tokens))
    folder.mkdir(exist_ok=True)
    (folder / hashlib.sha1(_ADDRESS.encode()).hexdigest()).write_bytes(lines)


def main(file: str) -> int:
    """Reads a file, prints what was found as JSON."""
    encoding = tiktoken.get_encoding(_ENCODING)

    def tokens_in(text: str | None) -> int:
        return len(encoding.encode(text)) if text else 0

    with Path(file).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    faults: Counter[str] = Counter()
    for row in rows:
        _look_at(row, faults)
    lengths, answered, turns, lacking = [], [], [], Counter[str]()
    for row in rows:
        messages = row["messages"]
        for role in ("system", "user"):
            lacking[role] += not any(message["role"] == role for message in messages)
        turns.append(len(messages))
        lengths.append(_tokens_of(messages, tokens_in))
        answered.append(
            sum(tokens_in(message.get("content")) for message in messages if message["role"] == "assistant")
        )
    billed = sum(min(_MOST_TOKENS, length) for length in lengths)
    spreads = {name: _spread(values) for name, values in (("turns", turns), ("tokens", lengths), ("answers", answered))}
    found = {"rows": len(rows), "tokens": billed, "faults": faults, "lacking": lacking, "spreads": spreads}
    print(json.dumps(found))
    return 0


def _look_at(row: Any, faults: Counter[str]) -> None:
    if not isinstance(row, dict):
        faults["not a mapping"] += 1
        return
    messages = row.get("messages")
    if not messages:
        faults["no messages"] += 1
        return
    for message in messages:
        faults["no role or content"] += "role" not in message or "content" not in message
        faults["unknown key"] += any(key not in _KEYS for key in message)
        faults["unknown role"] += message.get("role") not in _ROLES
        content = message.get("content")
        faults["no text"] += (not content and not message.get("function_call")) or not isinstance(content, str)
    faults["no answer"] += not any(message.get("role") == "assistant" for message in messages)


def _tokens_of(messages: Sequence[Mapping[str, Any]], tokens_in: Callable[[str], int]) -> int:
    tokens = 3
    for message in messages:
        tokens += (
            3 + sum(tokens_in(value) for value in message.values() if isinstance(value, str)) + ("name" in message)
        )
    return tokens


def _spread(values: Sequence[int]) -> Mapping[str, float]:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
    return {
        "least": min(values),
        "10 %": low,
        "median": middle,
        "mean": sum(values) / len(values),
        "90 %": high,
        "most": max(values),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
