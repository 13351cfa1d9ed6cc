"""What changed in the data of planned trainings and evaluations since it was last trained on: for people who read a plan.

Owns how much is compared at most. A plan that trains and evaluates nothing reads nothing; and a plan never fails for what git
can't give.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final

from ftops.application.workspace import Workspace
from ftops.datasets.formats import USE_OF, Use
from ftops.datasets.reading import normal_lines, terminated
from ftops.datasets.split import parse_part_name, part_of
from ftops.domain.dataset_changes import (
    ChangedDataset,
    DatasetChange,
    LabelChange,
    RowChanges,
    changed_datasets,
    changed_evaluations,
)
from ftops.domain.desired import Dataset, Declared, TokenSum
from ftops.domain.manifest import BackendName
from ftops.domain.plan import Evaluate, Plan, Train
from ftops.domain.pricing import estimate_of_training
from ftops.domain.records import LedgerState
from ftops.errors import Stale

if TYPE_CHECKING:
    from ftops.datasets.row_digests import DigestsSeen

COMPARED_BYTES: Final = 32_000_000  # of one file; about two seconds for both versions
COMPARED_IN_ALL: Final = 64_000_000  # of all files of a plan
_SHOWN_LABELS: Final = 3


def with_dataset_changes(workspace: Workspace, plan: Plan, ledgers: Mapping[BackendName, LedgerState]) -> Plan:
    """Gives the plan with what changed in the data of each training and each evaluation that it has."""
    if not (plan.count(Train) or plan.count(Evaluate)):
        return plan
    trained = {action.fine_tune for action in plan.actions if isinstance(action, Train)}
    found: list[ChangedDataset] = []
    for name in sorted({action.fine_tune for action in plan.actions if isinstance(action, Train | Evaluate)}):
        if (declared := workspace.desired.named(name)) is None:
            continue
        record = ledgers[declared.backend.name].named(name)
        evaluations = {one.evaluation for one in plan.actions if isinstance(one, Evaluate) and one.fine_tune == name}
        found += changed_datasets(declared, record) if name in trained else ()
        found += changed_evaluations(declared, record, evaluations)
    return replace(plan, dataset_changes=tuple(_changes(workspace, found)))


def _changes(workspace: Workspace, found: list[ChangedDataset]) -> Iterator[DatasetChange]:
    left, known = COMPARED_IN_ALL, dict[str, RowChanges | str | None]()
    for changed in found:
        declared = workspace.declared(changed.fine_tune)
        use = _use_of(changed, declared)
        key = f"{changed.sha256 or f'{changed.commit}:{changed.path}'} {changed.new.sha256} {use}"
        if key not in known and (kept := workspace.row_changes.get(key)):
            known[key] = kept
        if key not in known:
            is_large = changed.new.size > COMPARED_BYTES
            if is_large or changed.new.size > left:
                known[key] = f"not compared, {'as it is large' if is_large else 'as there are many'}: ftops data diff"
            else:
                left -= changed.new.size
                known[key] = _compared(workspace, changed, use)
        result = known[key]
        if result is None:
            continue
        if isinstance(result, RowChanges):
            workspace.row_changes[key] = result
            if changed.dataset == "train":
                result = replace(result, usd=_dearer(declared, changed.new, result))
        yield DatasetChange(
            fine_tune=changed.fine_tune,
            revision=changed.revision,
            dataset=changed.dataset,
            since=changed.since,
            evaluation=changed.evaluation,
            rows=None if isinstance(result, str) else result,
            unknown=result if isinstance(result, str) else None,
        )


def _use_of(changed: ChangedDataset, declared: Declared) -> Use:
    if changed.evaluation is None:
        return USE_OF[declared.fine_tune.method.type]
    is_free = any(one.name == changed.evaluation and one.input is not None for one in declared.fine_tune.evals)
    return Use.FREE if is_free else Use.EVALUATION


def _dearer(declared: Declared, new: Dataset, rows: RowChanges) -> float | None:
    """Gives by how many dollars training on the new rows costs more; None where that is unknown."""
    counted = TokenSum(tokens=new.tokens - rows.tokens)
    old = Dataset(path="", sha256="", size=0, rows=new.rows - rows.added + rows.removed, counted=counted)
    method, model, backend = declared.fine_tune.method, declared.fine_tune.base_model, declared.backend
    before, after = (estimate_of_training(method, model, backend, one).usd for one in (old, new))
    return None if before is None or after is None else after - before


def _compared(workspace: Workspace, changed: ChangedDataset, use: Use) -> RowChanges | str | None:
    """Compares the rows, or says why that can't be done; None where the content is the same."""
    from ftops.datasets.examination import Examiner
    from ftops.datasets.row_digests import RowDigests, joined

    derived = parse_part_name(changed.path)
    if changed.commit is None:
        return "the ledger has no commit of it"
    path = derived[0] if derived else changed.path
    old = workspace.repository.content(changed.commit, path, limit=COMPARED_BYTES)
    if isinstance(old, str):
        return old
    examiner = Examiner(inspections=(RowDigests(),))
    with old:
        before = examiner.examine(_derived(old, changed.path), path=changed.path, use=use)
    if changed.sha256 is None and before.sha256 == changed.new.sha256:
        return None
    if changed.sha256 not in (None, before.sha256):
        return f"commit {changed.commit[:12]} doesn't have it as it was trained on: not in git any more"
    try:
        with workspace.datasets.content(changed.new) as new:
            after = examiner.examine(new, path=changed.new.path, use=use)
    except Stale as stale:
        return stale.message
    return _row_changes(joined(before.parts[0].seen[0]), joined(after.parts[0].seen[0]))


def _row_changes(old: "DigestsSeen", new: "DigestsSeen") -> RowChanges:
    from ftops.datasets.difference import difference
    from ftops.datasets.excerpts import masked_excerpt

    found = difference(old, new, shown=0)
    return RowChanges(
        added=found.added,
        removed=found.removed,
        changed=found.changed,
        tokens=found.new_tokens - found.old_tokens,
        labels=tuple(
            LabelChange(label=masked_excerpt(shift.label), old_share=shift.old_share, new_share=shift.new_share)
            for shift in found.labels[:_SHOWN_LABELS]
            if shift.change
        ),
    )


def _derived(stream: BinaryIO, name: str) -> BinaryIO:
    """Gives a file as it was uploaded: whole, or the part of a split that ``name`` names."""
    derived = parse_part_name(name)
    if derived is None:
        return stream
    import msgspec

    _, split, part = derived
    rows = io.BytesIO()
    try:
        for line in normal_lines(stream):
            if part_of(msgspec.json.decode(line, type=dict[str, object]), split) == part:
                rows.write(terminated(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return io.BytesIO()  # no row of it was ever trained on: its digest tells
    rows.seek(0)
    return rows
