"""The ledger's files as bytes: which paths a project's folder has, and how records become canonical JSON and come back.

Pure. What it decodes is foreign: every path is checked before it becomes a name, every record against its schema. Records of
older formats are brought up (``ledger_migrations``) before they are decoded.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from ftops.adapters import ledger_migrations
from ftops.adapters.ledger_migrations import CURRENT, Kind, version_of
from ftops.domain.events import AnyEvent, EventRefused, InputsKept
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.records import FineTuneRecord, LedgerState, ProjectRecord
from ftops.domain.trained_inputs import file_digest, parsed
from ftops.errors import LedgerCorrupt, UsageProblem

FILE_LIMIT: Final = 64 << 20
FOLDER_LIMIT: Final = 1 << 30
ENTRY_LIMIT: Final = 20_000
SPEC_DEPTH: Final = 64
# The way out of whatever an edit by hand can cause.
VERIFY: Final = "see what is wrong, which commit did it and what to do: ftops ledger verify"

_TRAIN: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"

_KINDS: Final[Mapping[type[ProjectRecord | FineTuneRecord], Kind]] = {
    ProjectRecord: Kind.PROJECT,
    FineTuneRecord: Kind.FINE_TUNE,
}


def folder_of(project: str) -> str:
    """Gives the folder of a project in the branch. Raises UsageProblem where its name can't be a folder's."""
    if not re.fullmatch(_NAME, project):
        raise UsageProblem(f"{project!r} can't be a project's name", remedy="use a-z, 0-9 and -, 40 characters at most")
    return f"projects/{project}"


def name_in_path(folder: str, path: str) -> str | None:
    """Gives the fine-tune whose file a path is, None for the project's own. Raises LedgerCorrupt for any other path."""
    if path == f"{folder}/project.json":
        return None
    match = re.fullmatch(rf"{re.escape(folder)}/fine-tunes/({_NAME})\.json", path)
    if match is None:
        says = f"the ledger holds a file that has no business there: {quoted(path, limit=200)}"
        raise LedgerCorrupt(says, remedy=VERIFY)
    return match[1]


def train_in_path(folder: str, path: str) -> str | None:
    """Gives the SHA-256 of the training set whose inputs' digests a file holds; None where the file is another one."""
    train = path.removeprefix(inputs_path(folder, ""))
    return train if len(train) < len(path) and _TRAIN.fullmatch(train) else None


def inputs_path(folder: str, train: str) -> str:
    """Gives the file that holds the digests of a training set's inputs."""
    return f"{folder}/inputs/{train}"


def decode_inputs(content: bytes, *, path: str) -> frozenset[str]:
    """Gives the digests in such a file. Raises LedgerCorrupt naming it."""
    try:
        return parsed(content)
    except ValueError as error:
        raise LedgerCorrupt(f"{path} in the ledger can't be read: {error}", remedy=VERIFY) from error


def encode_record(record: ProjectRecord | FineTuneRecord) -> bytes:
    """Gives a record's canonical JSON: keys sorted, indented by one space, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=1) + b"\n"


def decode_project(content: bytes, *, path: str) -> ProjectRecord:
    """Gives the project's record. Raises LedgerCorrupt naming the file."""
    return _decode(content, ProjectRecord, path)


def decode_fine_tune(content: bytes, *, path: str, name: str) -> FineTuneRecord:
    """Gives a fine-tune's record. Raises LedgerCorrupt naming the file, also where the record is another's."""
    record = _decode(content, FineTuneRecord, path)
    if record.name != name:
        raise LedgerCorrupt(f"{path} in the ledger is the record of {record.name}", remedy=VERIFY)
    for revision in record.revisions.values():
        _check_depth(revision.spec, path)
    return record


def format_in(content: bytes) -> int | None:
    """Gives the format that a record's bytes state, None where they state none."""
    return version_of(_plain(content))


def changed_files(
    folder: str, before: LedgerState, after: LedgerState, *, inputs: Mapping[str, bytes] | None = None
) -> Mapping[str, bytes | None]:
    """Gives the files that two states differ in, by path: their new content, None for those that go.

    States know of the digests of inputs only that they are there: ``inputs`` has the new files, by training set.
    """
    changes: dict[str, bytes | None] = {}
    if after.project is not None and after.project != before.project:
        changes[f"{folder}/project.json"] = encode_record(after.project)
    for name in sorted(before.fine_tunes.keys() | after.fine_tunes.keys()):
        old, new = before.fine_tunes.get(name), after.fine_tunes.get(name)
        if old is not new and old != new:
            changes[f"{folder}/fine-tunes/{name}.json"] = encode_record(new) if new else None
    changes.update(dict.fromkeys((inputs_path(folder, train) for train in sorted(before.inputs - after.inputs)), None))
    fresh = sorted((after.inputs - before.inputs) & (inputs or {}).keys())
    changes.update({inputs_path(folder, train): (inputs or {})[train] for train in fresh})
    return changes


def check_writable(event: AnyEvent) -> None:
    """Refuses digests of inputs that are not what their event says. Raises EventRefused."""
    if not isinstance(event, InputsKept):
        return
    try:
        parsed(event.content)
    except ValueError as error:
        raise EventRefused(
            f"the inputs of training set {event.train[:12]} don't fit into the ledger: {error}"
        ) from error
    if file_digest(event.content) != event.digest:
        raise EventRefused(f"the inputs of training set {event.train[:12]} are not those that were to be kept")


def check_readable(folder: str, before: LedgerState, after: LedgerState) -> None:
    """Refuses a change that nobody could read back, such as an id from a backend that is not shaped like one.

    Structs are not checked when they are made, so that this is where it shows. Raises EventRefused.
    """
    for path, content in changed_files(folder, before, after).items():
        if content is None:
            continue
        try:
            name = name_in_path(folder, path)
            if name is None:
                decode_project(content, path=path)
            else:
                decode_fine_tune(content, path=path, name=name)
        except LedgerCorrupt as error:
            raise EventRefused(f"this doesn't fit into the ledger: {error.message}") from error
        if len(content) > FILE_LIMIT:
            raise EventRefused(f"{path} would grow past {FILE_LIMIT >> 20} MiB")


def _check_depth(spec: dict[str, Any], path: str) -> None:
    """Refuses a snapshot that is nested more deeply than a manifest can be: not all that reads it could stand that."""
    level: list[Any] = [spec]
    for _ in range(SPEC_DEPTH):
        level = [
            inner
            for one in level
            for inner in (one.values() if type(one) is dict else one)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise LedgerCorrupt(
        f"{path} in the ledger holds a specification nested more than {SPEC_DEPTH} levels deep", remedy=VERIFY
    )


_T = TypeVar("_T", ProjectRecord, FineTuneRecord)


def _decode(content: bytes, kind: type[_T], path: str) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        document = _plain(content)
        version = version_of(document)
        if version is not None and ledger_migrations.is_older(version):
            return _brought_up(document, kind, path, version)
        # Only a higher version proves it: an edit by hand makes fields that nobody knows, too.
        if version is not None and version > CURRENT:
            raise LedgerCorrupt(
                f"{path} in the ledger was made by a newer ftops: {visible(str(error))}",
                remedy="install that version of ftops",
            ) from error
        raise LedgerCorrupt(f"{path} in the ledger can't be read: {visible(str(error))}", remedy=VERIFY) from error


def _brought_up(document: Any, kind: type[_T], path: str, version: int) -> _T:
    try:
        return msgspec.convert(ledger_migrations.migrated(document, _KINDS[kind], version=version), type=kind)
    except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
        raise LedgerCorrupt(
            f"{path} in the ledger is of format {version}, and can't be brought up: {visible(str(error))}",
            remedy=VERIFY,
        ) from error


def _plain(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
