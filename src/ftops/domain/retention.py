"""What may be deleted when somebody prunes, and what is kept and why.

Pure, and cautious: a model is kept for any reason that holds, and what can't be asked about is left alone. ``planner`` makes
actions of what goes, ``guard`` may take them away again, and ``deletion_transitions`` has the last word on the newest ledger.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ftops.domain.attempts import JobRecord, JobStatus
from ftops.domain.deletion_transitions import datasets_of, is_in_training, targets_before
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.manifest import LATEST, BackendName, FineTuneName, ModelId, Revision
from ftops.domain.records import FileRecord, FineTuneRecord, LedgerState


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A tuned model of the ledger that is still at its backend, as far as is known."""

    fine_tune: FineTuneName
    revision: Revision
    backend: BackendName
    attempt: int
    job: JobRecord
    id: ModelId

    @property
    def made_at(self) -> datetime:
        """When its training ended, as well as the ledger knows."""
        return self.job.finished_at or self.job.created_at or self.job.seen_at


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A dataset that the ledger uploaded, and the revisions that were trained with it, by fine-tune."""

    backend: BackendName
    sha256: str
    file: FileRecord
    users: tuple[tuple[FineTuneRecord, Revision], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sorted:
    """One fine-tune's models: those that go, newest first, and those that stay, each with the rule that keeps it."""

    record: FineTuneRecord
    is_declared: bool
    surplus: tuple[Model, ...]
    kept: tuple[tuple[Model, str], ...]


def sort_models(record: FineTuneRecord, declared: Declared | None, desired: DesiredState) -> Sorted:
    """Tells what goes from what stays of one fine-tune; ``declared`` None where no manifest accounts for it."""
    models = sorted(models_of(record), key=lambda model: (model.made_at, model.id), reverse=True)
    keep = declared.fine_tune.retention.keep if declared else 0
    surplus, kept = [], []
    counted: list[Revision] = []
    for model in models:
        why = _why_kept(model, record, declared, desired)
        if why is None and model.revision not in counted and len(counted) < keep and not model.job.deleting_at:
            counted.append(model.revision)
        if why is None and model.revision in counted:
            why = f"one of the {keep} newest (spec.retention.keep)"
        if why is None:
            surplus.append(model)
        else:
            kept.append((model, why))
    return Sorted(record=record, is_declared=declared is not None, surplus=tuple(surplus), kept=tuple(kept))


def models_of(record: FineTuneRecord) -> Iterator[Model]:
    """Gives the models that a fine-tune's jobs made and that neither a backend nor ftops is known to have deleted."""
    for revision, backend, attempt, job in record.jobs():
        if job.status is JobStatus.SUCCEEDED and job.model and not (job.gone_at or job.deleted_at):
            yield Model(
                fine_tune=FineTuneName(record.name),
                revision=revision,
                backend=backend,
                attempt=attempt.number,
                job=job,
                id=ModelId(job.model),
            )


def surplus_files(ledger: LedgerState, desired: DesiredState, going: Container[ModelId]) -> Iterator[File]:
    """Gives the files that nothing needs any more and whose fine-tunes all say ``retention.files: delete``.

    A file stays while a declared or unfinished revision uses it, or one that has a model which is not among those ``going``.
    """
    if ledger.project is None:
        return
    wanted = {part.sha256 for d in desired.fine_tunes for part in (d.train, d.validation) if part is not None}
    for backend, known in sorted(ledger.project.backends.items()):
        for sha256, file in sorted(known.files.items()):
            users = tuple(_users(ledger, sha256))
            if users and sha256 not in wanted and all(_lets_go(*user, desired, going) for user in users):
                yield File(backend=BackendName(backend), sha256=sha256, file=file, users=users)


def _users(ledger: LedgerState, sha256: str) -> Iterator[tuple[FineTuneRecord, Revision]]:
    for _, record in sorted(ledger.fine_tunes.items()):
        for revision, known in sorted(record.revisions.items()):
            if sha256 in datasets_of(known):
                yield record, Revision(revision)


def _lets_go(record: FineTuneRecord, revision: Revision, desired: DesiredState, going: Container[ModelId]) -> bool:
    declared = desired.named(FineTuneName(record.name))
    is_suspended = declared is not None and declared.fine_tune.policy.suspend
    if record.is_protected or is_suspended or is_in_training(record.revisions[revision]):
        return False
    says = declared.fine_tune.retention.files if declared else _recorded_wish(record)
    return says == "delete" and all(model.id in going for model in models_of(record) if model.revision == revision)


def _recorded_wish(record: FineTuneRecord) -> Any:
    """What the last manifest of a fine-tune that none declares any more said of its files."""
    _, newest = max(record.revisions.items(), key=lambda item: (item[1].declared_at, item[0]))
    retention = newest.spec.get("retention")
    return retention.get("files") if isinstance(retention, Mapping) else None


def _why_kept(model: Model, record: FineTuneRecord, declared: Declared | None, desired: DesiredState) -> str | None:
    """Gives the rule that keeps a model whatever ``keep`` says; None where there is none."""
    if record.is_protected or (declared is not None and declared.fine_tune.retention.protect):
        return "protected (spec.retention.protect)"
    if model.job.is_imported:
        return "imported: ftops did not make it"
    for alias, known in sorted(record.aliases.items()):
        for word, targets in (("is", {known.target}), ("was", targets_before(known))):
            if any(t and (t.backend, t.revision) == (model.backend, model.revision) for t in targets):
                return f"{alias} {word} there"
    if _is_baseline(model, record, declared, desired):
        return "a baseline"
    return _why_wanted(model, declared) if declared else None


def _why_wanted(model: Model, declared: Declared) -> str | None:
    fine_tune = declared.fine_tune
    if model.revision == declared.revision:
        return "declared"
    for alias, wanted in sorted(fine_tune.aliases.items()):
        if wanted not in {LATEST, declared.revision} and wanted == model.revision:
            return f"{alias} is pinned to it"
    override = fine_tune.policy.override
    return "spec.policy.override names it" if override and override.revision == model.revision else None


def _is_baseline(model: Model, record: FineTuneRecord, declared: Declared | None, desired: DesiredState) -> bool:
    """Whether a gate compares with a model: any manifest's by its id, or what the declared one was compared with."""
    conditions = (c for d in desired.fine_tunes for spec in d.fine_tune.evals for c in spec.gate)
    if any(c.baseline is not None and model.job.has_model(c.baseline.model or "") for c in conditions):
        return True
    if declared is None:
        return False
    candidates = {found.id for found in models_of(record) if found.revision == declared.revision}
    return any(
        c.candidate in candidates and c.backend == model.backend and model.job.has_model(c.model)
        for c in record.comparisons
    )
