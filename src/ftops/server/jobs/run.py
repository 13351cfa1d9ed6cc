"""What is done to one job: check its files, train, publish the models, or say why not.

Owns the order of a job's statuses and events, and what is written together in one transaction. A job may be cancelled or
paused by another thread, or the process killed, between any two lines: every change therefore starts from the status it
expects, and a job that is taken up again goes on from its last checkpoint, without repeating the events of steps already
recorded.
"""

import logging
import math
import sqlite3
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict

from ftops.graders.problems import GradingFailed
from ftops.server.engines.interface import (
    Checkpoint,
    NothingToLearn,
    Prepared,
    StepMetrics,
    TrainingDiverged,
    TrainingSpec,
    UnknownBase,
)
from ftops.server.errors import place_of
from ftops.server.jobs import metrics, results, turns
from ftops.server.jobs.grades import Grades, grades_of
from ftops.server.jobs.spec import read_rewards, read_spec
from ftops.server.jobs.training_files import JobFailure
from ftops.server.jobs.workshop import Workshop
from ftops.server.storage import checkpoints, events, jobs
from ftops.server.storage.blobs import DamagedBlob, Staged
from ftops.server.storage.checkpoints import CheckpointRow
from ftops.server.storage.disk import DISK_ERRORS
from ftops.server.storage.events import Event
from ftops.server.storage.jobs import JobRow, JobStatus

_LOG = logging.getLogger(__name__)
# Every step is an event, and a commit costs a write to the disk: steps of this many seconds share one.
_FLUSH_SECONDS = 0.2
_FLUSH_EVENTS = 2000

_DIVERGED = JobFailure(
    "The job failed because training diverged: the loss or the weights have left the range of numbers. Please lower "
    "learning_rate_multiplier.",
    code="training_diverged",
    param="learning_rate_multiplier",
)
_DAMAGED = JobFailure(
    "The job failed because content that it needs, a file or its parent's weights, is damaged or missing on this "
    "server's disk. Please upload the files again.",
    code="damaged_content",
)


class JobRun:
    """One job in the hands of one thread. ``interrupt`` is set when the job's status has changed or the server stops."""

    def __init__(
        self, workshop: Workshop, job_id: str, *, interrupt: threading.Event, is_stopping: threading.Event
    ) -> None:
        self._workshop = workshop
        self._job_id = job_id
        self._interrupt = interrupt
        self._is_stopping = is_stopping
        self._pending: list[Event] = []
        self._flushed_at = time.monotonic()
        self._pace = 0.0  # seconds a step
        self._grades = Grades()

    def check(self) -> JobRow | None:
        """Validates the files; gives the job once it is queued, None when it has ended or failed.

        Like ``train`` it raises ``DISK_ERRORS``, and leaves the job as it was.
        """
        job = self._reload()
        if job.status is not JobStatus.VALIDATING:
            return None
        try:
            prepared = self._workshop.engine.prepare(read_spec(self._workshop, job, read_rewards(self._workshop, job)))
        except DISK_ERRORS:
            raise  # the disk's fault, not the job's: it stays unfinished
        except Exception as error:  # noqa: BLE001 - an engine may raise anything
            turns.fail(self._workshop, job, _failure_of(job, error), expect=[JobStatus.VALIDATING])
            return None
        with self._workshop.database.write() as connection:
            moved = jobs.change(
                connection,
                job,
                expect=[JobStatus.VALIDATING],
                status=JobStatus.QUEUED,
                resolved=dict(prepared.hyperparameters),
                total_steps=prepared.total_steps,
            )
            if moved:
                queued = Event(message="Files validated, moving job to queued state")
                events.append(connection, job.seq, [queued], now=_now())
        return self._reload() if moved else None

    def train(self) -> None:
        """Trains a queued job, or goes on with one that the end of a process or the disk has stopped."""
        job = self._reload()
        if job.status is JobStatus.QUEUED:
            job = self._start(job)
        if job.status is JobStatus.PAUSING:
            turns.settle_pause(self._workshop, job)
        if job.status is not JobStatus.RUNNING:
            return
        try:
            rewards = read_rewards(self._workshop, job)
            self._grades = grades_of(self._workshop, job, rewards)
            spec = read_spec(self._workshop, job, rewards)
            prepared = self._workshop.engine.prepare(spec)
            if self._train_on(job, spec, prepared):
                self._grades.require_some()
                results.publish(self._workshop.database, self._workshop.blobs, job, prepared, now=_now())
        except DISK_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - an engine may raise anything
            turns.fail(self._workshop, job, _failure_of(job, error), expect=jobs.TRAINING)

    def _start(self, job: JobRow) -> JobRow:
        now = _now()
        started_at = now if job.started_at is None else job.started_at
        with self._workshop.database.write() as connection:
            is_started = jobs.change(
                connection, job, expect=[JobStatus.QUEUED], status=JobStatus.RUNNING, started_at=started_at
            )
            if is_started and job.started_at is None:  # else it has been paused, and has started before
                events.append(connection, job.seq, [Event(message="Fine-tuning job started")], now=now)
        return self._reload()

    def _train_on(self, job: JobRow, spec: TrainingSpec, prepared: Prepared) -> bool:
        """Trains to the end; False when it was interrupted first."""
        last = self._last_checkpoint(job)
        if last is not None and last.step >= prepared.total_steps:
            return True
        began, first_step = time.monotonic(), 0 if last is None else last.step
        self._pace = self._expected_pace(spec, prepared)
        if not self._flush(job, prepared, first_step):
            return False
        for progress in self._workshop.engine.train(spec, prepared, last):
            checkpoint = None
            match progress:
                case StepMetrics():
                    self._note(job, prepared, progress)
                    self._pace = (time.monotonic() - began) / max(1, progress.step - first_step)
                    self._interrupt.wait(self._workshop.min_step_seconds)
                    if _ends_epoch(progress, prepared):
                        continue  # its checkpoint follows without a further step, and is worth keeping
                case Checkpoint():
                    checkpoint = progress
            is_interrupted = self._interrupt.is_set()
            if is_interrupted:
                # Whoever set it may have meant an earlier run of this job: what counts is the status, read from now on.
                self._interrupt.clear()
            if is_interrupted or checkpoint is not None or self._is_flush_due():
                if not self._flush(job, prepared, progress.step, checkpoint):
                    return False
                if self._is_stopping.is_set():
                    return False
        return True

    def _note(self, job: JobRow, prepared: Prepared, step: StepMetrics) -> None:
        if step.step > job.last_step:
            self._pending.append(metrics.metrics_event(asdict(step), total_steps=prepared.total_steps))
        self._pending.extend(self._grades.warnings(step.step, prepared.total_steps))

    def _expected_pace(self, spec: TrainingSpec, prepared: Prepared) -> float:
        """Seconds a step, before any is done."""
        seconds = self._workshop.engine.estimate(spec, prepared)
        return seconds / max(1, prepared.total_steps) + self._workshop.min_step_seconds

    def _is_flush_due(self) -> bool:
        is_due = time.monotonic() - self._flushed_at >= _FLUSH_SECONDS
        return is_due or len(self._pending) >= _FLUSH_EVENTS

    def _flush(self, job: JobRow, prepared: Prepared, step: int, checkpoint: Checkpoint | None = None) -> bool:
        """Writes what has happened since the last time, and pauses the job if that was asked for.

        False when it isn't running any more. A job that was cancelled gets nothing written.
        """
        now = _now()
        unused: tuple[str, ...] = ()
        last_step = max(step, job.last_step)
        with (
            nullcontext() if checkpoint is None else self._workshop.blobs.stage(checkpoint.weights) as staged,
            self._workshop.database.write() as connection,
        ):
            # Rounded up: clients show how long it is until then, and nothing ends in the past.
            estimate = math.ceil(time.time() + self._pace * (prepared.total_steps - step))
            done = {"last_step": last_step, "has_grades": self._grades.has_some}
            is_running = jobs.change(connection, job, expect=[JobStatus.RUNNING], estimated_finish=estimate, **done)
            is_paused = not is_running and jobs.change(
                connection, job, expect=[JobStatus.PAUSING], status=JobStatus.PAUSED, **done
            )
            if is_running or is_paused:
                events.append(connection, job.seq, self._pending, now=now)
                if checkpoint is not None and staged is not None:
                    unused = self._keep(connection, job, checkpoint, staged, now)
            if is_paused:
                events.append(connection, job.seq, [turns.PAUSED], now=now)
        self._workshop.blobs.remove(unused)
        self._pending.clear()
        self._flushed_at = time.monotonic()
        return is_running

    def _keep(
        self, connection: sqlite3.Connection, job: JobRow, checkpoint: Checkpoint, staged: Staged, now: int
    ) -> tuple[str, ...]:
        """Keeps a checkpoint; gives the blobs that older ones no longer need."""
        row = checkpoints.new_row(
            step=checkpoint.step,
            epoch=checkpoint.epoch,
            metrics=asdict(checkpoint.metrics),
            sha256=staged.sha256,
            now=now,
        )
        self._workshop.blobs.keep(connection, staged, owner=row.id)
        return checkpoints.insert(connection, job, row)

    def _last_checkpoint(self, job: JobRow) -> Checkpoint | None:
        with self._workshop.database.read() as connection:
            rows = checkpoints.of_job(connection, job)
        return _as_checkpoint(rows[-1], self._workshop.blobs.read(rows[-1].sha256)) if rows else None

    def _reload(self) -> JobRow:
        with self._workshop.database.read() as connection:
            job = jobs.find(connection, self._job_id)
        if job is None:
            raise LookupError(self._job_id)
        return job


def _ends_epoch(metrics: StepMetrics, prepared: Prepared) -> bool:
    return metrics.step * prepared.n_epochs % prepared.total_steps == 0


def _as_checkpoint(row: CheckpointRow, weights: bytes) -> Checkpoint:
    return Checkpoint(step=row.step, epoch=row.epoch, weights=weights, metrics=StepMetrics(**row.metrics))


def _failure_of(job: JobRow, error: Exception) -> JobFailure:
    match error:
        case JobFailure():
            return error
        case TrainingDiverged():
            return _DIVERGED
        case NothingToLearn():
            return JobFailure(
                f"The job failed due to an invalid training file. There is nothing to learn from it: {error}.",
                code="invalid_training_file",
                param="training_file",
            )
        case UnknownBase():
            return JobFailure(
                f"The job failed because this server's engine cannot train the model {job.base}.",
                code="model_not_available",
                param="model",
            )
        case GradingFailed():
            return JobFailure(
                f"The job failed because its grader could not score an answer: {error}.",
                code="grader_failed",
                param=f"method.{job.method}.grader",
            )
        case DamagedBlob():
            failure = _DAMAGED
        case _:
            failure = JobFailure("The job failed due to an internal error", code="server_error")
    _LOG.error("job %s failed: %s", job.id, place_of(error))
    return failure


def _now() -> int:
    return int(time.time())
