"""What happened to a ledger, in a sentence for each kind of event: ``ftops history`` prints them."""

from typing import assert_never

from ftops.domain import events as e
from ftops.domain.attempts import DeletionStage, RequestKind
from ftops.domain.record_types import ADOPTED

_ProjectEvent = (
    e.Started
    | e.BackendSeen
    | e.CommitApplied
    | e.FileUploaded
    | e.FileGone
    | e.FileDeletion
    | e.TrainingBlocked
    | e.Forgot
    | e.InputsKept
)
_FineTuneEvent = (
    e.RevisionDeclared | e.Protected | e.Renamed | e.Evaluated | e.Compared | e.Preferred | e.GatesPassed | e.AliasMoved
)


def sentence(event: e.AnyEvent) -> str:
    """Says in a line what happened."""
    if isinstance(event, _ProjectEvent):
        return _of_project(event)
    what = _of_fine_tune(event) if isinstance(event, _FineTuneEvent) else _of_training(event)
    return f"{event.fine_tune}: {what}"


def _of_project(event: _ProjectEvent) -> str:
    match event:
        case e.Started(project=project, ledger_id=ledger_id):
            return f"ledger {ledger_id} of project {project} started"
        case e.BackendSeen(backend=backend, base_url=base_url, organization=organization):
            return f"backend {backend}: {base_url}" + (f", organisation {organization}" if organization else "")
        case e.CommitApplied(commit=commit, owner=owner, run_url=url):
            return f"commit {commit[:12] if commit else 'none'} applied by {url or owner}"
        case e.FileUploaded(file=file, backend=backend):
            return f"file {file.id} ({file.size:,} bytes) at {backend}"
        case e.FileGone(sha256=sha256, backend=backend):
            return f"the file with content {sha256[:12]} is gone from {backend}"
        case e.FileDeletion(file=file_id, backend=backend, stage=stage):
            return f"file {file_id} at {backend} {_deletion(stage)}"
        case e.TrainingBlocked(backend=backend, message=message):
            return f"{backend}: {message}" if message else f"{backend} lets this organisation train again"
        case e.InputsKept(train=train):
            return f"the digests of the inputs of training set {train[:12]} kept"
        case e.Forgot(fine_tune=name):
            return f"{name} forgotten; nothing was deleted"
        case _:
            assert_never(event)


def _of_fine_tune(event: _FineTuneEvent) -> str:
    match event:
        case e.RevisionDeclared(revision=revision, train=train):
            data = "its data is gone" if train.sha256.startswith(ADOPTED) else f"{train.rows} rows to train on"
            return f"revision {revision} declared, {data}"
        case e.Protected(is_protected=is_protected):
            return "protected: nothing of it is deleted" if is_protected else "no longer protected"
        case e.Renamed(former=former):
            return f"was {former}"
        case e.Evaluated(evaluation=evaluation):
            end = f", error: {evaluation.error}" if evaluation.error else ""
            return f"{evaluation.model} measured under {evaluation.name}{end}"
        case e.Compared(comparison=comparison):
            return f"{comparison.candidate} is compared with {comparison.model}"
        case e.Preferred(preferences=said):
            who = "a judge" if said.grader else "a person" if said.annotators == 1 else f"{said.annotators} people"
            end = f", error: {said.error}" if said.error else ""
            return f"{who} compared {said.candidate} with {said.baseline} under {said.name}{end}"
        case e.GatesPassed(revision=revision, model=model):
            return f"revision {revision} passed its gates ({model})"
        case e.AliasMoved(target=None, alias=alias):
            return f"{alias} retired"
        case e.AliasMoved(target=target, was=was):
            before = was.revision if was else "nothing"
            after = f"{target.revision} ({target.model})" if target else "nothing"
            why = f", override: {event.override}" if event.override else ""
            return f"{event.alias} {before} → {after} [{event.reason}{why}]"
        case _:
            assert_never(event)


def _of_training(event: e.TrainingEvent) -> str:
    match event:
        case e.Intended():
            cost = f", about ${event.estimate_usd:,.2f}" if event.estimate_usd is not None else ""
            return f"{event.owner} is about to create the job of {event.revision}{cost}"
        case e.IntentClosed():
            return f"no job for {event.revision}: {event.closed.value} {event.message or ''}".rstrip()
        case e.JobRecorded():
            how = "imported" if event.is_imported else "found" if event.is_adopted else "created"
            return f"job {event.job} of {event.revision} {how}"
        case e.JobObserved():
            made = f", made {event.model}" if event.model else ""
            cost = f", ${event.cost_usd:,.2f}" if event.cost_usd else ""
            why = f": {event.error_message}" if event.error_message else ""
            return f"job {event.job} {event.status.value}{made}{cost}{why}"
        case e.CheckpointChosen(choice=choice):
            return f"{choice.model} stands for revision {event.revision} ({choice.policy}): {choice.why}"
        case e.CancelRecorded():
            what = f"cancelled as {event.reason.value}" if event.reason else "kept after all"
            return f"job {event.job} {what}"
        case e.Requested(kind=RequestKind.RETRY):
            return f"{event.run_url or event.owner} asked for another attempt at {event.revision} on {event.backend}"
        case e.Requested():
            return f"{event.run_url or event.owner} asked to cancel job {event.job} of {event.revision}"
        case e.ModelMissed():
            how = "gone" if event.is_gone else "not found at a first look"
            what = f"checkpoint {event.model}" if event.model else "the model"
            return f"{what} of job {event.job} ({event.revision}) is {how} at {event.backend}"
        case e.ModelSeen():
            return f"the model of job {event.job} ({event.revision}) is there again at {event.backend}"
        case e.ModelDeletion(stage=stage):
            return f"the model of job {event.job} ({event.revision}) at {event.backend} {_deletion(stage)}"
        case _:
            raise AssertionError(event)


def _deletion(stage: DeletionStage) -> str:
    match stage:
        case DeletionStage.BEGUN:
            return "is about to be deleted"
        case DeletionStage.DONE:
            return "deleted"
        case DeletionStage.WITHDRAWN:
            return "kept after all"
        case _:
            assert_never(stage)
