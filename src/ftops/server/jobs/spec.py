"""What a job trains on, put together from what is stored: rows, checked anew, parent weights, and the grader's reward."""

from collections.abc import Mapping
from typing import Any

from ftops.graders.reading import parse_grader
from ftops.server.engines.interface import TrainingSpec
from ftops.server.grading.rewards import Rewards, judge_of, reward_of
from ftops.server.jobs.training_files import training_rows_of, validation_rows_of
from ftops.server.jobs.workshop import Workshop
from ftops.server.storage.jobs import JobRow


def read_rewards(workshop: Workshop, job: JobRow) -> Rewards | None:
    """What the job's grader gives, asking the project's models; None without a grader."""
    if job.grader is None:
        return None
    return reward_of(parse_grader(job.grader), judge=judge_of(workshop.shelf, project=job.project))


def read_spec(workshop: Workshop, job: JobRow, rewards: Rewards | None) -> TrainingSpec:
    """The job's spec with its rewards, the same whenever it is read.

    ``JobFailure`` when rows don't fit, ``DamagedBlob`` when they are lost.
    """
    grader = None if rewards is None else rewards.grader
    validation_rows: tuple[Mapping[str, Any], ...] = ()
    content = workshop.blobs.read(job.training_sha256)
    train_rows = training_rows_of(content, method=job.method, model=job.model, grader=grader)
    if job.validation_sha256 is not None:
        content = workshop.blobs.read(job.validation_sha256)
        validation_rows = validation_rows_of(content, method=job.method, model=job.model, grader=grader)
    return TrainingSpec(
        base=job.base,
        method=job.method,
        train_rows=train_rows,
        validation_rows=validation_rows,
        seed=job.seed,
        hyperparameters=job.given,
        parent=None if job.parent_sha256 is None else workshop.blobs.read(job.parent_sha256),
        reward=rewards,
    )
