"""Deletes models and files at a backend: recorded before the call, and after it, so that a crash in between is made good.

What may be deleted the planner decides; the ledger's newest state has the last word, as its events are refused where an alias
points to the model meanwhile. A deletion whose answer was lost stays begun, and is finished by the next run that deletes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ftops.application.workspace import Workspace, kept_pending
from ftops.domain.attempts import DeletionStage
from ftops.domain.events import AnyEvent, FileDeletion, ModelDeletion
from ftops.domain.manifest import BackendName, ModelId
from ftops.domain.plan import DeleteFile, DeleteModel
from ftops.domain.records import LedgerState
from ftops.errors import Rejected, Unauthorized, Unreachable


def delete_model(workspace: Workspace, action: DeleteModel) -> str:
    """Deletes a job's model, then those of its checkpoints, which are models of their own at a backend.

    Raises BackendError, LedgerError, Stale, Interrupted and ``domain.events.EventRefused``.
    """

    def event(stage: DeletionStage) -> ModelDeletion:
        return ModelDeletion(
            at=workspace.clock.now(),
            fine_tune=action.fine_tune,
            revision=action.revision,
            backend=action.backend,
            attempt=action.attempt,
            job=action.job,
            stage=stage,
        )

    said = f"{action.model} of revision {action.revision}"
    with _recorded(workspace, action.backend, event, what=action.model) as state:
        models = workspace.sessions[action.backend].models
        with _withdrawn_where_refused(workspace, action.backend, event):
            models.delete(action.model)
        for checkpoint in _checkpoints(state, action):
            try:
                models.delete(checkpoint)
            except Rejected as error:  # some backends let go of a job's result only
                said += f"; its checkpoint {checkpoint} is left: {error.message}"
    return said


def delete_file(workspace: Workspace, action: DeleteFile) -> str:
    """Deletes a dataset's file. Raises BackendError, LedgerError, Stale, Interrupted and ``domain.events.EventRefused``."""

    def event(stage: DeletionStage) -> FileDeletion:
        return FileDeletion(
            at=workspace.clock.now(), backend=action.backend, sha256=action.sha256, file=action.file, stage=stage
        )

    with (
        _recorded(workspace, action.backend, event, what=action.file),
        _withdrawn_where_refused(workspace, action.backend, event),
    ):
        workspace.sessions[action.backend].files.delete(action.file)
    return action.file


@contextmanager
def _recorded(
    workspace: Workspace, backend: BackendName, event: Callable[[DeletionStage], AnyEvent], *, what: str
) -> Iterator[LedgerState]:
    """Records a deletion as begun, on the newest state and past the fence, and as done where the block ends."""
    ledger = workspace.ledgers[backend]
    yield ledger.record([event(DeletionStage.BEGUN)], workspace.fence(backend)).state
    if ledger.record_eventually([event(DeletionStage.DONE)]) is None:
        raise kept_pending(ledger, f"{what} was deleted; that is")


@contextmanager
def _withdrawn_where_refused(
    workspace: Workspace, backend: BackendName, event: Callable[[DeletionStage], AnyEvent]
) -> Iterator[None]:
    """Takes the record back where the call took no effect: the thing is still there, and can be counted on."""
    try:
        yield
    except (Rejected, Unreachable) as error:
        workspace.ledgers[backend].record_eventually([event(DeletionStage.WITHDRAWN)])
        if isinstance(error, Unauthorized):
            message = f"{error.message}; deleting takes the key of an owner of the organisation"
            raise Unauthorized(message, status=error.status, code=error.code, remedy=error.remedy) from error
        raise


def _checkpoints(state: LedgerState, action: DeleteModel) -> tuple[ModelId, ...]:
    """The models of a job's checkpoints; the last one bears the name of the job's own."""
    record = state.named(action.fine_tune)
    job = next((job for *_, job in record.jobs() if job.id == action.job), None) if record else None
    models = (checkpoint.model for checkpoint in job.checkpoints) if job else ()
    return tuple(ModelId(model) for model in dict.fromkeys(models) if model != action.model)
