"""One line of JSONL as a JSON object, or what keeps it from being one and in which column.

Owns the words for broken JSON. What the object says is not looked at.
"""

import json
import re
from typing import Any, Final, NoReturn

import msgspec

from ftops.datasets.excerpts import masked_value
from ftops.datasets.findings import Found

_BYTE: Final = re.compile(r" \(byte ([0-9]+)\)$")
_PATH: Final = re.compile(r" - at `.*$")
_ESCAPES: Final = re.compile(
    rb"\\u([dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]|\\u([dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_PYTHON: Final = (b"None", b"True", b"False", b"'")
_NO_NUMBERS: Final = (b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"-inf")


def parse_object(line: bytes, *, is_terminated: bool) -> dict[str, Any] | Found:
    """Gives the object in ``line``, or what is wrong with it, without the line's number.

    ``is_terminated`` tells whether a line feed followed: one that is cut off is told from one that goes on below.
    """
    if not line.strip():
        return Found(code="D007", says="expected a row, got a blank line", hint="take it out")
    try:
        row = msgspec.json.decode(line)
    except UnicodeDecodeError:
        # That error counts from the start of a string inside; the first replacement tells the column in the line.
        column = _columns(line, len(line)).find("\ufffd") + 1
        return Found(code="D005", column=column, says="expected UTF-8", hint="save it as UTF-8")
    except RecursionError:
        return Found(code="D013", says="expected less nesting")
    except msgspec.MsgspecError as error:
        return _lone_surrogate(line) or _json_finding(line, str(error), is_terminated=is_terminated)
    if not isinstance(row, dict):
        hint = "write each row of the list in a line of its own" if isinstance(row, list) else None
        return Found(code="D011", says=f"expected a JSON object, got {masked_value(row)}", hint=hint)
    return row


def _lone_surrogate(line: bytes) -> Found | None:
    """Finds the half of a character beyond U+FFFF, which other JSON readers let pass, where nothing else is wrong."""
    try:
        json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    for match in _ESCAPES.finditer(line):
        if match.group(2) is not None:
            escape = match.group()[:6].decode("ascii")
            says = f"expected both halves of a character, got {escape} alone"
            return Found(code="D012", column=len(_columns(line, match.start())) + 1, says=says)
    return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _json_finding(line: bytes, said: str, *, is_terminated: bool) -> Found:
    if "truncated" in said:
        hint = "one row a line, without line breaks inside" if is_terminated else "the last line is cut off"
        column = len(_columns(line, len(line))) + 1
        return Found(code="D009", column=column, says="expected the rest of the row", hint=hint)
    column, place = 1, 0
    if match := _BYTE.search(said):
        place = int(match.group(1))
        column = len(_columns(line, place)) + 1
        said = said[: match.start()]
    said = _PATH.sub("", said.removeprefix("JSON is malformed: "))
    return Found(
        code="D008", column=column, says=f"expected JSON: {said[:1].lower()}{said[1:]}", hint=_hint(line[place:], said)
    )


def _hint(rest: bytes, said: str) -> str | None:
    if rest.startswith(_PYTHON):
        return "write it with json.dumps: JSON has null, true, false, and double quotes"
    if rest.startswith(_NO_NUMBERS):
        return "JSON has no such number"
    if "trailing characters" in said:
        return "one row a line"
    if rest[:1] < b" " and "invalid character" in said:
        return "write control characters as escapes, as \\n"
    return None


def _columns(line: bytes, end: int) -> str:
    return line[:end].decode("utf-8", "replace")
