"""How many columns text takes on a terminal, and lines that fit into it.

Light enough for commands that must answer in an instant: Rich's table of widths is asked, and only for text beyond ASCII.
"""

import shutil
import sys
from collections.abc import Iterator
from typing import Final

_NARROWEST: Final = 40
_ENDLESS: Final = 10_000


def cells(text: str) -> int:
    """Gives the columns that text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def margin() -> int:
    """Gives the columns of the terminal; in a file or a pipe there is no margin, whoever reads it may break lines."""
    if sys.stdout is None or not sys.stdout.isatty():
        return _ENDLESS
    return max(_NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def padded(text: str, width: int, *, is_right: bool = False) -> str:
    """Gives text with blanks behind it, or before it, so that it takes ``width`` columns."""
    blanks = " " * max(0, width - cells(text))
    return blanks + text if is_right else text + blanks


def wrapped(text: str, width: int, *, first: int = 0, indent: int = 0) -> Iterator[str]:
    """Gives text as lines of at most ``width`` columns, broken at blanks; a longer word has a line of its own.

    ``first`` columns are taken in the first line already; the others are indented.
    """
    line, taken = "", first
    for word in text.split(" "):
        needed = cells(word) + (1 if line else 0)
        if line and taken + needed > width:
            yield line
            line, taken = " " * indent + word, indent + cells(word)
        else:
            line, taken = (f"{line} {word}" if line else word), taken + needed
    yield line
