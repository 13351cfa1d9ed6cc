"""The rows of the live display: what stands in which column, what is cut short, and which rows are shown at all.

Made so that a step and the time left can be read at 80 columns, whatever names and details there are.
"""

import sys
import time
from collections.abc import Callable
from typing import Final

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from ftops.cli.style import has_color

NAME_CELLS: Final = 22
DETAIL_CELLS: Final = 24
BAR_FROM_COLUMNS: Final = 100
# Longer than the longest pause between two looks at a job, so that a queued one doesn't come and go.
STALE_SECONDS: Final = 20.0


class Rows(Progress):
    """One row per fine-tune. Tasks have the fields ``name``, ``phase``, ``count``, ``detail`` and ``at``.

    A row of which nothing was heard for a while is not shown when its phase has no known end, or has come to it. Where there
    are more than the terminal has lines, those are shown that were heard of last, in the order in which all stand.
    """

    def __init__(self, *columns: ProgressColumn, console: Console) -> None:
        self._terminal = console  # before all else: Rich asks for the rows while it makes itself
        self.tell_below: Callable[[], str] | None = None
        super().__init__(*columns, console=console, transient=True)

    def get_renderables(self) -> list[RenderableType]:
        """Gives the table of the rows that are shown now, and how many others there are."""
        now = time.monotonic()
        shown = [task for task in self.tasks if _is_shown(task, now)]
        below = [Text(self.tell_below(), style="dim")] if self.tell_below is not None and self.tasks else []
        room = max(1, self._terminal.height - 2 - len(below))
        if len(shown) <= room:
            return [self.make_tasks_table(shown), *below]
        newest = {task.id for task in sorted(shown, key=lambda task: float(task.fields["at"]))[-room:]}
        table = self.make_tasks_table([task for task in shown if task.id in newest])
        return [table, Text(f"… and {len(shown) - room:,} more"), *below]


def open_rows(console: Console | None = None) -> Rows:
    """Gives rows on standard error, or on the console given."""
    console = console or Console(stderr=True, no_color=not has_color(sys.stderr), highlight=False)
    return Rows(
        _Name(NAME_CELLS),
        _text("phase", 8),
        _Bar(console),
        _text("count", 5),
        _Detail(DETAIL_CELLS),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
        console=console,
    )


class _Name(ProgressColumn):
    """The name, long ones cut in the middle: names that begin alike often differ at their end."""

    def __init__(self, cells: int) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._cells = cells

    def render(self, task: Task) -> Text:
        """Gives the name in at most so many cells; names are ASCII."""
        name, tail = str(task.fields["name"]), self._cells // 2 - 1
        is_long = len(name) > self._cells
        return Text(f"{name[: self._cells - tail - 1]}…{name[-tail:]}" if is_long else name, no_wrap=True)


class _Detail(ProgressColumn):
    """The detail, cut at its end; of all columns the one that gives way, which Rich takes from what may be wrapped."""

    def __init__(self, cells: int) -> None:
        super().__init__(table_column=Column(no_wrap=False))
        self._cells = cells

    def render(self, task: Task) -> Text:
        """Gives the detail as one line of at most so many cells."""
        text = Text(str(task.fields["detail"]), overflow="ellipsis", no_wrap=True)
        text.truncate(self._cells, overflow="ellipsis")
        return text


class _Bar(ProgressColumn):
    """A bar where a total is known and the terminal is wide enough."""

    def __init__(self, console: Console) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._console = console
        self._bar = BarColumn(bar_width=16)

    def render(self, task: Task) -> RenderableType:
        """Gives the bar, or nothing."""
        if task.total is None or self._console.width < BAR_FROM_COLUMNS:
            return Text("")
        return self._bar.render(task)


def _text(field: str, cells: int) -> TextColumn:
    return TextColumn(f"{{task.fields[{field}]}}", markup=False, table_column=Column(no_wrap=True, min_width=cells))


def _is_shown(task: Task, now: float) -> bool:
    is_going_on = task.total is not None and task.completed < task.total
    return is_going_on or now - float(task.fields["at"]) < STALE_SECONDS
