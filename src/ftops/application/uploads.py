"""Brings datasets to a backend: content-addressed, found again by name, recorded in the ledger.

A file's name carries the project and the digest of its content, so that a crash between upload and record costs nothing.
"""

from datetime import datetime, timedelta
from typing import Final

from ftops.application.workspace import Workspace
from ftops.domain.desired import Dataset, Declared
from ftops.domain.events import FileGone, FileUploaded, InputsKept, RevisionDeclared
from ftops.domain.manifest import BackendName
from ftops.domain.records import DatasetRecord, FileRecord, LedgerState
from ftops.domain.trained_inputs import inputs_kept
from ftops.errors import BackendError, NotFound
from ftops.ports import BackendSession

TRUSTED_FOR: Final = timedelta(hours=1)


def declaration(workspace: Workspace, declared: Declared) -> tuple[RevisionDeclared | InputsKept, ...]:
    """The events that put a declared revision into the ledger; written again they change nothing.

    With it go the digests of what its training set holds, unless the ledger has them: that looks into every row, and raises
    ``Stale`` where the file has changed since it was planned.
    """
    declares = declaration_at(workspace.clock.now(), declared, commit=workspace.desired.commit)
    kept = missing_inputs(workspace, declared)
    return (declares,) if kept is None else (declares, kept)


def missing_inputs(workspace: Workspace, declared: Declared) -> InputsKept | None:
    """The event that keeps what a declared training set holds; None where the ledger has that, or nothing is to be kept."""
    if declared.train.sha256 in workspace.ledgers[declared.backend.name].read_cached().state.inputs:
        return None
    return inputs_kept(workspace.clock.now(), declared.train)


def declaration_at(at: datetime, declared: Declared, *, commit: str | None) -> RevisionDeclared:
    """The same outside of an apply."""
    return RevisionDeclared(
        at=at,
        fine_tune=declared.name,
        revision=declared.revision,
        spec=dict(declared.fine_tune.spec),
        train=_dataset_record(declared.train),
        validation=_dataset_record(declared.validation) if declared.validation else None,
        commit=commit,
        is_protected=declared.fine_tune.retention.protect,
    )


def upload(workspace: Workspace, declared: Declared, dataset: Dataset) -> tuple[FileRecord, str]:
    """Brings a dataset to the backend unless it is there already, and records it. Gives the file and what was done, in words.

    Raises BackendError, LedgerError, Stale and Interrupted, and Invalid where the content is not what was planned.
    """
    backend = declared.backend.name
    session, ledger = workspace.sessions[backend], workspace.ledgers[backend]
    state = ledger.read().state
    workspace.fence(backend)(state)
    name = f"ftops-{workspace.desired.project.name}-{dataset.sha256[:32]}.jsonl"
    stored, word = session.files.find(name), "found"
    if stored is None or stored.id == _being_deleted(state, backend, dataset):
        with workspace.datasets.content(dataset) as content:
            stored, word = session.files.upload(name, content), "uploaded"
    file = FileRecord(id=stored.id, name=stored.name, size=stored.size, uploaded_at=stored.created_at)
    ledger.record_eventually(
        [FileUploaded(at=workspace.clock.now(), backend=backend, sha256=dataset.sha256, file=file)]
    )
    return file, f"{word} {stored.id} ({dataset.rows:,} rows)"


def file_id(workspace: Workspace, declared: Declared, dataset: Dataset) -> str:
    """Gives the id of a dataset's file at the backend; brings it there again where it was never recorded or is gone."""
    backend = declared.backend.name
    session, ledger = workspace.sessions[backend], workspace.ledgers[backend]
    known = ledger.read_cached().state.backend(backend)
    file = known.files.get(dataset.sha256) if known else None
    if file is not None and file.deleting_at is not None:
        file = None
    now = workspace.clock.now()
    if file is not None and now - file.uploaded_at > TRUSTED_FOR and not _exists(session, file.id):
        ledger.record([FileGone(at=now, backend=backend, sha256=dataset.sha256)])
        file = None
    if file is None:
        file, _ = upload(workspace, declared, dataset)
    return file.id


def forget_lost_files(workspace: Workspace, declared: Declared) -> bool:
    """Records which files of a fine-tune are gone at its backend; they are brought there again. Gives whether any is gone."""
    backend = declared.backend.name
    session, ledger = workspace.sessions[backend], workspace.ledgers[backend]
    known = ledger.read_cached().state.backend(backend)
    digests = {dataset.sha256 for dataset in (declared.train, declared.validation) if dataset is not None}
    files = {sha256: file for sha256, file in known.files.items() if sha256 in digests} if known else {}
    lost = sorted(sha256 for sha256, file in files.items() if not _may_exist(session, file.id))
    at = workspace.clock.now()
    if lost:
        ledger.record([FileGone(at=at, backend=backend, sha256=sha256) for sha256 in lost])
    return bool(lost)


def _may_exist(session: BackendSession, file: str) -> bool:
    try:
        return _exists(session, file)
    except BackendError:
        return True  # a key that is refused, a backend in trouble: nothing is known


def _being_deleted(state: LedgerState, backend: BackendName, dataset: Dataset) -> str | None:
    """The id of a dataset's file whose deletion was begun: it may be gone in a moment."""
    known = state.backend(backend)
    file = known.files.get(dataset.sha256) if known else None
    return file.id if file is not None and file.deleting_at is not None else None


def _exists(session: BackendSession, file: str) -> bool:
    try:
        session.files.retrieve(file)
    except NotFound:
        return False
    return True


def _dataset_record(dataset: Dataset) -> DatasetRecord:
    return DatasetRecord(path=dataset.path, sha256=dataset.sha256, rows=dataset.rows, tokens=dataset.tokens)
