"""Which datasets of planned trainings and evaluations changed since the last revision that was trained, and what changed.

Owns the choice of what is compared with what. The rows are compared elsewhere.
"""

import posixpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from ftops.domain.attempts import JobStatus
from ftops.domain.desired import Dataset, Declared
from ftops.domain.manifest import BackendName, FineTuneName, Revision
from ftops.domain.record_types import ADOPTED
from ftops.domain.records import DatasetRecord, FineTuneRecord, RevisionRecord

Part = Literal["train", "validation", "evaluation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedDataset:
    """A dataset that differs from that of ``since``, which was at ``path``. ``commit`` is where, None where nobody knows.

    ``sha256`` is None for the data of an ``evaluation``: the ledger has no digest of it, and it may be the same.
    """

    fine_tune: FineTuneName
    revision: Revision
    dataset: Part
    since: Revision
    commit: str | None
    path: str
    sha256: str | None
    new: Dataset
    evaluation: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelChange:
    """A label's share of all labels, before and after. ``label`` is its beginning, masked, and goes to terminals only."""

    label: str
    old_share: float
    new_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RowChanges:
    """How many rows were added, removed and changed, and by how many tokens one epoch grew.

    ``usd`` is how much more it costs to train on the new rows than on the old ones, either way as it is declared now; None
    where that is unknown, and where rows aren't trained on.
    """

    added: int
    removed: int
    changed: int
    tokens: int
    usd: float | None = None
    labels: tuple[LabelChange, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetChange:
    """What changed in a dataset since ``since``; either ``rows``, or why that can't be told in ``unknown``.

    ``evaluation`` is the name of the one that has the dataset, where it is an evaluation's.
    """

    fine_tune: FineTuneName
    revision: Revision
    dataset: Part
    since: Revision
    evaluation: str | None = None
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
            path=old.path,
            sha256=old.sha256,
            new=new,
        )


def changed_evaluations(
    declared: Declared, record: FineTuneRecord | None, names: Collection[str]
) -> Iterator[ChangedDataset]:
    """Gives the datasets of evaluations that may differ from those that the same revision was declared with.

    ``names`` are the evaluations in question. An evaluation that the revision was scored under as it is now has the same data.
    """
    trained = None if record is None else _newest_trained(record, declared.backend.name)
    if record is None or trained is None:
        return
    since, known = trained
    scored = {one.digest for one in record.evaluations if one.revision == since}
    before = _paths_of_evaluations(known, posixpath.dirname(declared.fine_tune.path))
    for one in declared.evals:
        name = one.spec.name
        if name not in names or name not in before or one.digest in scored:
            continue
        yield ChangedDataset(
            fine_tune=declared.name,
            revision=declared.revision,
            dataset="evaluation",
            since=since,
            commit=known.commit,
            path=before[name],
            sha256=None,
            new=one.dataset,
            evaluation=name,
        )


def _paths_of_evaluations(known: RevisionRecord, folder: str) -> dict[str, str]:
    """Gives the datasets of a revision's evaluations by their names, from the manifest that the ledger has of it."""
    evals = known.spec.get("evals")
    found = [one for one in evals if isinstance(one, dict)] if isinstance(evals, list) else []
    paths = ((one.get("name"), one.get("dataset")) for one in found)
    return {
        name: posixpath.normpath(posixpath.join(folder, path))
        for name, path in paths
        if isinstance(name, str) and isinstance(path, str)
    }


def _newest_trained(record: FineTuneRecord, backend: BackendName) -> tuple[Revision, RevisionRecord] | None:
    trained = [
        (Revision(revision), known)
        for revision, known in record.revisions.items()
        if any(attempt.job and attempt.job.status is JobStatus.SUCCEEDED for attempt in known.on(backend))
    ]
    return max(trained, key=lambda item: (item[1].declared_at, item[0]), default=None)
