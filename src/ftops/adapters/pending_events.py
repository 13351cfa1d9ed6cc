"""``.ftops/pending``: events about what was already paid for that could not be written to the ledger yet.

A file per batch, readable by its owner only, removed once the ledger holds it. What the ledger refuses goes to
``pending/refused`` and stays there: it was paid for, so that it is never thrown away.
"""

import hashlib
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from ftops.adapters.state_dir import ensure_private_dir, write_privately
from ftops.domain.events import AnyEvent

_REFUSED: Final = "refused"
_time_lock: Final = threading.Lock()
_last_time = 0


class PendingBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Events that are to be written together, and the ledger that they are for."""

    format_version: str = "1"
    project: str
    branch: str
    events: tuple[AnyEvent, ...]


class PendingEvents:
    """The pending events of one project and ledger branch."""

    def __init__(self, ftops_dir: Path, *, project: str, branch: str) -> None:
        self._ftops_dir = ftops_dir
        self._folder = ftops_dir / "pending"
        self._project = project
        self._branch = branch

    def keep(self, events: Sequence[AnyEvent], *, unique: str) -> Path | None:
        """Keeps events until they can be written; gives the file, None where an equal batch is pending already.

        Files sort by time. ``unique`` keeps processes apart that keep something in the same instant.
        """
        ensure_private_dir(self._ftops_dir)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        content = self._content(events)
        if any(_holds(path, content) for path in self._folder.glob("*.json")):
            return None
        path = self._folder / f"{_time_now()}-{unique}.json"
        write_privately(path, content)
        return path

    def load(self) -> tuple[tuple[Path, PendingBatch], ...]:
        """Gives what waits to be written, oldest first. What can't be read is put aside with what was refused."""
        found = []
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            try:
                batch = msgspec.json.decode(path.read_bytes(), type=PendingBatch)
            except FileNotFoundError:
                continue  # another process wrote it meanwhile
            except (msgspec.DecodeError, UnicodeDecodeError):
                path.replace(self._refused() / path.name)
                continue
            if (batch.project, batch.branch) == (self._project, self._branch):
                found.append((path, batch))
        return tuple(found)

    def refuse(self, path: Path, events: Sequence[AnyEvent]) -> None:
        """Keeps the events of a batch that the ledger refused, for people to look at."""
        digest = hashlib.sha256(msgspec.json.encode(tuple(events))).hexdigest()
        write_privately(self._refused() / f"{path.stem}-{digest[:12]}.json", self._content(events))

    def _refused(self) -> Path:
        folder = self._folder / _REFUSED
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _content(self, events: Sequence[AnyEvent]) -> bytes:
        batch = PendingBatch(project=self._project, branch=self._branch, events=tuple(events))
        return msgspec.json.encode(batch) + b"\n"


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False  # another process wrote its events meanwhile


def _time_now() -> str:
    """Gives the time in UTC, to the nanosecond, as text that sorts: later at each call in this process."""
    global _last_time  # noqa: PLW0603 - what makes it so
    with _time_lock:
        _last_time = max(time.time_ns(), _last_time + 1)
        seconds, nanoseconds = divmod(_last_time, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}{nanoseconds:09d}"
