"""Takes files in, however they came: what they may be called, what they must hold, and the row that they become.

Owns the purposes, and which of them demand JSON Lines, by whatever type.
"""

import time
from collections.abc import Mapping
from pathlib import PurePosixPath

from ftops.server import ids
from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.errors import ApiError
from ftops.server.jobs import training_files
from ftops.server.storage.blobs import Spool, Staged
from ftops.server.storage.files import FileRow

PURPOSES = ("fine-tune", "assistants", "batch", "user_data", "vision", "evals")
LINES_PURPOSES = frozenset({"fine-tune", "batch", "evals"})
# Lines of a file for batches are checked when a batch is made of it: a bad one then fails the batch, as at OpenAI.
_CHECKED_PURPOSES = frozenset({"fine-tune", "evals"})
# JSON Lines have no registered type: these are what clients take for it.
_LINES_TYPES = (
    "text/jsonl", "application/jsonl", "application/x-jsonlines", "application/x-ndjson", "application/json", "text/plain",
    "application/octet-stream",
)  # fmt: skip
_TYPE_LENGTH = 200
_LEAST_SECONDS, _MOST_SECONDS = 3_600, 2_592_000
# "By default, files with purpose=batch expire after 30 days", says OpenAI's document; others stay.
_DEFAULT_SECONDS: Mapping[str, int] = {"batch": _MOST_SECONDS}
_DEMANDS_SUFFIX: Mapping[str, str] = {"fine-tune": "Fine-Tuning API", "batch": "Batch API"}
_NAME_LENGTH = 255
_SUFFIX_LENGTH = 16


def read_filename(given: str, *, purpose: str, param: str) -> str:
    """A file's name without the folders that some clients send; ``ApiError`` when it doesn't fit the purpose."""
    path = PurePosixPath(given.replace("\\", "/"))
    if purpose in _DEMANDS_SUFFIX and not path.name.lower().endswith(".jsonl"):
        raise ApiError(f"Invalid file format for {_DEMANDS_SUFFIX[purpose]}. Must be .jsonl", param=param)
    return _cut(path) or "file"


def read_mime_type(arguments: Arguments, *, purpose: str) -> str:
    """A file's ``mime_type``; ``ApiError`` when it is none that JSON Lines come under, where the purpose demands them.

    Parameters, such as a charset, are let through.
    """
    given = arguments.take_required_text("mime_type")
    kind = given.partition(";")[0].strip().lower()
    if purpose in LINES_PURPOSES:
        Arguments({"mime_type": kind}).take_choice("mime_type", _LINES_TYPES)
    return given[:_TYPE_LENGTH]


def read_lifetime(anchor: object, seconds: object, *, spelling: str) -> int | None:
    """The seconds of an ``expires_after``, None when there is none; ``ApiError`` when half of it is missing.

    ``spelling`` says how its two parts are called where they came from, such as ``expires_after[{}]``.
    """
    if anchor is None and seconds is None:
        return None
    names = spelling.format("anchor"), spelling.format("seconds")
    given = Arguments({names[0]: anchor, names[1]: seconds})
    given.take_required_text(names[0])
    given.take_choice(names[0], ("created_at",))
    lifetime = given.take_whole(names[1], least=_LEAST_SECONDS, most=_MOST_SECONDS)
    if lifetime is None:
        raise missing_parameter(names[1])
    return lifetime


def check_content(spool: Spool, *, purpose: str, max_line_bytes: int) -> None:
    """``ApiError`` when the content isn't what its purpose demands."""
    if purpose in _CHECKED_PURPOSES:
        training_files.check_upload(spool.reread(), max_line_bytes=max_line_bytes)


def new_row(staged: Staged, *, project: str, filename: str, purpose: str, lifetime: int | None) -> FileRow:
    """The row of a file that has just come in."""
    now = int(time.time())
    seconds = _DEFAULT_SECONDS.get(purpose) if lifetime is None else lifetime
    return FileRow(
        id=ids.new_file_id(),
        project=project,
        created_at=now,
        expires_at=None if seconds is None else now + seconds,
        filename=filename,
        purpose=purpose,
        bytes=staged.size,
        sha256=staged.sha256,
    )


def _cut(path: PurePosixPath) -> str:
    """The name, shortened before its suffix, which says what the file is."""
    name, suffix = path.name, path.suffix
    if len(name) <= _NAME_LENGTH or len(suffix) > _SUFFIX_LENGTH:
        return name[:_NAME_LENGTH]
    return path.stem[: _NAME_LENGTH - len(suffix)] + suffix
