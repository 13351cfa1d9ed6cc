"""Deletes models and files at a backend: recorded before the call, and after it, so that a crash in between is made good.

What may be deleted the planner decides; the ledger's newest state has the last word, as its events are refused where an alias
points to the model meanwhile.
"""

from ftops.application.workspace import Workspace, kept_pending
from ftops.domain.attempts import DeletionStage
from ftops.domain.events import FileDeletion, ModelDeletion
from ftops.domain.plan import DeleteFile, DeleteModel
from ftops.errors import Rejected


def delete_model(workspace: Workspace, action: DeleteModel) -> str:
    """Deletes a job's model. Raises BackendError, LedgerError, Stale, Interrupted and ``domain.events.EventRefused``."""
    ledger = workspace.ledgers[action.backend]

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

    ledger.record([event(DeletionStage.BEGUN)], workspace.fence(action.backend))
    try:
        workspace.sessions[action.backend].models.delete(action.model)
    except Rejected:
        ledger.record_eventually([event(DeletionStage.WITHDRAWN)])
        raise
    if ledger.record_eventually([event(DeletionStage.DONE)]) is None:
        raise kept_pending(ledger, f"{action.model} was deleted; that is")
    return f"{action.model} of revision {action.revision}"


def delete_file(workspace: Workspace, action: DeleteFile) -> str:
    """Deletes a dataset's file. Raises BackendError, LedgerError, Stale, Interrupted and ``domain.events.EventRefused``."""
    ledger = workspace.ledgers[action.backend]

    def event(stage: DeletionStage) -> FileDeletion:
        return FileDeletion(
            at=workspace.clock.now(), backend=action.backend, sha256=action.sha256, file=action.file, stage=stage
        )

    ledger.record([event(DeletionStage.BEGUN)], workspace.fence(action.backend))
    try:
        workspace.sessions[action.backend].files.delete(action.file)
    except Rejected:
        ledger.record_eventually([event(DeletionStage.WITHDRAWN)])
        raise
    if ledger.record_eventually([event(DeletionStage.DONE)]) is None:
        raise kept_pending(ledger, f"{action.file} was deleted; that is")
    return action.file
