"""What is done to one batch: check its input, answer its requests, leave files of results, or say why not.

Owns the order of a batch's statuses. Work comes in slices, so that batches take turns. A batch may be cancelled by another
thread, or the process killed, between any two lines: each slice starts from the batch's row, and ends by writing into it how
far the results on the disk reach. So whatever is answered twice after a crash, it stands in the results once.
"""

import logging
import threading
import time
from collections.abc import Callable

from ftops.server import ids
from ftops.server.batches import answers
from ftops.server.batches.answers import Result
from ftops.server.batches.lines import BatchError, BatchLine, check_input, read_line
from ftops.server.batches.results import LostResults, Office, Results, publish
from ftops.server.errors import ApiError
from ftops.server.storage import batches, models
from ftops.server.storage.batches import BatchRow, BatchStatus, Progress
from ftops.server.storage.blobs import DamagedBlob

_LOG = logging.getLogger(__name__)
_SLICE_SECONDS = 0.5

_DAMAGED = BatchError(
    code="damaged_content",
    message="The content of the input file is damaged or missing on this server's disk. Please upload the file again.",
    param="input_file_id",
)


class BatchRun:
    """One batch in the hands of one thread. ``is_stopping`` is set when the server stops."""

    def __init__(self, office: Office, batch_id: str, is_stopping: threading.Event) -> None:
        self._office = office
        self._batch_id = batch_id
        self._is_stopping = is_stopping

    def go_on(self) -> bool:
        """Does a slice of the work; False when the batch has ended. On ``DISK_ERRORS`` the batch is as it was before."""
        batch = self._reload()
        if batch.status not in batches.UNFINISHED:
            return False
        try:
            self._go_on(batch)
        except LostResults:
            _LOG.error("results of %s are missing on the disk: it begins anew", batch.id)
            self._begin_anew(batch)
        return True

    def _go_on(self, batch: BatchRow) -> None:
        try:
            match batch.status:
                case BatchStatus.VALIDATING:
                    self._check(batch)
                case BatchStatus.IN_PROGRESS | BatchStatus.CANCELLING:
                    self._answer(batch)
                case _:
                    publish(self._office, batch, status=BatchStatus.COMPLETED, now=_now())
        except DamagedBlob:
            _LOG.error("the input of %s is damaged or missing on the disk", batch.id)
            publish(self._office, batch, status=BatchStatus.FAILED, errors=[_DAMAGED], now=_now())

    def _check(self, batch: BatchRow) -> None:
        with self._office.blobs.open(batch.input_sha256, size=batch.input_bytes) as content:
            checked = check_input(
                content,
                sha256=batch.input_sha256,
                size=batch.input_bytes,
                limits=self._office.limits,
                is_interrupted=self._is_stopping.is_set,
            )
        if checked is None:
            return
        errors = checked.errors
        if not errors and checked.model is not None and not self._has_model(checked.model, batch.project):
            message = f"The provided model '{checked.model[:256]}' is not supported by the Batch API."
            errors = (BatchError(code="model_not_found", message=message, param="body.model", line=1),)
        if errors:
            publish(self._office, batch, status=BatchStatus.FAILED, errors=errors, now=_now())
            return
        with self._office.database.write() as connection:
            batches.change(
                connection,
                batch,
                expect=[BatchStatus.VALIDATING],
                status=BatchStatus.IN_PROGRESS,
                in_progress_at=_now(),
                total=checked.requests,
                model=checked.model,
            )

    def _has_model(self, name: str, project: str) -> bool:
        with self._office.database.read() as connection:
            return ids.is_base_model(name) or models.find(connection, name, project=project) is not None

    def _answer(self, batch: BatchRow) -> None:
        is_cancelling = batch.status is BatchStatus.CANCELLING
        if batch.progress.input_offset == batch.input_bytes or batch.in_progress_at is None:
            # All that was to be done is done, and some of it was to drop requests: else the last slice would have said so.
            status = BatchStatus.CANCELLED if is_cancelling else BatchStatus.EXPIRED
            publish(self._office, batch, status=status, now=_now())
            return
        is_expired = False

        def result_of(request: BatchLine) -> Result:
            nonlocal is_expired
            if is_cancelling:
                return answers.drop(request, reason=answers.CANCELLED)
            is_expired = is_expired or _now() >= batch.expires_at
            if is_expired:
                return answers.drop(request, reason=answers.EXPIRED)
            return answers.answer(request, shelf=self._office.shelf, project=batch.project)

        progress = self._do_slice(batch, result_of)
        is_complete = progress.input_offset == batch.input_bytes and not is_expired
        with self._office.database.write() as connection:
            unfinished = [BatchStatus.IN_PROGRESS, BatchStatus.CANCELLING]
            batches.change(connection, batch, expect=unfinished, progress=progress)
            if is_complete:
                batches.change(
                    connection,
                    batch,
                    expect=[BatchStatus.IN_PROGRESS],
                    status=BatchStatus.FINALIZING,
                    finalizing_at=_now(),
                )

    def _do_slice(self, batch: BatchRow, result_of: Callable[[BatchLine], Result]) -> Progress:
        """Goes through the input for a while; gives how far it came."""
        ends_at = time.monotonic() + _SLICE_SECONDS
        with (
            self._office.blobs.open(batch.input_sha256, size=batch.input_bytes) as content,
            Results(self._office.folder, batch) as results,
        ):
            content.seek(batch.progress.input_offset)
            while True:  # once at least: a slice always gets somewhere
                line = content.readline(self._office.limits.max_line_bytes + 1)
                request = _reread(line, batch)
                results.add(None if request is None else result_of(request), input_bytes=len(line))
                is_over = time.monotonic() >= ends_at or self._is_stopping.is_set()
                if is_over or results.progress.input_offset == batch.input_bytes:
                    break
                time.sleep(0)  # whoever chats goes first
            return results.flush()

    def _begin_anew(self, batch: BatchRow) -> None:
        with self._office.database.write() as connection:
            batches.change(connection, batch, expect=batches.UNFINISHED, progress=Progress())
            batches.change(
                connection,
                batch,
                expect=[BatchStatus.FINALIZING],
                status=BatchStatus.IN_PROGRESS,
                finalizing_at=None,
            )

    def _reload(self) -> BatchRow:
        with self._office.database.read() as connection:
            batch = batches.find(connection, self._batch_id)
        if batch is None:
            raise LookupError(self._batch_id)
        return batch


def _reread(line: bytes, batch: BatchRow) -> BatchLine | None:
    if not line:  # all of it was there when the batch was checked
        raise DamagedBlob(batch.input_sha256)
    try:
        return read_line(line)
    except ApiError as error:
        raise DamagedBlob(batch.input_sha256) from error


def _now() -> int:
    return int(time.time())
