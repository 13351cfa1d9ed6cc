"""Live progress: on a terminal one row per fine-tune with step, loss and time left; plain lines otherwise.

Implements ``ports.Progress``. Writes to standard error only.
"""

import os
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from ftops.cli.style import abandon, safe, shows_all, tell
from ftops.cli.widths import folded

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ftops.cli.live_rows import Rows

PLAIN_SECONDS: Final = 10.0


class PlainProgress:
    """A line when a fine-tune enters a phase, every ten seconds while it lasts, and whenever something happened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._phases: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def update(
        self, fine_tune: str, phase: str, *, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        """Prints a line where the phase is new, or where the last line is old."""
        now = time.monotonic()
        with self._lock:
            before, at = self._phases.get(fine_tune, ("", 0.0))
            if before == phase and now - at < PLAIN_SECONDS:
                return
            self._phases[fine_tune] = (phase, now)
            count = f" {done:,}/{total:,}" if done is not None and total else ""
            tell(f"{safe(fine_tune)}: {safe(phase)}{count}{f' ({safe(detail)})' if detail else ''}")

    def say(self, message: str, *, fine_tune: str | None = None) -> None:
        """Prints a line."""
        with self._lock:
            tell(f"{safe(fine_tune)}: {safe(message)}" if fine_tune else safe(message))


class LiveProgress:
    """Rows that are redrawn in place, and lines above them for what happened.

    Nothing is drawn before there is a row: a display that redraws wipes out the question that a person is asked before.
    """

    def __init__(self, rows: "Rows | None" = None) -> None:
        from ftops.cli.live_rows import open_rows

        self._rows = rows or open_rows()
        self._lock = threading.Lock()
        self._tasks: dict[str, tuple[str, TaskID]] = {}
        self._is_open = False
        self._begun: set[str] = set()
        self._trained: set[str] = set()

    def expect(self, costs: Mapping[str, float | None]) -> None:
        """Says which fine-tunes this run works on, and what their trainings would cost (None: nobody knows).

        From now on a last row tells for how long it has gone on, how many wait, and what was begun of that cost.
        """
        began = time.monotonic()
        self._rows.tell_below = lambda: _progressed(costs, self._begun, self._trained, time.monotonic() - began)

    def __enter__(self) -> Self:
        self._is_open = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock, _outliving_the_terminal():
            self._is_open = False
            self._rows.stop()

    def update(
        self, fine_tune: str, phase: str, *, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        """Redraws a fine-tune's row; a new phase starts its clock anew."""
        count = f"{done:,}/{total:,}" if done is not None and total else ""
        fields: dict[str, Any] = {"name": safe(fine_tune), "phase": safe(phase), "count": count, "detail": safe(detail)}
        fields["at"] = time.monotonic()
        with self._lock, _outliving_the_terminal():
            self._begun.add(fine_tune)
            if phase.startswith("train"):
                self._trained.add(fine_tune)
            if self._is_open and not self._rows.live.is_started:
                self._rows.start()
            known = self._tasks.get(fine_tune)
            if known is not None and known[0] != phase:
                self._rows.remove_task(known[1])
                known = None
            if known is None:
                task = self._rows.add_task("", total=total or None, completed=done or 0, **fields)
                self._tasks[fine_tune] = (phase, task)
            else:
                self._rows.update(known[1], total=total or None, completed=done or 0, **fields)

    def say(self, message: str, *, fine_tune: str | None = None) -> None:
        """Prints a line above the rows."""
        text = f"{safe(fine_tune)}: {safe(message)}" if fine_tune else safe(message)
        with self._lock, _outliving_the_terminal():
            self._rows.console.print(folded(text, sys.stderr), markup=False, soft_wrap=True)


def _progressed(
    costs: Mapping[str, float | None], begun: Collection[str], trained: Collection[str], seconds: float
) -> str:
    minutes, rest = divmod(int(seconds), 60)
    elapsed = f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
    waiting = sum(name not in begun for name in costs)
    parts = [f"{elapsed} elapsed", *([f"{waiting:,} to begin"] if waiting else [])]
    if any(cost is None for cost in costs.values()):
        parts.append("cost unknown")
    else:
        spent = sum(cost or 0.0 for name, cost in costs.items() if name in trained)
        parts.append(f"about ${spent:,.2f} of ${sum(cost or 0.0 for cost in costs.values()):,.2f} begun")
    return ", ".join(parts)


@contextmanager
def _outliving_the_terminal() -> Iterator[None]:
    """Steps report from the middle of what is paid for: a terminal that is gone must not end them."""
    try:
        yield
    except OSError:
        abandon(sys.stderr)


def open_progress() -> PlainProgress | LiveProgress:
    """Gives rows on a terminal that can draw them, lines otherwise."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return LiveProgress() if is_terminal and shows_all(sys.stderr) else PlainProgress()
