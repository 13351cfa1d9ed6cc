"""What is kept when somebody prunes: which revisions of a fine-tune stay, and by which rule.

Pure. A revision stays or goes as a whole, with the models of all its attempts on all backends of one ledger. What follows for
models and files is in ``deletion_steps``; the ledger's newest state has the last word in ``deletion_transitions``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ftops.domain.attempts import Attempt, JobRecord, JobStatus
from ftops.domain.deletion_transitions import is_in_training, targets_before, why_never_deleted
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.kept import Rule, Why
from ftops.domain.manifest import LATEST, BackendName, ModelId, Revision
from ftops.domain.observed import ObservedState
from ftops.domain.records import FineTuneRecord, LedgerState, Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model that the ledger has as alive, or one whose deletion was begun."""

    revision: Revision
    backend: BackendName
    attempt: Attempt
    job: JobRecord
    id: ModelId


def models_of(record: FineTuneRecord) -> Iterator[Model]:
    """Gives the models that a record has: not those that are gone or deleted, nor those whose deletion was begun."""
    for revision, backend, attempt, job in record.jobs():
        if job.status is JobStatus.SUCCEEDED and job.model is not None and not job.is_model_lost:
            yield Model(revision=revision, backend=backend, attempt=attempt, job=job, id=ModelId(job.model))


def half_deleted(record: FineTuneRecord) -> Iterator[Model]:
    """Gives the models whose deletion was begun, and not recorded as done: a run was killed, or an answer lost."""
    for revision, backend, attempt, job in record.jobs():
        is_begun = job.deleting_at is not None and job.deleted_at is None and job.gone_at is None
        if job.model is not None and is_begun and why_never_deleted(record, backend, job) is None:
            yield Model(revision=revision, backend=backend, attempt=attempt, job=job, id=ModelId(job.model))


def backends_of(state: LedgerState) -> frozenset[BackendName]:
    """Gives the backends on which a ledger has something that could be deleted."""
    models = (m for record in state.fine_tunes.values() for m in (*models_of(record), *half_deleted(record)))
    backends = state.project.backends if state.project else {}
    return frozenset(m.backend for m in models) | {BackendName(name) for name, known in backends.items() if known.files}


def kept_whole(record: FineTuneRecord, declared: Declared | None, *, is_applying: bool, is_renamed: bool) -> Why | None:
    """Says why nothing at all of a fine-tune is deleted; None where its revisions are to be looked at one by one.

    ``is_applying``: this run applies the manifest before it deletes, a ``protect: false`` too.
    """
    if declared is not None and declared.fine_tune.policy.suspend:
        return Why(rule=Rule.SUSPENDED, words="the fine-tune is suspended")
    if declared is not None and declared.fine_tune.retention.protect:
        return Why(rule=Rule.PROTECTED, words="the fine-tune is protected")
    if record.is_protected and not (declared is not None and is_applying):
        lifts = "an applied protect: false" if declared is not None else "a manifest with protect: false, applied,"
        return Why(rule=Rule.PROTECTED, words=f"the fine-tune is protected; {lifts} lifts that")
    if is_renamed:
        return Why(rule=Rule.RENAMED, words="a manifest names it in moved_from, or has a former name of it")
    return None


def kept_revisions(
    record: FineTuneRecord, declared: Declared | None, named: Mapping[str, str], found: frozenset[Revision]
) -> dict[Revision, Why]:
    """Gives the revisions that stay, each with the first rule that says so.

    ``named`` are models that manifests name, with who does; ``found`` revisions that a backend has unrecorded jobs of.
    """
    kept = _in_use(record, declared, named, found)
    if declared is None:
        return kept
    trained: dict[Revision, datetime] = {}
    for model in models_of(record):
        at = model.job.finished_at or model.job.created_at or model.job.seen_at
        trained[model.revision] = max(at, trained.get(model.revision, at))
    keep = declared.fine_tune.retention.keep
    if kept.keys().isdisjoint(trained):
        keep = max(keep, 1)  # until the declared revision has a model, the newest one stands in for it
    counted = sorted(trained.keys() - kept.keys(), key=lambda r: (trained[r], r), reverse=True)
    words = f"it is among the newest {keep} (retention.keep)" if keep > 1 else "it is the newest (retention.keep)"
    return kept | {revision: Why(rule=Rule.NEWEST, words=words) for revision in counted[:keep]}


def _in_use(
    record: FineTuneRecord, declared: Declared | None, named: Mapping[str, str], found: frozenset[Revision]
) -> dict[Revision, Why]:
    kept: dict[Revision, Why] = {}

    def keep(revision: str, rule: Rule, words: str) -> None:
        kept.setdefault(Revision(revision), Why(rule=rule, words=words))

    if declared is not None:
        keep(declared.revision, Rule.DECLARED, "it is the declared revision")
        for alias, to in sorted(declared.fine_tune.aliases.items()):
            if to != LATEST:
                keep(to, Rule.ALIAS, f"alias {alias} is pinned to it")
    for name, known in sorted(record.aliases.items()):
        for revision in _revisions_of(record, known.target):
            keep(revision, Rule.ALIAS, f"alias {name} points to it")
        for revision in sorted({r for target in targets_before(known) for r in _revisions_of(record, target)}):
            keep(revision, Rule.BEFORE_ALIAS, f"alias {name} pointed to it before")
    if declared is not None and declared.fine_tune.policy.override is not None:
        keep(declared.fine_tune.policy.override.revision, Rule.OVERRIDE, "policy.override names it")
    for revision, _, _, job in record.jobs():
        if job.is_imported:
            keep(revision, Rule.IMPORTED, "it was imported")
        for model in (job.model, *(checkpoint.model for checkpoint in job.checkpoints)):
            if model is not None and model in named:
                keep(revision, Rule.NAMED, named[model])
    for revision, training in sorted(record.revisions.items()):
        if is_in_training(training) or revision in found or any(r.revision == revision for r in record.requests):
            keep(revision, Rule.UNFINISHED, "its training has not ended")
    return kept


def _revisions_of(record: FineTuneRecord, target: Target | None) -> Iterator[str]:
    """Gives the revision that a target names, and the one that made its model, should a ledger contradict itself."""
    if target is not None:
        yield target.revision
        yield from (
            rev for rev, where, _, job in record.jobs() if where == target.backend and job.has_model(target.model)
        )


def named_models(desired: DesiredState, observed: ObservedState) -> dict[str, str]:
    """Gives every model that some manifest needs by its id, and in words who does.

    As a base model, as a gate's baseline, in a grader, or as what a present candidate was compared with.
    """
    named: dict[str, str] = {}
    for declared in desired.fine_tunes:
        tune = declared.fine_tune
        for spec in tune.evals:
            for condition in spec.gate:
                if condition.baseline is not None and condition.baseline.model is not None:
                    named.setdefault(condition.baseline.model, f"a gate of {tune.name} compares with it")
            for text in _texts(spec.grader):
                named.setdefault(text, f"a grader of {tune.name} names it")
        named.setdefault(tune.base_model, f"{tune.name} is trained from it")
        for text in _texts(tune.method.grader):
            named.setdefault(text, f"a grader of {tune.name} names it")
        for model in _compared_with(declared, observed):
            named.setdefault(model, f"the candidate of {tune.name} is compared with it")
    return named


def _compared_with(declared: Declared, observed: ObservedState) -> Iterator[str]:
    wanted = {declared.revision, *declared.fine_tune.aliases.values()}
    for _, ledger in observed.distinct_ledgers:
        for name in (declared.name, *declared.fine_tune.moved_from):
            record = ledger.named(name)
            if record is None:
                continue
            jobs = [job for revision, _, _, job in record.jobs() if revision in wanted]
            yield from (c.model for c in record.comparisons if any(job.has_model(c.candidate) for job in jobs))


def _texts(value: Any) -> Iterator[str]:
    """Gives all texts inside a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
