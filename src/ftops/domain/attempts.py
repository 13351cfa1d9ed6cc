"""Attempts to train: intents, jobs and checkpoints as the ledger records them, and what people ask for about them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from ftops.domain.record_types import Count, Digest, Id, Moment, Name, Record, ShortDigest, Text


class JobStatus(StrEnum):
    """OpenAI's words, and ``paused`` and ``pausing``, which occur though its document doesn't list them."""

    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended and will not change any more."""
        # By identity: plans ask this of every job that there ever was.
        return self is JobStatus.SUCCEEDED or self is JobStatus.FAILED or self is JobStatus.CANCELLED


class CancelReason(StrEnum):
    """Why ftops cancelled a job."""

    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    REQUESTED = "requested"


class Closed(StrEnum):
    """How an intent ended: with a job, without one, or taken over by another run.

    Rejected is the backend's answer; unsent says that the call took no effect, as one that was throttled.
    """

    JOB = "job"
    REJECTED = "rejected"
    UNSENT = "unsent"
    LOST = "lost"
    TAKEN_OVER = "taken_over"
    ABANDONED = "abandoned"


class RequestKind(StrEnum):
    """What a person asked for by a command, for apply to carry out."""

    RETRY = "retry"
    CANCEL = "cancel"


class DeletionStage(StrEnum):
    """How far a deletion is: about to be sent, done, or not done after all."""

    BEGUN = "begun"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Request(Record, frozen=True, kw_only=True):
    """A person's wish about one attempt. It stands until apply has carried it out; the log remembers it after that.

    A retry concerns the attempt that ended without a model, or whose model is gone; a cancel concerns ``job``.
    """

    kind: RequestKind
    revision: ShortDigest
    backend: Name
    attempt: Count
    job: Id | None = None
    at: Moment
    owner: Text
    run_url: Text | None = None


class Intent(Record, frozen=True, kw_only=True):
    """Written before a paid POST. It is open until ``closed`` says how it ended."""

    id: Id
    number: Count
    owner: Text
    at: Moment
    estimate_usd: float | None = None
    run_url: Text | None = None
    closed: Closed | None = None
    message: Text | None = None


class CheckpointRecord(Record, frozen=True, kw_only=True):
    """A checkpoint of a job that can be called by its model id."""

    step: Count
    model: Id
    valid_loss: float | None = None


class Choice(Record, frozen=True, kw_only=True):
    """Which checkpoint of a job stands for its revision under a ``policy.checkpoints`` that chooses, and why in words.

    ``among`` checkpoints were looked at. ``evaluation`` and ``dataset`` are the digests of the evaluation that chose and of
    its rows, None where the loss over the validation set did. Under ``last`` nothing is chosen: the job's own model is meant.
    """

    policy: Literal["best_validation_loss", "evaluate"]
    model: Id
    step: Count
    among: Count
    evaluation: Digest | None = None
    dataset: Digest | None = None
    why: Text


class JobRecord(Record, frozen=True, kw_only=True):
    """A job as last seen. Once its status is final it is not read again.

    ``choices`` has one entry for each policy by which one of its checkpoints was chosen. Of its model: ``missed_at`` is when
    the backend first did not know it any more, ``gone_at`` when a second look confirmed that, and ``missed`` the checkpoint
    of which that is said, where it isn't the job's own model; ``deleting_at`` and ``deleted_at`` tell of a deletion by ftops.
    ``is_imported``: ftops did not create this job.
    """

    id: Id
    status: JobStatus
    seen_at: Moment
    intent: Id | None = None
    model: Id | None = None
    trained_tokens: Count | None = None
    cost_usd: float | None = None
    created_at: Moment | None = None
    finished_at: Moment | None = None
    error_code: Text | None = None
    error_message: Text | None = None
    checkpoints: tuple[CheckpointRecord, ...] = ()
    choices: tuple[Choice, ...] = ()
    cancel: CancelReason | None = None
    cancel_at: Moment | None = None
    is_adopted: bool = False
    is_imported: bool = False
    missed: Id | None = None
    missed_at: Moment | None = None
    gone_at: Moment | None = None
    deleting_at: Moment | None = None
    deleted_at: Moment | None = None

    @property
    def is_alive(self) -> bool:
        """Whether this job leads to a model, or has led to one that was not lost."""
        if self.status is JobStatus.SUCCEEDED:
            return not self.is_model_lost
        return not self.status.is_final

    @property
    def ending(self) -> str:
        """How the job ended, in words."""
        is_empty = self.status is JobStatus.SUCCEEDED and self.model is None
        how = "succeeded without a model" if is_empty else self.status.value
        return f"{how}: {self.error_message}" if self.error_message else how

    def has_model(self, model: str) -> bool:
        """Whether this job made that model, as its result or as a checkpoint."""
        return model == self.model or any(checkpoint.model == model for checkpoint in self.checkpoints)

    def choice(self, policy: str) -> Choice | None:
        """What was chosen of its checkpoints under a policy; None where nothing was, or nothing had to be."""
        return next((choice for choice in self.choices if choice.policy == policy), None)

    @property
    def is_missed(self) -> bool:
        """Whether the backend did not know the model at a first look: nothing is done with it until a second one."""
        return self.missed_at is not None and not self.is_model_lost

    @property
    def is_model_lost(self) -> bool:
        """Whether the model can't be counted on: gone at the backend, or deleted by ftops, or about to be."""
        return self.gone_at is not None or self.deleting_at is not None or self.deleted_at is not None


class Attempt(Record, frozen=True, kw_only=True):
    """One attempt to train a revision: its intents in order, the one job that counts, and any surplus ones."""

    number: Count
    intents: tuple[Intent, ...] = ()
    job: JobRecord | None = None
    surplus: tuple[JobRecord, ...] = ()

    @property
    def jobs(self) -> tuple[JobRecord, ...]:
        """The job that counts, then the surplus ones."""
        return self.surplus if self.job is None else (self.job, *self.surplus)

    @property
    def is_settled(self) -> bool:
        """Whether nothing will come of it any more: no intent is open, and all of its jobs have ended."""
        if self.job is not None and not self.job.status.is_final:
            return False
        return all(job.status.is_final for job in self.surplus) and self.open_intent is None

    @property
    def open_intent(self) -> Intent | None:
        """The intent that somebody may be acting on now."""
        return next((intent for intent in self.intents if intent.closed is None), None)


def counting_attempt(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt, of some in order, that says where a revision stands.

    The newest one that is claimed or whose job lives or succeeded; else the newest. An older one counts where its job was
    found after a later attempt had failed.
    """
    counting = (a for a in reversed(attempts) if a.open_intent or (a.job and a.job.is_alive))
    return next(counting, attempts[-1] if attempts else None)
