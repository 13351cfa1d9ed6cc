"""Tables and bars for a terminal of any width, in block characters where it can show them.

Owns what a stream can show: colours, and characters beyond ASCII. What is drawn is text, to be written by ``echo``.
"""

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ftops.cli.style import has_color

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_PLAIN: Final = "#"
_PIPED_WIDTH: Final = 100
_NARROWEST: Final = 40
_TYPED: Final = str.maketrans({"–": "-", "−": "-", "→": "->", "×": "x", "…": "...", "·": "-"})


def drawn(parts: Iterable[RenderableType]) -> str:
    """Gives text, tables and bars as one text that standard output can show; no line ends in a blank."""
    console = Console(
        file=sys.stdout,
        width=terminal_width(),
        force_terminal=has_color(sys.stdout),
        no_color=not has_color(sys.stdout),
        color_system="standard" if has_color(sys.stdout) else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    text = "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))
    return text if shows_blocks() else text.translate(_TYPED).encode("ascii", "backslashreplace").decode("ascii")


def terminal_width() -> int:
    """Gives the columns of the terminal, or what a file or pipe is given."""
    columns = shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns if sys.stdout.isatty() else _PIPED_WIDTH
    return max(_NARROWEST, columns)


def shows_blocks() -> bool:
    """Whether standard output's encoding has block characters and the signs of this house."""
    try:
        f"{_EIGHTHS}–−→×…".encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def bar(value: float, most: float, width: int) -> Text:
    """Gives a bar of at most ``width`` columns. What is more than nothing shows."""
    eighths = round(value / most * width * 8) if most else 0
    eighths = max(eighths, 1) if value else 0
    if not shows_blocks():
        return Text(_PLAIN * -(-eighths // 8), style="cyan")
    return Text(_EIGHTHS[8] * (eighths // 8) + _EIGHTHS[eighths % 8].strip(), style="cyan")


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Text]], *, texts: int = 1) -> Table:
    """Gives a table of which the first ``texts`` columns are text and the others numbers."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(heads))
    for place, head in enumerate(heads):
        is_text = place < texts
        made.add_column(head, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in rows:
        made.add_row(*row)
    return made


def bars(rows: Sequence[tuple[str, int]], total: int, *, is_numeric: bool = False) -> Table:
    """Gives a bar for each row, with its number and its share of ``total``; ``is_numeric`` puts what is named to the right."""
    most = max((count for _, count in rows), default=0)
    width = max(8, terminal_width() - max((len(name) for name, _ in rows), default=0) - 28)
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    made.add_column(justify="right" if is_numeric else "left", overflow="ellipsis", no_wrap=True)
    made.add_column(no_wrap=True, width=min(width, 50))
    made.add_column(justify="right", no_wrap=True)
    made.add_column(justify="right", no_wrap=True)
    for name, count in rows:
        share = f"{count / total:.1%}" if total else ""
        made.add_row(name, bar(count, most, min(width, 50)), f"{count:,}", share)
    return made


def heading(text: str, beside: str = "") -> Text:
    """Gives a heading, with what stands beside it."""
    return Text.assemble((text, "bold"), f"  {beside}" if beside else "")


def indented(part: RenderableType, by: int = 2) -> RenderableType:
    """Moves a part to the right."""
    from rich.padding import Padding

    return Padding(part, (0, 0, 0, by))
