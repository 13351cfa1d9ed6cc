"""An import as the ledger's events: revisions, attempts and jobs of one fine-tune, and where an alias points from now on.

Owns which attempt an imported job is. A job that is imported never takes the place of one that the ledger has already.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from ftops.application.import_candidates import Candidate
from ftops.application.import_fetch import Fetched
from ftops.domain.attempts import Attempt, CheckpointRecord, JobStatus
from ftops.domain.desired import Dataset, Declared
from ftops.domain.events import AliasMoved, AnyEvent, JobObserved, JobRecorded, ModelMissed, RevisionDeclared
from ftops.domain.manifest import LATEST, AliasName, Backend, FineTuneName, JobId, Revision
from ftops.domain.pricing import training_price
from ftops.domain.record_types import ADOPTED
from ftops.domain.records import DatasetRecord, LedgerState, Target
from ftops.domain.training_steps import attempt_of
from ftops.ports import ManifestDraft

IMPORTED: Final = "imported"


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoptee:
    """A fine-tune that is imported: its jobs as revisions, oldest first.

    ``declared`` is the manifest that is there already, ``draft`` the one to be written; neither where only history comes
    to a fine-tune that no manifest declares. ``head`` is the job that the draft declares.
    """

    name: FineTuneName
    label: str
    base_model: str
    candidates: tuple[Candidate, ...]
    declared: Declared | None = None
    draft: ManifestDraft | None = None
    head: Candidate | None = None

    @property
    def declared_revision(self) -> Revision | None:
        """The revision that its manifest declares, or will."""
        if self.declared is not None:
            return self.declared.revision
        return self.head.revision if self.head else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """Makes the events of one import at one moment."""

    backend: Backend
    fetched: Fetched
    lost: frozenset[JobId]
    at: datetime

    def events(self, adoptee: Adoptee, state: LedgerState) -> Iterator[AnyEvent]:
        """Gives what happened to a fine-tune; jobs that ``state`` has already are left out."""
        known = {job.id for record in state.fine_tunes.values() for *_, job in record.jobs()}
        fresh = [candidate for candidate in adoptee.candidates if candidate.past.id not in known]
        for revision, candidates in _by_revision(fresh).items():
            yield self._declaration(adoptee, candidates[0])
            record = state.named(adoptee.name)
            present = record.revisions.get(revision) if record else None
            attempts = present.on(self.backend.name) if present else ()
            for candidate, number in _numbered(candidates, attempts):
                yield from self._job(adoptee, candidate, number)

    def alias_move(self, adoptee: Adoptee, alias: AliasName, state: LedgerState) -> AliasMoved | None:
        """Gives the move of an alias to the model that the manifest wants it at; None where it points somewhere already."""
        wanted: str | None = adoptee.head.revision if adoptee.draft and adoptee.head else None
        if adoptee.declared is not None and adoptee.declared.backend.name == self.backend.name:
            stated = adoptee.declared.fine_tune.aliases.get(alias)
            wanted = adoptee.declared.revision if stated == LATEST else stated
        record = state.named(adoptee.name)
        known = record.revisions.get(wanted) if record and wanted else None
        job = known.trained_job(self.backend.name) if known else None
        if record is None or wanted is None or job is None or job.model is None or record.target_of(alias) is not None:
            return None
        return AliasMoved(
            at=self.at,
            fine_tune=adoptee.name,
            alias=alias,
            target=Target(backend=self.backend.name, revision=wanted, model=job.model),
            was=None,
            reason=IMPORTED,
        )

    def _declaration(self, adoptee: Adoptee, oldest: Candidate) -> RevisionDeclared:
        """A revision as it was declared when its first job was made: what its manifest says, or what the job reports."""
        spec, train, validation = _history_spec(oldest), oldest.train, oldest.validation
        declared, draft = adoptee.declared, adoptee.draft
        if declared is not None and oldest.revision == declared.revision:
            spec, train = dict(declared.fine_tune.spec), _declared_record(declared.train)
            validation = _declared_record(declared.validation) if declared.validation else None
        elif draft is not None and draft.fine_tune is not None and oldest.revision == adoptee.declared_revision:
            spec, places = dict(draft.fine_tune.spec), {kept.sha256: path for path, kept in draft.data.items()}
            train = _placed(train, places)
            validation = _placed(validation, places) if validation else None
        return RevisionDeclared(
            at=oldest.past.job.created_at,
            fine_tune=adoptee.name,
            revision=oldest.revision,
            spec=spec,
            train=train,
            validation=validation,
            is_protected=declared is not None and declared.fine_tune.retention.protect,
        )

    def _job(self, adoptee: Adoptee, candidate: Candidate, number: int) -> Iterator[AnyEvent]:
        job = candidate.past.job
        about: dict[str, Any] = {
            "at": self.at,
            "fine_tune": adoptee.name,
            "revision": candidate.revision,
            "backend": self.backend.name,
            "attempt": number,
            "job": job.id,
        }
        # Recorded as running first: only what has not ended takes over how it ended.
        yield JobRecorded(**about, status=JobStatus.RUNNING, created_at=job.created_at, is_imported=True)
        price = 0.0 if self.backend.is_rehearsal else training_price(job.base_model, self.backend)
        is_known = job.trained_tokens is not None and price is not None
        yield JobObserved(
            **about,
            status=job.status,
            model=job.model,
            trained_tokens=job.trained_tokens,
            cost_usd=(job.trained_tokens or 0) * (price or 0.0) / 1_000_000 if is_known else None,
            finished_at=job.finished_at,
            error_code=job.error_code,
            error_message=job.error_message,
            checkpoints=tuple(
                CheckpointRecord(step=c.step, model=c.model, valid_loss=c.valid_loss)
                for c in self.fetched.checkpoints.get(job.id, ())
            ),
        )
        if job.id in self.lost:
            yield ModelMissed(**about)


def _by_revision(candidates: Sequence[Candidate]) -> dict[Revision, list[Candidate]]:
    found: dict[Revision, list[Candidate]] = {}
    for candidate in candidates:
        found.setdefault(candidate.revision, []).append(candidate)
    return found


def _numbered(candidates: Sequence[Candidate], attempts: Sequence[Attempt]) -> Iterator[tuple[Candidate, int]]:
    """Gives each job the number of its attempt: jobs of ours have one in their metadata, others count on.

    Where the ledger has a living job of that revision, an imported one stands beside it as surplus: the newest attempt
    counts, and nothing that an application calls may change by an import.
    """
    standing = next((a.number for a in reversed(attempts) if a.job and a.job.is_alive), None)
    used = {attempt.number for attempt in attempts}
    for candidate in sorted(candidates, key=lambda c: c.past.job.status is not JobStatus.SUCCEEDED):
        number = standing
        if number is None:
            own = attempt_of(candidate.past.job) if candidate.past.project is not None else None
            is_free = own is not None and own not in {attempt.number for attempt in attempts}
            number = own if own is not None and is_free else max(used, default=0) + 1
        used.add(number)
        yield candidate, number


def _history_spec(candidate: Candidate) -> dict[str, object]:
    recipe = candidate.recipe
    method: dict[str, object] = {"type": recipe.method.type.value}
    if recipe.method.hyperparameters:
        method["hyperparameters"] = dict(recipe.method.hyperparameters)
    if recipe.method.grader is not None:
        method["grader"] = recipe.method.grader
    dataset: dict[str, str] = {"adopted_job": candidate.past.id}
    if not candidate.train.sha256.startswith(ADOPTED):
        dataset = {"train": candidate.train.path}
        dataset |= {"validation": candidate.validation.path} if candidate.validation else {}
    spec: dict[str, object] = {"base_model": recipe.base_model, "method": method, "dataset": dataset}
    return spec | ({"seed": recipe.seed} if recipe.seed is not None else {})


def _declared_record(dataset: Dataset) -> DatasetRecord:
    return DatasetRecord(path=dataset.path, sha256=dataset.sha256, rows=dataset.rows, tokens=dataset.tokens)


def _placed(record: DatasetRecord, places: Mapping[str, str]) -> DatasetRecord:
    return msgspec.structs.replace(record, path=places.get(record.sha256, record.path))
