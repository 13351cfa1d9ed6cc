"""Tables and bars for a terminal of any width, in block characters where it can show them.

Owns what a stream can show: colours, and characters beyond ASCII. What is drawn is text, to be written by ``echo``. No number
is ever cut: a table that is too wide goes on beyond the margin, and the terminal breaks its lines.
"""

import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ftops.cli.style import TYPED, has_color

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_PLAIN: Final = "#"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_PLAIN_LEVELS: Final = "_.-=*#"
_PIPED_WIDTH: Final = 100
_NARROWEST: Final = 40
_WIDEST: Final = 10_000
_WORD: Final = 12  # columns that are left to a text, even if it has longer words


def drawn(parts: Iterable[RenderableType]) -> str:
    """Gives text, tables and bars as one text that standard output can show; no line ends in a blank."""
    console = Console(
        file=sys.stdout,
        width=_WIDEST,
        force_terminal=has_color(sys.stdout),
        no_color=not has_color(sys.stdout),
        color_system="standard" if has_color(sys.stdout) else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    width = margin()
    with console.capture() as capture:
        for part in parts:
            least = Measurement.get(console, console.options, part).minimum if not isinstance(part, Text) else 0
            console.print(part, width=max(width, least))
    text = "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))
    return text if shows_blocks() else text.translate(TYPED).encode("ascii", "backslashreplace").decode("ascii")


def terminal_width() -> int:
    """Gives the columns of the terminal, or what a file or pipe is given."""
    columns = shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns if sys.stdout.isatty() else _PIPED_WIDTH
    return max(_NARROWEST, columns)


def margin() -> int:
    """Gives the columns after which text is broken: in a file or a pipe nowhere, whoever reads it may do so."""
    return terminal_width() if sys.stdout.isatty() else _WIDEST


def shows_blocks() -> bool:
    """Whether standard output's encoding has block characters and the signs of this house."""
    try:
        f"{_EIGHTHS}{_LEVELS}–−→×…".encode(sys.stdout.encoding or "ascii")
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
    cells = [tuple(row) for row in rows]
    for place, head in enumerate(heads):
        is_text = place < texts
        widths = [cell_len(str(text)) for text in (head, *(row[place] for row in cells))]
        least = max(widths) if not is_text else min(max(widths), _WORD)
        made.add_column(
            head, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text, min_width=least
        )
    for row in cells:
        made.add_row(*row)
    return made


def bars(rows: Sequence[tuple[str, int]], total: int, *, is_numeric: bool = False) -> Table:
    """Gives a bar for each row, with its number and its share of ``total``; ``is_numeric`` puts what is named to the right."""
    most = max((count for _, count in rows), default=0)
    longest = max((cell_len(name) for name, _ in rows), default=0)
    width = min(max(8, terminal_width() - longest - 28), 50)
    shares = [f"{count / total:.1%}" if total else "" for _, count in rows]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    least = longest if is_numeric else min(longest, _WORD)
    made.add_column(justify="right" if is_numeric else "left", overflow="ellipsis", no_wrap=True, min_width=least)
    made.add_column(no_wrap=True, width=width)
    made.add_column(justify="right", no_wrap=True, min_width=len(f"{most:,}"))
    made.add_column(justify="right", no_wrap=True, min_width=max(map(len, shares), default=0))
    for (name, count), share in zip(rows, shares, strict=True):
        made.add_row(name, bar(count, most, width), f"{count:,}", share)
    return made


def sparkline(values: Sequence[float], width: int) -> Text:
    """Gives a curve of at most ``width`` columns, each the mean of as many values; the least stands lowest."""
    if not values:
        return Text()
    count = min(width, len(values))
    edges = [round(column * len(values) / count) for column in range(count + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    least, most = min(means), max(means)
    steps = _LEVELS if shows_blocks() else _PLAIN_LEVELS
    spread = (most - least) or 1.0
    heights = (min(len(steps) - 1, int((mean - least) / spread * len(steps))) for mean in means)
    return Text("".join(steps[height] for height in heights), style="cyan")


def heading(text: str, beside: str = "") -> Text:
    """Gives a heading, with what stands beside it."""
    return Text.assemble((text, "bold"), f"  {beside}" if beside else "")


def indented(part: RenderableType, by: int = 2) -> RenderableType:
    """Moves a part to the right. A text stays within the margin: words that are longer are broken."""
    from rich.padding import Padding

    return Padding(Folding(part) if isinstance(part, Text) else part, (0, 0, 0, by))


def beside(label: Text, text: str) -> RenderableType:
    """Gives a text with a label before it, however many lines that takes; none of them begins below the label."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    made.add_row(label, Folding(Text(text)))
    return made


@dataclass(frozen=True, slots=True)
class Folding:
    """A text whose words are broken where they don't fit: it needs no more columns than a short word has."""

    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Gives the text itself."""
        yield self.text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Gives the text's widths, whatever its longest word."""
        measured = Measurement.get(console, options, self.text)
        return Measurement(min(measured.minimum, _WORD), measured.maximum)
