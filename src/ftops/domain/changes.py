"""Which fields of a manifest changed: deepdiff over two specs, as paths with the old and the new value."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ftops.domain.desired import Dataset, Declared
from ftops.domain.plan import FieldChange, describe
from ftops.domain.record_types import ADOPTED
from ftops.domain.records import DatasetRecord, RevisionRecord

_TRAINING: Final = ("backend", "base_model", "dataset", "method", "seed")
_NOT_TRAINING: Final = ("dataset.baseline", "dataset.checks")


def field_changes(declared: Declared, known: RevisionRecord | None) -> tuple[FieldChange, ...]:
    """Gives what differs between the spec and datasets that a revision was declared with and those declared now.

    Nothing where there is no revision to compare with: then all is new.
    """
    if known is None:
        return ()
    changes = [*_spec_changes(known.spec, declared.fine_tune.spec)]
    changes += _dataset_changes("dataset.train", known.train, declared.train)
    changes += _dataset_changes("dataset.validation", known.validation, declared.validation)
    return tuple(sorted(changes, key=lambda change: change.path))


def training_changes(declared: Declared, known: RevisionRecord | None) -> tuple[FieldChange, ...]:
    """Gives those of the changes that lead to another training: other models come of no other field."""
    return tuple(
        c
        for c in field_changes(declared, known)
        if c.path.startswith(_TRAINING) and not c.path.startswith(_NOT_TRAINING)
    )


def _spec_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[FieldChange]:
    if old == new:
        return
    from deepdiff import DeepDiff  # takes 0.4 s to import, and most plans have no pair that differs

    diff = DeepDiff(
        dict(old),
        dict(new),
        view="tree",
        ignore_numeric_type_changes=True,
        verbose_level=2,
        threshold_to_diff_deeper=0,  # field by field, however little two mappings have in common
    )
    for items in diff.values():
        for item in items:
            yield FieldChange(
                path=".".join(str(part) for part in item.path(output_format="list")),
                old=None if "added" in item.report_type else describe(item.t1),
                new=None if "removed" in item.report_type else describe(item.t2),
            )


def _dataset_changes(path: str, old: DatasetRecord | None, new: Dataset | None) -> Iterator[FieldChange]:
    if (old and old.sha256) != (new and new.sha256):
        yield FieldChange(path=f"{path} (content)", old=_summary(old), new=_summary(new))


def _summary(dataset: DatasetRecord | Dataset | None) -> str | None:
    if dataset is None:
        return None
    if dataset.sha256.startswith(ADOPTED):
        return f"the data of {dataset.sha256.removeprefix(ADOPTED)}, which is gone"
    return f"{dataset.rows} rows, sha256 {dataset.sha256[:12]}"
