"""The results of a batch: two files that grow while it runs, and what it leaves when it ends.

Owns the folder ``batches`` below the data folder. What counts of the growing files is the length that the batch's row names:
anything beyond was written by a process that died before it could say so, and is cut off. The one transaction in which a batch
ends makes files of them: there is never a batch that has ended without its files, nor files of one that hasn't.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ftops.server import ids
from ftops.server.batches.answers import Result
from ftops.server.batches.lines import BatchError, Limits
from ftops.server.shelf import Shelf
from ftops.server.storage import batches, deliveries, files
from ftops.server.storage import blobs as blob_uses
from ftops.server.storage.batches import BatchRow, BatchStatus, Progress
from ftops.server.storage.blobs import Blobs, Staged
from ftops.server.storage.database import Database
from ftops.server.storage.deliveries import EventType
from ftops.server.storage.files import FileRow

_CHUNK = 256 * 1024
_KINDS = ("output", "error")


class LostResults(Exception):
    """Results that the batch's row tells of aren't there any more."""


class ResultFolder:
    """Where results grow."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "batches"
        self._path.mkdir(exist_ok=True)

    def clear(self, *, unfinished: Iterable[str]) -> None:
        """Removes what batches left that have ended; call it before any batch runs."""
        needed = {self.path(batch_id, kind) for batch_id in unfinished for kind in _KINDS}
        for path in self._path.glob("batch_*.jsonl"):
            if path not in needed and path.is_file():
                path.unlink()

    def remove(self, batch_id: str) -> None:
        """Removes a batch's results, which have become files, or that nobody wants."""
        for kind in _KINDS:
            self.path(batch_id, kind).unlink(missing_ok=True)

    def path(self, batch_id: str, kind: str) -> Path:
        """The file for results of a kind: ``output`` or ``error``."""
        return self._path / f"{batch_id}_{kind}.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """What a batch is done with."""

    database: Database
    blobs: Blobs
    shelf: Shelf
    folder: ResultFolder
    limits: Limits


class Results:
    """The results of one batch, open to be added to."""

    def __init__(self, folder: ResultFolder, batch: BatchRow) -> None:
        """Cuts off what the batch's row doesn't tell of; ``LostResults`` when something that it tells of is missing."""
        self._progress = batch.progress
        self._output = _reopen(folder.path(batch.id, "output"), batch.progress.output_bytes)
        try:
            self._errors = _reopen(folder.path(batch.id, "error"), batch.progress.error_bytes)
        except BaseException:
            self._output.close()
            raise

    def __enter__(self) -> "Results":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._errors, self._output:
            pass

    def add(self, result: Result | None, *, input_bytes: int) -> None:
        """Adds what ``input_bytes`` of the input came to; None for a blank line."""
        before = self._progress
        length = 0 if result is None else len(result.line)
        is_failed = result is not None and result.is_failed
        if result is not None:
            (self._errors if is_failed else self._output).write(result.line)
        self._progress = Progress(
            completed=before.completed + (result is not None and not is_failed),
            failed=before.failed + is_failed,
            input_tokens=before.input_tokens + (0 if result is None else result.input_tokens),
            output_tokens=before.output_tokens + (0 if result is None else result.output_tokens),
            input_offset=before.input_offset + input_bytes,
            output_bytes=before.output_bytes + (0 if is_failed else length),
            error_bytes=before.error_bytes + (length if is_failed else 0),
        )

    @property
    def progress(self) -> Progress:
        """How far the results have come, flushed or not."""
        return self._progress

    def flush(self) -> Progress:
        """Forces all that was added onto the disk; gives what the batch's row may tell of now."""
        for file in (self._output, self._errors):
            file.flush()
            os.fsync(file.fileno())
        return self._progress


def publish(
    office: Office, batch: BatchRow, *, status: BatchStatus, errors: Sequence[BatchError] = (), now: int
) -> bool:
    """Ends a batch and makes files of its results; False when its status has changed meanwhile.

    ``LostResults`` when they aren't there any more.
    """
    unused: tuple[str, ...] = ()
    with contextlib.ExitStack() as stack:
        staged: dict[str, Staged] = {}
        for kind, size in zip(_KINDS, (batch.progress.output_bytes, batch.progress.error_bytes), strict=True):
            if size:
                staged[kind] = stack.enter_context(_stage(office.blobs, office.folder.path(batch.id, kind), size))
        rows = {kind: _file_row(batch, kind, each, now) for kind, each in staged.items()}
        connection = stack.enter_context(office.database.write())
        has_ended = _end(connection, batch, status, rows, errors, now)
        if has_ended:
            for kind, row in rows.items():
                office.blobs.keep(connection, staged[kind], owner=row.id)
                files.insert(connection, row)
            unused = blob_uses.release(connection, batch.id)
            event = EventType(f"batch.{status.value}")
            deliveries.announce(connection, event=event, project=batch.project, subject=batch.id, now=now)
    if has_ended:
        office.blobs.remove(unused)
        office.folder.remove(batch.id)
    return has_ended


def _end(
    connection: sqlite3.Connection,
    batch: BatchRow,
    status: BatchStatus,
    rows: Mapping[str, FileRow],
    errors: Sequence[BatchError],
    now: int,
) -> bool:
    values: dict[str, Any] = {
        "status": status,
        f"{status.value}_at": now,
        "errors": [asdict(each) for each in errors] or None,
        **{f"{kind}_file": row.id for kind, row in rows.items()},
    }
    return batches.change(connection, batch, expect=[batch.status], **values)


def _file_row(batch: BatchRow, kind: str, staged: Staged, now: int) -> FileRow:
    return FileRow(
        id=ids.new_file_id(),
        project=batch.project,
        created_at=now,
        expires_at=None if batch.output_seconds is None else now + batch.output_seconds,
        filename=f"{batch.id}_{kind}.jsonl",
        purpose="batch_output",
        bytes=staged.size,
        sha256=staged.sha256,
    )


def _reopen(path: Path, size: int) -> BinaryIO:
    file = path.open("r+b" if path.exists() else "w+b")
    try:
        if file.seek(0, os.SEEK_END) < size:
            raise LostResults
        file.truncate(size)
        file.seek(size)
    except BaseException:
        file.close()
        raise
    return file


def _stage(blobs: Blobs, path: Path, size: int) -> Staged:
    """A copy: what has grown stays until the transaction that needs it is on the disk."""
    try:
        source = path.open("rb")
    except FileNotFoundError as error:
        raise LostResults from error
    with source, blobs.spool() as spool:
        left = size
        while left and (chunk := source.read(min(_CHUNK, left))):
            spool.write(chunk)
            left -= len(chunk)
        if left:
            raise LostResults
        return spool.stage()
