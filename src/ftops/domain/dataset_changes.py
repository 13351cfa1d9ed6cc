"""Which datasets of planned trainings changed since the last revision that was trained, and what changed in them.

Owns the choice of what is compared with what. The rows are compared elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ftops.domain.attempts import JobStatus
from ftops.domain.desired import Dataset, Declared
from ftops.domain.manifest import BackendName, FineTuneName, Revision
from ftops.domain.record_types import ADOPTED
from ftops.domain.records import DatasetRecord, FineTuneRecord, RevisionRecord

Part = Literal["train", "validation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedDataset:
    """A dataset that differs from what ``since`` was trained on. ``commit`` is where that was, None where nobody knows."""

    fine_tune: FineTuneName
    revision: Revision
    dataset: Part
    since: Revision
    commit: str | None
    old: DatasetRecord
    new: Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelChange:
    """A label's share of all labels, before and after. It is training text, and goes to terminals only."""

    label: str
    old_share: float
    new_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RowChanges:
    """How many rows were added, removed and changed, and by how many tokens one epoch grew."""

    added: int
    removed: int
    changed: int
    tokens: int
    labels: tuple[LabelChange, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetChange:
    """What changed in a dataset since it was trained on; either ``rows``, or why that can't be told in ``unknown``."""

    fine_tune: FineTuneName
    revision: Revision
    dataset: Part
    since: Revision
    rows: RowChanges | None = None
    unknown: str | None = None


def changed_datasets(declared: Declared, record: FineTuneRecord | None) -> Iterator[ChangedDataset]:
    """Gives the datasets of a fine-tune that differ from those of the newest revision with a model that was ever made.

    Nothing where no revision was trained on that backend. The data of an adopted job is gone, and nothing can be said of it.
    """
    trained = None if record is None else _newest_trained(record, declared.backend.name)
    if trained is None:
        return
    since, known = trained
    pairs: tuple[tuple[Part, DatasetRecord | None, Dataset | None], ...] = (
        ("train", known.train, declared.train),
        ("validation", known.validation, declared.validation),
    )
    for part, old, new in pairs:
        if old is None or new is None or old.sha256 == new.sha256 or old.sha256.startswith(ADOPTED):
            continue
        yield ChangedDataset(
            fine_tune=declared.name,
            revision=declared.revision,
            dataset=part,
            since=since,
            commit=known.commit,
            old=old,
            new=new,
        )


def _newest_trained(record: FineTuneRecord, backend: BackendName) -> tuple[Revision, RevisionRecord] | None:
    trained = [
        (Revision(revision), known)
        for revision, known in record.revisions.items()
        if any(attempt.job and attempt.job.status is JobStatus.SUCCEEDED for attempt in known.on(backend))
    ]
    return max(trained, key=lambda item: (item[1].declared_at, item[0]), default=None)
