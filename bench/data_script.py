"""The script that people copy to look at a training file, written anew from its description, for ``bench/data.py``.

All rows into memory, a look at the keys of each message, tokens text by text, statistics. It counts with tiktoken, whose
vocabulary is downloaded when first used; in its place stands toktok, one text a call, which is no slower.

Usage: python bench/data_script.py FILE
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from toktok import batch_count

_ENCODING = "o200k_base"
_ROLES = ("system", "user", "assistant", "function", "tool")
_KEYS = ("role", "content", "name", "function_call", "weight")
_MOST_TOKENS = 16_385


def main(file: str) -> int:
    """Reads a file, prints what was found as JSON."""
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
        lengths.append(_tokens_of(messages))
        answered.append(sum(_tokens(message.get("content")) for message in messages if message["role"] == "assistant"))
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


def _tokens_of(messages: Sequence[Mapping[str, Any]]) -> int:
    tokens = 3
    for message in messages:
        tokens += 3 + sum(_tokens(value) for value in message.values() if isinstance(value, str)) + ("name" in message)
    return tokens


def _tokens(text: str | None) -> int:
    counted: int = batch_count([text], _ENCODING, threads=1)[0] if text else 0
    return counted


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
