"""Live progress: on a terminal one row per fine-tune with step, loss and time left; plain lines otherwise.

Implements ``ports.Progress``. Writes to standard error only.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from ftops.cli.style import abandon, safe, tell

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
            self._rows.console.print(text, markup=False, soft_wrap=True)


@contextmanager
def _outliving_the_terminal() -> Iterator[None]:
    """Steps report from the middle of what is paid for: a terminal that is gone must not end them."""
    try:
        yield
    except OSError:
        abandon(sys.stderr)


def open_progress() -> PlainProgress | LiveProgress:
    """Gives rows on a terminal, lines otherwise."""
    return LiveProgress() if sys.stderr is not None and sys.stderr.isatty() else PlainProgress()
