"""Rows of supervised training that no check has anything against, for tests to add one fault to."""

import hashlib
import json

_SYLLABLES = (
    "ba",
    "cle",
    "dor",
    "fi",
    "gan",
    "hul",
    "jes",
    "ko",
    "lim",
    "mu",
    "nar",
    "pel",
    "quo",
    "ris",
    "sta",
    "tev",
)
_LABELS = ("refund", "card", "login", "order")


def sound_rows(count: int = 120, *, first: int = 0) -> str:
    """Gives JSONL: each question has words of its own, and each label is as frequent as any other."""
    return "".join(_row(number) for number in range(first, first + count))


def _row(number: int) -> str:
    digits = hashlib.sha256(str(number).encode()).digest()
    words = ("".join(_SYLLABLES[byte % 16] for byte in digits[at : at + 3]) for at in range(0, 24, 3))
    turns = [
        {"role": "user", "content": f"{' '.join(words)}?"},
        {"role": "assistant", "content": _LABELS[number % len(_LABELS)]},
    ]
    return json.dumps({"messages": turns}) + "\n"
