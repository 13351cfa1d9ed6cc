"""How many columns text takes on a terminal, and lines that fit into it.

Light enough for commands that must answer in an instant: Rich's table of widths is asked, and only for text beyond ASCII.
"""

import os
import re
import sys
from collections.abc import Iterator
from typing import IO, Any, Final

_NARROWEST: Final = 40
_ENDLESS: Final = 10_000
_HANGING: Final = 4
_BLANK: Final = re.compile(r" (?!%|\$\d)")  # a number stays with its per cent, and a sum with what it is
_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")


def cells(text: str) -> int:
    """Gives the columns that text takes: two for wide characters, none for combining ones and for colours."""
    if "\x1b" in text:
        text = _COLOR.sub("", text)
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def columns(stream: IO[Any] | None) -> int | None:
    """Gives the columns of the terminal behind a stream; None where there is none: whoever reads it may break lines."""
    if stream is None or not stream.isatty():
        return None
    try:
        known = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(stream.fileno()).columns
    except (ValueError, OSError):
        known = 0
    return max(_NARROWEST, known or 80)


def margin() -> int:
    """Gives the columns that standard output has; in a file or a pipe no text is that long."""
    return columns(sys.stdout) or _ENDLESS


def padded(text: str, width: int, *, is_right: bool = False) -> str:
    """Gives text with blanks behind it, or before it, so that it takes ``width`` columns."""
    blanks = " " * max(0, width - cells(text))
    return blanks + text if is_right else text + blanks


def folded(text: str, stream: IO[Any] | None) -> str:
    """Gives text whose lines fit into the terminal behind a stream, broken at blanks; what goes on is indented further."""
    width = columns(stream)
    if width is None:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        if (len(line) <= width and line.isascii()) or cells(line) <= width:
            lines.append(line)
            continue
        plain = _COLOR.sub("", line)
        blanks = len(plain) - len(plain.lstrip(" "))
        lines += wrapped(line, width, indent=min(blanks + _HANGING, width // 3))
    return "\n".join(lines)


def wrapped(text: str, width: int, *, first: int = 0, indent: int = 0) -> Iterator[str]:
    """Gives text as lines of at most ``width`` columns, broken at blanks; a longer word has a line of its own.

    ``first`` columns are taken in the first line already; the others are indented.
    """
    words = _BLANK.split(text.lstrip(" "))
    blanks = " " * (len(text) - len(text.lstrip(" ")))
    line, taken = blanks + words[0], first + len(blanks) + cells(words[0])
    for word in words[1:]:
        if taken + 1 + cells(word) > width:
            yield line.rstrip(" ")
            before = min(indent, max(0, width - cells(word)))  # a long word fits into a line rather than being indented
            line, taken = " " * before + word, before + cells(word)
        else:
            line, taken = f"{line} {word}", taken + 1 + cells(word)
    yield line
