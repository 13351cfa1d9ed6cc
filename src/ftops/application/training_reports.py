"""How a training went, and what that and the answers of its model advise.

Owns where curves come from: this machine's cache, else the backend, once the job has succeeded. ``domain.advice`` has the
rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ftops.application.item_reports import ItemReport
from ftops.application.workspace import Workspace
from ftops.domain.advice import Advice, Answers, Training, advise
from ftops.domain.attempts import JobRecord
from ftops.domain.curves import StepMetrics
from ftops.domain.desired import Declared
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.manifest import Backend, JobId
from ftops.domain.records import FineTuneRecord
from ftops.errors import BackendError
from ftops.ports import BackendSession


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingReport:
    """What a job measured and what is advised; ``why_not`` says why there is no curve."""

    job: JobId
    metrics: tuple[StepMetrics, ...]
    advice: tuple[Advice, ...]
    why_not: str = ""


def training_report(
    workspace: Workspace,
    declared: Declared,
    record: FineTuneRecord,
    judgement: Judgement | None,
    items: Sequence[ItemReport],
) -> TrainingReport | None:
    """Reports on the job that trained the declared revision; None where none did."""
    known = record.revisions.get(declared.revision)
    job = known.trained_job(declared.backend.name) if known else None
    if job is None:
        return None
    metrics, why_not = _metrics(workspace, declared.backend, job)
    training = Training(hyperparameters=declared.fine_tune.method.hyperparameters, rows=declared.train.rows)
    return TrainingReport(
        job=JobId(job.id),
        metrics=metrics,
        advice=advise(metrics, training, _answers(judgement, items)),
        why_not=why_not,
    )


def _metrics(workspace: Workspace, backend: Backend, job: JobRecord) -> tuple[tuple[StepMetrics, ...], str]:
    key = f"{backend.name} {job.id}"
    kept = workspace.curves.get(key)
    if kept is not None:
        return kept, ""
    session = _session(workspace, backend)
    if isinstance(session, str):
        return (), f"not read yet, and {backend.name} can't be asked now: {session}"
    try:
        metrics = session.jobs.metrics(JobId(job.id))
    except BackendError as error:
        return (), f"they can't be read: {error.message}"
    if not metrics:
        return (), f"{backend.name} tells nothing of job {job.id}'s steps"
    workspace.curves[key] = metrics
    return metrics, ""


def _session(workspace: Workspace, backend: Backend) -> BackendSession | str:
    """Gives a session, starting an embedded server for it where none runs; else says why there is none."""
    known: BackendSession | str | None = workspace.sessions.get(backend.name) or workspace.offline.get(backend.name)
    return workspace.start(backend) if known is None else known


def _answers(judgement: Judgement | None, items: Sequence[ItemReport]) -> Answers:
    """Takes the evaluation whose answers are most uniform beside its references."""
    is_withheld = judgement is not None and judgement.verdict in {Verdict.FAIL, Verdict.INSUFFICIENT_EVIDENCE}
    told = max(items, key=lambda one: one.commonest - one.commonest_reference, default=None)
    if told is None:
        return Answers(is_withheld=is_withheld)
    return Answers(
        count=told.count,
        commonest=told.commonest,
        commonest_reference=told.commonest_reference,
        is_withheld=is_withheld,
    )
