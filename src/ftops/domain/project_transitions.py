"""How events change the project's own record: its backends, the files uploaded to them, and the commit applied last."""

from typing import assert_never

import msgspec

from ftops.domain.attempts import DeletionStage
from ftops.domain.events import (
    BackendSeen,
    CommitApplied,
    EventRefused,
    FileDeletion,
    FileGone,
    FileUploaded,
    Started,
    TrainingBlocked,
)
from ftops.domain.manifest import BackendName
from ftops.domain.record_types import FORMAT_VERSION
from ftops.domain.records import Applied, BackendRecord, Blocked, FileRecord, ProjectRecord

ProjectEvent = Started | BackendSeen | CommitApplied | FileUploaded | FileGone | FileDeletion | TrainingBlocked


def apply_to_project(project: ProjectRecord | None, event: ProjectEvent) -> ProjectRecord:
    """Gives the project's record after an event. Raises EventRefused where it can't follow."""
    if isinstance(event, Started):
        return project or ProjectRecord(format_version=FORMAT_VERSION, name=event.project, ledger_id=event.ledger_id)
    if project is None:
        raise EventRefused("the ledger has not been started")
    match event:
        case CommitApplied():
            applied = Applied(commit=event.commit, at=event.at, owner=event.owner, run_url=event.run_url)
            return msgspec.structs.replace(project, applied=applied)
        case BackendSeen():
            backend = _seen(project.backends.get(event.backend), event)
        case FileUploaded():
            known = _backend(project, event.backend)
            backend = msgspec.structs.replace(known, files={**known.files, event.sha256: _uploaded(known, event)})
        case FileGone():
            known = _backend(project, event.backend)
            files = {sha256: file for sha256, file in known.files.items() if sha256 != event.sha256}
            backend = msgspec.structs.replace(known, files=files)
        case FileDeletion():
            backend = _with_deletion(_backend(project, event.backend), event)
        case TrainingBlocked():
            blocked = Blocked(at=event.at, message=event.message) if event.message is not None else None
            backend = msgspec.structs.replace(_backend(project, event.backend), blocked=blocked)
        case _:
            assert_never(event)
    return msgspec.structs.replace(project, backends={**project.backends, event.backend: backend})


def _backend(project: ProjectRecord, name: BackendName) -> BackendRecord:
    if name not in project.backends:
        raise EventRefused(f"the ledger has no backend {name}")
    return project.backends[name]


def _uploaded(backend: BackendRecord, event: FileUploaded) -> FileRecord:
    """A file that is found again while it is being deleted can't be counted on yet; another copy can."""
    known = backend.files.get(event.sha256)
    if known is None or known.id != event.file.id:
        return event.file
    return msgspec.structs.replace(event.file, deleting_at=known.deleting_at)


def _with_deletion(backend: BackendRecord, event: FileDeletion) -> BackendRecord:
    file = backend.files.get(event.sha256)
    if file is None or file.id != event.file:
        return backend
    files = {sha256: other for sha256, other in backend.files.items() if sha256 != event.sha256}
    if event.stage is not DeletionStage.DONE:
        at = event.at if event.stage is DeletionStage.BEGUN else None
        files[event.sha256] = msgspec.structs.replace(file, deleting_at=at)
    return msgspec.structs.replace(backend, files=files)


def _seen(known: BackendRecord | None, event: BackendSeen) -> BackendRecord:
    if known is None:
        return BackendRecord(base_url=event.base_url, organization=event.organization)
    if known.base_url != event.base_url:
        raise EventRefused(f"backend {event.backend} is {known.base_url} in the ledger, and {event.base_url} now")
    if known.organization and event.organization and known.organization != event.organization:
        raise EventRefused(
            f"backend {event.backend} belongs to organisation {known.organization} in the ledger, "
            f"and this key to {event.organization}"
        )
    return msgspec.structs.replace(known, organization=known.organization or event.organization)
