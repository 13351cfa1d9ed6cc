"""``.ftops/pending``: events about what was already paid for that could not be written to the ledger yet.

A file per batch, readable by its owner only, removed once the ledger holds it. What the ledger refuses goes to
``pending/refused`` and stays there: it was paid for, so that it is never thrown away.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from ftops.adapters.state_dir import ensure_private_dir, write_privately
from ftops.domain.events import AnyEvent

_REFUSED: Final = "refused"


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

    def keep(self, events: Sequence[AnyEvent], *, name: str) -> Path:
        """Keeps events until they can be written; gives the file, whose name sorts by time."""
        ensure_private_dir(self._ftops_dir)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{name}.json"
        self._write(path, events)
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
        self._write(self._refused() / f"{path.stem}-{digest[:12]}.json", events)

    def _refused(self) -> Path:
        folder = self._folder / _REFUSED
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _write(self, path: Path, events: Sequence[AnyEvent]) -> None:
        batch = PendingBatch(project=self._project, branch=self._branch, events=tuple(events))
        write_privately(path, msgspec.json.encode(batch) + b"\n")
