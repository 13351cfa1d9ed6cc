"""Foreign text made fit to be shown: file names, values and messages that other people wrote.

Owns the one rule for characters that can't be seen (``\\xNN``). It neither truncates secrets away nor quotes for Markdown.
"""

import re
import shlex
from typing import Any, Final

# Control characters; then what has no width, changes the direction, or hides text in a text (tags, selectors of variants):
# all that Unicode calls default-ignorable, but for the two selectors that emoji are written with; halves of surrogate pairs.
_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
_LIMIT: Final = 40


def visible(text: str) -> str:
    """Gives ``text`` with what nobody would see in it as ``\\xNN`` or ``\\uNNNN``: control and direction marks, no width."""
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


def shell_word(text: str) -> str:
    """Gives ``text`` as one word of a command that a person copies: a shell takes nothing in it for anything but itself.

    What can't be seen is spelled, as bash and zsh read it in ``$'…'``.
    """
    if not _INVISIBLE.search(text):
        return shlex.quote(text)
    escaped = visible(text.replace("\\", "\\\\").replace("'", "\\'"))
    return f"$'{escaped}'"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
