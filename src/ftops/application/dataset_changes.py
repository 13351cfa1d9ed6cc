"""What changed in the data of planned trainings since it was last trained on: for people who read a plan.

Owns how much is compared at most. A plan that trains nothing reads nothing; and a plan never fails for what git can't give.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO, Final

from ftops.application.workspace import Workspace
from ftops.datasets.reading import normal_lines, terminated
from ftops.datasets.split import parse_part_name, part_of
from ftops.domain.dataset_changes import ChangedDataset, DatasetChange, LabelChange, RowChanges, changed_datasets
from ftops.domain.manifest import BackendName
from ftops.domain.plan import Plan, Train
from ftops.domain.records import LedgerState
from ftops.errors import Stale

COMPARED_BYTES: Final = 32_000_000  # of one file; about two seconds for both versions
COMPARED_IN_ALL: Final = 64_000_000  # of all files of a plan
_SHOWN_LABELS: Final = 3


def with_dataset_changes(workspace: Workspace, plan: Plan, ledgers: Mapping[BackendName, LedgerState]) -> Plan:
    """Gives the plan with what changed in the data of each training that it has."""
    if not plan.count(Train):
        return plan
    found = [
        changed
        for action in plan.actions
        if isinstance(action, Train) and (declared := workspace.desired.named(action.fine_tune)) is not None
        for changed in changed_datasets(declared, ledgers[declared.backend.name].named(declared.name))
    ]
    return replace(plan, dataset_changes=tuple(_changes(workspace, found)))


def _changes(workspace: Workspace, found: list[ChangedDataset]) -> Iterator[DatasetChange]:
    left, known = COMPARED_IN_ALL, dict[tuple[str, str], RowChanges | str]()
    for changed in found:
        key = changed.old.sha256, changed.new.sha256
        if key not in known:
            is_large = changed.new.size > COMPARED_BYTES
            if is_large or changed.new.size > left:
                known[key] = f"not compared, {'as it is large' if is_large else 'as there are many'}: ftops data diff"
            else:
                left -= changed.new.size
                known[key] = _compared(workspace, changed)
        result = known[key]
        yield DatasetChange(
            fine_tune=changed.fine_tune,
            revision=changed.revision,
            dataset=changed.dataset,
            since=changed.since,
            rows=None if isinstance(result, str) else result,
            unknown=result if isinstance(result, str) else None,
        )


def _compared(workspace: Workspace, changed: ChangedDataset) -> RowChanges | str:
    """Compares the rows, or says why that can't be done."""
    from ftops.datasets.difference import difference
    from ftops.datasets.examination import Examiner
    from ftops.datasets.formats import USE_OF
    from ftops.datasets.row_digests import RowDigests, joined

    path = changed.old.path
    derived = parse_part_name(path)
    if changed.commit is None:
        return "the ledger has no commit of it"
    old = workspace.repository.content(changed.commit, derived[0] if derived else path, limit=COMPARED_BYTES)
    if isinstance(old, str):
        return old
    use = USE_OF[workspace.declared(changed.fine_tune).fine_tune.method.type]
    examiner = Examiner(inspections=(RowDigests(),))
    with old:
        before = examiner.examine(_derived(old, path), path=path, use=use)
    if before.sha256 != changed.old.sha256:
        return f"commit {changed.commit[:12]} doesn't have it as it was trained on: not in git any more"
    try:
        with workspace.datasets.content(changed.new) as new:
            after = examiner.examine(new, path=changed.new.path, use=use)
    except Stale as stale:
        return stale.message
    seen = (joined(before.parts[0].seen[0]), joined(after.parts[0].seen[0]))
    found = difference(*seen, shown=0)
    return RowChanges(
        added=found.added,
        removed=found.removed,
        changed=found.changed,
        tokens=found.new_tokens - found.old_tokens,
        labels=tuple(
            LabelChange(label=shift.label, old_share=shift.old_share, new_share=shift.new_share)
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
