"""What happens to a ledger: the closed set of events, each a value. ``domain.transitions`` says what they change."""

import msgspec

from ftops.domain.attempts import CancelReason, CheckpointRecord, Choice, Closed, DeletionStage, JobStatus, RequestKind
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.preferences import PreferenceRecord
from ftops.domain.record_types import Digest, Moment
from ftops.domain.records import DatasetRecord, FileRecord, Target
from ftops.domain.scores import Comparison, EvaluationRecord


class EventRefused(Exception):
    """This event can't follow the state it meets; ``claim_lost`` where another run was first."""

    def __init__(self, message: str, *, claim_lost: bool = False) -> None:
        super().__init__(message)
        self.claim_lost = claim_lost


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Something that happened at ``at`` (UTC). Its JSON form is a line in the ledger's commit messages."""

    at: Moment


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The first record of a project. Who loses the race for it takes the winner's ledger id."""

    project: str
    ledger_id: str


class BackendSeen(Event, frozen=True, kw_only=True, tag="backend_seen"):
    """A backend was used for the first time, or its organisation became known."""

    backend: BackendName
    base_url: str
    organization: str | None = None


class CommitApplied(Event, frozen=True, kw_only=True, tag="applied"):
    """An apply of this commit began."""

    commit: str | None
    owner: str
    run_url: str | None = None


class RevisionDeclared(Event, frozen=True, kw_only=True, tag="declared"):
    """A revision was applied for the first time, by a manifest with that protection."""

    fine_tune: FineTuneName
    revision: Revision
    spec: dict[str, object]
    train: DatasetRecord
    validation: DatasetRecord | None = None
    commit: str | None = None
    is_protected: bool = False


class InputsKept(Event, frozen=True, kw_only=True, tag="inputs_kept"):
    """What a training set held is kept, as digests of its rows' inputs (``domain.trained_inputs``).

    ``train`` is the training set's SHA-256, ``digest`` that of the file of digests. ``content`` is this file; a commit's
    message leaves it out, as the commit itself has it.
    """

    train: Digest
    digest: Digest
    content: bytes = b""


class Protected(Event, frozen=True, kw_only=True, tag="protected"):
    """A manifest's ``retention.protect`` was applied: from now on nothing of this fine-tune is deleted, or again it may be."""

    fine_tune: FineTuneName
    is_protected: bool


class FileUploaded(Event, frozen=True, kw_only=True, tag="uploaded"):
    """A dataset reached a backend."""

    backend: BackendName
    sha256: str
    file: FileRecord


class FileGone(Event, frozen=True, kw_only=True, tag="file_gone"):
    """A backend no longer has a file that was uploaded to it."""

    backend: BackendName
    sha256: str


class FileDeletion(Event, frozen=True, kw_only=True, tag="file_deletion"):
    """A file that this ledger uploaded is about to be deleted at its backend, was, or was not after all.

    ``file`` is its id: another file may have come to stand for that content meanwhile.
    """

    backend: BackendName
    sha256: str
    file: str
    stage: DeletionStage


class TrainingEvent(Event, frozen=True, kw_only=True):
    """What concerns one attempt to train."""

    fine_tune: FineTuneName
    revision: Revision
    backend: BackendName
    attempt: int


class Intended(TrainingEvent, frozen=True, kw_only=True, tag="intended"):
    """A claim: this owner is about to send one POST. ``takes_over`` names the open intent that it replaces.

    ``limit_usd`` is the project's budget for this month on the backends that cost money (those not in ``rehearsals``).
    """

    intent: str
    owner: str
    run_url: str | None = None
    estimate_usd: float | None = None
    takes_over: str | None = None
    limit_usd: float | None = None
    rehearsals: tuple[str, ...] = ()


class IntentClosed(TrainingEvent, frozen=True, kw_only=True, tag="intent_closed"):
    """The POST of an intent made no job, or nobody will ever know."""

    intent: str
    closed: Closed
    message: str | None = None


class JobRecorded(TrainingEvent, frozen=True, kw_only=True, tag="job_recorded"):
    """A job exists. The first one recorded for an attempt is the job; any other is surplus and gets cancelled."""

    job: str
    status: JobStatus
    intent: str | None = None
    created_at: Moment | None = None
    is_adopted: bool = False
    is_imported: bool = False


class JobObserved(TrainingEvent, frozen=True, kw_only=True, tag="job_observed"):
    """A job's status changed, or it ended."""

    job: str
    status: JobStatus
    model: str | None = None
    trained_tokens: int | None = None
    cost_usd: float | None = None
    finished_at: Moment | None = None
    error_code: str | None = None
    error_message: str | None = None
    checkpoints: tuple[CheckpointRecord, ...] = ()


class CheckpointChosen(TrainingEvent, frozen=True, kw_only=True, tag="checkpoint_chosen"):
    """One of a job's checkpoints stands for its revision from now on, under the policy that the choice names."""

    job: str
    choice: Choice


class CancelRecorded(TrainingEvent, frozen=True, kw_only=True, tag="cancel_recorded"):
    """A cancel is about to be sent; withdrawn (``reason`` None) where the job turned out to be wanted."""

    job: str
    reason: CancelReason | None


class Requested(TrainingEvent, frozen=True, kw_only=True, tag="requested"):
    """A person asked for another attempt after this one, or for this one's job to be cancelled."""

    kind: RequestKind
    owner: str
    job: str | None = None
    run_url: str | None = None


class ModelMissed(TrainingEvent, frozen=True, kw_only=True, tag="model_missed"):
    """A backend does not know a job's model (None: its own) any more; ``is_gone``: nor at a second look, 10 minutes later."""

    job: str
    is_gone: bool = False
    model: str | None = None


class ModelSeen(TrainingEvent, frozen=True, kw_only=True, tag="model_seen"):
    """A model that was missed is there again."""

    job: str


class ModelDeletion(TrainingEvent, frozen=True, kw_only=True, tag="model_deletion"):
    """A job's model is about to be deleted at its backend, was, or was not after all."""

    job: str
    stage: DeletionStage


class Evaluated(Event, frozen=True, kw_only=True, tag="evaluated"):
    """A model was scored."""

    fine_tune: FineTuneName
    evaluation: EvaluationRecord


class Compared(Event, frozen=True, kw_only=True, tag="compared"):
    """A baseline was resolved to a model for this candidate."""

    fine_tune: FineTuneName
    comparison: Comparison


class Preferred(Event, frozen=True, kw_only=True, tag="preferred"):
    """A judge or people said which of two models' answers are better."""

    fine_tune: FineTuneName
    preferences: PreferenceRecord


class GatesPassed(Event, frozen=True, kw_only=True, tag="gates_passed"):
    """A model passed all gates that its manifest declares now."""

    fine_tune: FineTuneName
    revision: Revision
    backend: BackendName
    model: str


class AliasMoved(Event, frozen=True, kw_only=True, tag="alias_moved"):
    """An alias points elsewhere now; ``target`` None retires it. ``was`` guards against a move made meanwhile."""

    fine_tune: FineTuneName
    alias: AliasName
    target: Target | None
    was: Target | None
    reason: str
    commit: str | None = None
    override: str | None = None


class Renamed(Event, frozen=True, kw_only=True, tag="renamed"):
    """A fine-tune has a new name; its history comes along."""

    fine_tune: FineTuneName
    former: FineTuneName


class Forgot(Event, frozen=True, kw_only=True, tag="forgot"):
    """The ledger let go of a fine-tune, or of one of its former names. Nothing was deleted at a backend."""

    fine_tune: FineTuneName


class TrainingBlocked(Event, frozen=True, kw_only=True, tag="training_blocked"):
    """A backend said that this organisation may not train any more; ``message`` None once it let us again."""

    backend: BackendName
    message: str | None


AnyEvent = (
    Started
    | BackendSeen
    | CommitApplied
    | RevisionDeclared
    | InputsKept
    | Protected
    | FileUploaded
    | FileGone
    | FileDeletion
    | Intended
    | IntentClosed
    | JobRecorded
    | JobObserved
    | CheckpointChosen
    | CancelRecorded
    | Requested
    | ModelMissed
    | ModelSeen
    | ModelDeletion
    | Evaluated
    | Compared
    | Preferred
    | GatesPassed
    | AliasMoved
    | Renamed
    | Forgot
    | TrainingBlocked
)
