"""What the clients train on, and how they tell a test what they saw: one JSON object a line."""

import json
import sys
from typing import Any

BASE = "gpt-4o-mini-2024-07-18"
QUESTION = "Which colour has grass number 1?"
_COLOURS = {"sky": "blue", "grass": "green", "snow": "white"}


def rows() -> list[Any]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"Which colour has {thing} number {number}?"},
                {"role": "assistant", "content": colour},
            ]
        }
        for number in range(5)
        for thing, colour in _COLOURS.items()
    ]


def jsonl() -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows()).encode()


def tell(what: str, **values: object) -> None:
    # The clients print as they like: a test looks for lines that begin like this.
    sys.stdout.write("\ntold: " + json.dumps({"what": what, **values}) + "\n")
