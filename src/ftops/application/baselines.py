"""Which model a declared baseline is, for one candidate.

Owns the resolution: a baseline is resolved when its candidate is first judged, and stays what it was then. Pure over the
ledger's record.
"""

from dataclasses import dataclass

from ftops.domain.desired import Declared
from ftops.domain.manifest import AliasName, BackendName, Baseline, FewShot, ModelId, PromptFile, Revision
from ftops.domain.records import FineTuneRecord, Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """The model that is judged, and where it came from.

    ``revision`` is None where this fine-tune did not train it; ``asks`` is a prompt for this model alone, like a baseline's.
    ``day`` (YYYY-MM-DD) is set where what models without a date in their names answered counts for that day only.
    """

    model: ModelId
    backend: BackendName
    revision: Revision | None = None
    asks: FewShot | PromptFile | None = None
    day: str | None = None

    @property
    def keeps_for(self) -> ModelId:
        """For whom answers are kept of models whose names have no date."""
        return self.model if self.day is None else ModelId(f"{self.model}:{self.day}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedBaseline:
    """A baseline's model and where it is called; ``revision`` where this fine-tune trained it; ``note`` is for the report."""

    model: ModelId
    backend: BackendName
    revision: Revision | None = None
    note: str | None = None


def resolve_baseline(
    record: FineTuneRecord, declared: Declared, candidate: Candidate, baseline: Baseline, *, form: str
) -> ResolvedBaseline:
    """Gives the model to compare with.

    What this candidate was compared with before under the same form stays, whatever an alias points to meanwhile. An alias
    means its target, called on the target's backend; never the candidate itself, but the target before it. An alias
    without a model, and a model that would be its own baseline, mean the base model, with a note.
    """
    for known in reversed(record.comparisons):
        if known.candidate == candidate.model and known.form == form:
            backend = BackendName(known.backend)
            return ResolvedBaseline(
                model=ModelId(known.model),
                backend=backend,
                revision=record.revision_of_model(backend, known.model),
                note=known.note,
            )
    if baseline.alias is not None:
        return _of_alias(record, declared, candidate, baseline.alias)
    if baseline.model is not None:
        backend = baseline.backend or candidate.backend
        if (baseline.model, backend) == (candidate.model, candidate.backend):
            return _base(
                record, declared, candidate, note=f"{baseline.model} is the candidate itself: the base model is taken"
            )
        revision = record.revision_of_model(backend, baseline.model)
        return ResolvedBaseline(model=baseline.model, backend=backend, revision=revision)
    return _base(record, declared, candidate)


def base_model_of(record: FineTuneRecord, declared: Declared, revision: Revision | None) -> str:
    """Gives the base model that a revision was trained from; the declared one where there is no revision."""
    known = record.revisions.get(revision) if revision is not None else None
    if revision != declared.revision and known is not None:
        return str(known.spec.get("base_model", declared.fine_tune.base_model))
    return declared.fine_tune.base_model


def _base(
    record: FineTuneRecord, declared: Declared, candidate: Candidate, *, note: str | None = None
) -> ResolvedBaseline:
    model = base_model_of(record, declared, candidate.revision)
    return ResolvedBaseline(model=ModelId(model), backend=candidate.backend, note=note)


def _of_alias(record: FineTuneRecord, declared: Declared, candidate: Candidate, alias: AliasName) -> ResolvedBaseline:
    if record.target_of(alias) is None:
        return _base(record, declared, candidate, note=f"alias {alias} has no model yet: the base model is taken")
    targets = [move.target for move in reversed(record.aliases[alias].history) if move.target is not None]
    for number, target in enumerate(targets):
        if not _is_candidate(target, candidate):
            note = f"alias {alias} points to the candidate: the model before it is taken" if number else None
            return ResolvedBaseline(
                model=ModelId(target.model),
                backend=BackendName(target.backend),
                revision=Revision(target.revision),
                note=note,
            )
    note = f"alias {alias} never pointed to another model: the base model is taken"
    return _base(record, declared, candidate, note=note)


def _is_candidate(target: Target, candidate: Candidate) -> bool:
    return (target.model, target.backend) == (candidate.model, candidate.backend)
