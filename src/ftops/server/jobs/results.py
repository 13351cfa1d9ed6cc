"""What a succeeded job leaves: its models, its checkpoints and its result file.

Owns the one transaction in which a job succeeds: there is never a model without its job's success, nor a success without the
model.
"""

import base64
from collections.abc import Iterable

from ftops.server import ids
from ftops.server.engines.interface import Prepared
from ftops.server.jobs import metrics
from ftops.server.storage import blobs as blob_uses
from ftops.server.storage import checkpoints, deliveries, events, files, jobs, models
from ftops.server.storage.blobs import Blobs, Staged
from ftops.server.storage.checkpoints import CheckpointRow
from ftops.server.storage.database import Database
from ftops.server.storage.deliveries import EventType
from ftops.server.storage.events import Event
from ftops.server.storage.files import FileRow
from ftops.server.storage.jobs import JobRow, JobStatus
from ftops.server.storage.models import ModelRow


def publish(database: Database, blobs: Blobs, job: JobRow, prepared: Prepared, *, now: int) -> bool:
    """Makes the job's checkpoints models and the job succeeded; False when it was cancelled meanwhile."""
    with database.read() as connection:
        content = metrics.csv_of(events.metrics(connection, job), has_rewards=job.grader is not None)
        rows = checkpoints.of_job(connection, job)
    names = _names(job, rows)
    unused: list[str] = []
    # OpenAI serves this file base64-encoded, and readers of it decode it.
    with blobs.stage(base64.b64encode(content)) as staged, database.write() as connection:
        result = _result_file(job, staged, now)
        succeeded = jobs.change(
            connection,
            job,
            # A job that was to pause, but had no step left, is done.
            expect=jobs.TRAINING,
            status=JobStatus.SUCCEEDED,
            finished_at=now,
            estimated_finish=None,
            last_step=prepared.total_steps,
            trained_tokens=prepared.trained_tokens,
            fine_tuned_model=names[-1],
            result_file=result.id,
        )
        if succeeded:
            blobs.keep(connection, staged, owner=result.id)
            files.insert(connection, result)
            for name, row in zip(names, rows, strict=True):
                models.insert(connection, _model(job, row, name, now))
                unused.extend(checkpoints.publish(connection, row, model=name))
            events.append(connection, job.seq, _closing_events(names, rows), now=now)
            deliveries.announce(connection, event=EventType.JOB_SUCCEEDED, project=job.project, subject=job.id, now=now)
            unused.extend(blob_uses.release(connection, job.id))
    blobs.remove(unused)
    return succeeded


def _result_file(job: JobRow, staged: Staged, now: int) -> FileRow:
    return FileRow(
        id=ids.new_file_id(),
        project=job.project,
        created_at=now,
        expires_at=None,
        filename="step_metrics.csv",
        purpose="fine-tune-results",
        bytes=staged.size,
        sha256=staged.sha256,
    )


def _names(job: JobRow, rows: Iterable[CheckpointRow]) -> tuple[str, ...]:
    def name(model_hash: str) -> str:
        return ids.model_name(base=job.base, organization=job.organization_id, suffix=job.suffix, model_hash=model_hash)

    *earlier, _ = rows
    return (*(ids.checkpoint_name(name(ids.new_model_hash()), row.step) for row in earlier), name(job.model_hash))


def _model(job: JobRow, row: CheckpointRow, name: str, now: int) -> ModelRow:
    return ModelRow(
        name=name,
        project=job.project,
        created_at=now,
        base=job.base,
        owner=job.organization_id,
        job=job.id,
        sha256=row.sha256,
    )


def _closing_events(names: tuple[str, ...], rows: tuple[CheckpointRow, ...]) -> tuple[Event, ...]:
    made = [
        Event(
            message=f"Checkpoint created at step {row.step} with Snapshot ID: {name}",
            data={"step": row.step, "checkpoint_id": row.id},
        )
        for name, row in zip(names[:-1], rows[:-1], strict=True)
    ]
    return (
        *made,
        Event(message=f"New fine-tuned model created: {names[-1]}"),
        Event(message="The job has successfully completed"),
    )
