"""Baselines as files: findings that somebody knows of, kept in git beside the data.

Owns the format: JSON with a version, one finding on a line, sorted, so that a diff shows what was accepted.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from ftops.adapters.data_sources import GivenSource, SourceRefused
from ftops.datasets.findings import Baseline
from ftops.domain.foreign_text import excerpt, visible
from ftops.errors import Invalid, Problem, UsageProblem

_LARGEST: Final = 16 << 20
_VERSION: Final = 1
_REMEDY: Final = "ftops data check --baseline FILE --write-baseline writes one where there is none"


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    code: str
    kind: str
    count: Annotated[int, msgspec.Meta(ge=1)]


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    known: tuple[_Known, ...]


class BaselineFiles:
    """Reads the baselines below ``root``; fits ``application.data_reviews.BaselineReader``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, Baseline] = {}

    def read(self, path: str) -> Baseline:
        """Gives what a file says is known; ``path`` is relative to the root. Raises ``Invalid``."""
        if path not in self._read:
            self._read[path] = read_baseline(self._root / path, shown=path)
        return self._read[path]


def read_baseline(file: Path, *, shown: str) -> Baseline:
    """Gives what a file says is known; ``shown`` names it in messages. Raises ``Invalid`` where it is no baseline."""
    value = _json(file, shown)
    version = value.get("version") if isinstance(value, dict) else None
    if version != _VERSION or isinstance(version, bool):
        raise _broken(shown, f"expected a baseline of findings of version {_VERSION}, got {excerpt(version)}")
    try:
        content = msgspec.convert(value, _Content)
    except msgspec.ValidationError as error:
        raise _broken(shown, f"expected a baseline of findings: {visible(str(error))}") from error
    known: dict[tuple[str, str, str], int] = {}
    for one in content.known:
        key = one.file, one.code, one.kind
        known[key] = known.get(key, 0) + one.count
    return Baseline(known=known)


def write_baseline(file: Path, baseline: Baseline, *, shown: str) -> None:
    """Writes a baseline, in place of the file that is there; ``shown`` names it in messages. Raises ``UsageProblem``."""
    entries = [
        json.dumps({"file": path, "code": code, "kind": kind, "count": count}, ensure_ascii=True)
        for (path, code, kind), count in sorted(baseline.known.items())
    ]
    lines = "".join(f"\n    {entry}," for entry in entries).rstrip(",")
    text = f'{{\n  "version": {_VERSION},\n  "known": [{lines}\n  ]\n}}\n' if entries else _EMPTY
    try:
        _replace(file, text)
    except OSError as error:
        why = visible(error.strerror or str(error))
        raise UsageProblem(
            f"{visible(shown)} can't be written: {why}", remedy="name a file in a folder that is there"
        ) from error


def _replace(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(name).chmod(0o644)  # it is committed, and read by others
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


_EMPTY: Final = f'{{\n  "version": {_VERSION},\n  "known": []\n}}\n'


def _json(file: Path, shown: str) -> Any:
    try:
        with GivenSource(file.parent).open(file.name) as stream:
            data = stream.read(_LARGEST + 1)
    except SourceRefused as error:
        raise _broken(shown, error.says) from error
    except OSError as error:
        raise _broken(shown, f"expected a readable file: {visible(error.strerror or str(error))}") from error
    if len(data) > _LARGEST:
        raise _broken(shown, f"expected at most {_LARGEST:,} bytes")
    try:
        return json.loads(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        wrong = f"expected JSON: {error.msg}"
        raise _broken(shown, wrong, line=error.lineno, column=error.colno) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _broken(shown, "expected JSON in UTF-8") from error


def _broken(shown: str, expected: str, *, line: int = 1, column: int = 1) -> Invalid:
    return Invalid([Problem(file=visible(shown), line=line, column=column, expected=expected, hint=_REMEDY)])
