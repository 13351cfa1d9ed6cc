"""Foreign text made fit to be shown: file names, values and messages that other people wrote.

Owns the one rule for control characters (``\\xNN``). It neither truncates secrets away nor quotes for Markdown.
"""

import re
from typing import Any, Final

_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_LIMIT: Final = 40


def visible(text: str) -> str:
    """Gives ``text`` with control characters, line separators and direction marks as ``\\xNN`` or ``\\uNNNN``."""
    return _INVISIBLE.sub(_escape, text)


def excerpt(value: Any, *, limit: int = _LIMIT) -> str:
    """Names a JSON value in a sentence: ``the string 'abc'``, ``the integer 3``, ``null``, ``a mapping``."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int():
            digits = str(value)
            return f"the integer {digits if len(digits) <= limit else digits[: limit - 1] + '…'}"
        case float():
            return f"the number {value!r}"
        case str():
            return f"the string {quoted(value, limit=limit)}"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case _:
            return f"a {type(value).__name__}"


def quoted(text: str, *, limit: int = _LIMIT) -> str:
    """Gives ``text`` in single quotes, escaped, and cut after ``limit`` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return f"'{visible(cut)}'"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
