"""The bytes of manifests, and which files are manifests.

Owns finding and reading them inside the project; it knows no YAML.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ftops.adapters.manifest_folders import LinkedFolders
from ftops.adapters.project_paths import KnownFolders, PathRefused, file_inside, resolve_inside
from ftops.adapters.schema_problems import near_miss
from ftops.adapters.yaml_documents import MAX_BYTES, Place
from ftops.domain.foreign_text import quoted, visible
from ftops.errors import Problem

_WILDCARD: Final = re.compile(r"[*?\[]")
_PROJECT_FILES: Final = frozenset(("ftops.yaml",))


@dataclass(frozen=True, kw_only=True, slots=True)
class FileBytes:
    """What a file holds; ``sha256`` in hex. ``data`` is cut one byte beyond what a manifest may have."""

    data: bytes
    sha256: str


def read_bytes(root: Path, path: str, *, known: KnownFolders | None = None) -> FileBytes | Problem:
    """Reads the file at ``path`` below ``root``; a problem where it leaves the project or can't be read."""
    shown = visible(path)
    try:
        file_inside(root, root, path, known=known)
        with (root / path).open("rb") as stream:
            # Not more than there is: room is made for all that is asked for.
            data = stream.read(min(os.fstat(stream.fileno()).st_size, MAX_BYTES + 1))
    except PathRefused as error:
        return Problem(file=shown, expected=error.expected, hint=error.hint)
    except OSError as error:
        return Problem(file=shown, expected=f"expected a readable file: {visible(error.strerror or str(error))}")
    return FileBytes(data=data, sha256=hashlib.sha256(data).hexdigest())


def find_manifests(
    root: Path, patterns: tuple[str, ...], places: Mapping[str, Place]
) -> tuple[list[str], list[Problem]]:
    """Gives the manifests that ``patterns`` (folders, files, globs) name, as sorted paths below ``root``.

    Linked folders inside the project are followed, each real folder once; one that leaves it is a problem.
    ``places`` are where ``ftops.yaml`` states the patterns; one without a place is a default, and may be missing.
    """
    found: set[str] = set()
    problems: list[Problem] = []
    folders = LinkedFolders(root)
    for pattern in patterns:
        try:
            found.update(_matches(folders, pattern, is_stated=pattern in places))
        except PathRefused as error:
            place = places.get(pattern, Place(line=1, column=1))
            problems.append(
                Problem(
                    file="ftops.yaml",
                    line=place.line,
                    column=place.column,
                    field="/spec/manifests",
                    expected=error.expected,
                    hint=error.hint,
                )
            )
    found.update(folders.linked())
    return sorted(found - _PROJECT_FILES), [*problems, *folders.problems]


def _matches(folders: LinkedFolders, pattern: str, *, is_stated: bool) -> Iterator[str]:
    root = folders.root
    if ".." in pattern.split("/"):
        raise PathRefused(f"expected a path inside the project, got {quoted(pattern)}")
    if _WILDCARD.search(pattern):
        resolve_inside(root, root, _WILDCARD.split(pattern, maxsplit=1)[0] or ".")
        yield from _glob(root, pattern)
        return
    target = resolve_inside(root, root, pattern)
    if target.is_dir():
        yield from folders.below(pattern)
    elif target.exists():
        yield Path(pattern).as_posix()
    elif is_stated:
        siblings = [entry.name for entry in root.iterdir()]
        raise PathRefused(f"expected a folder, there is no {quoted(pattern)}", hint=near_miss(pattern, siblings))


def _glob(root: Path, pattern: str) -> Iterator[str]:
    try:
        matches = sorted(root.glob(pattern))
    except (ValueError, NotImplementedError, OSError) as error:
        raise PathRefused(f"expected a glob, got {quoted(pattern)}") from error
    for match in matches:
        relative = match.relative_to(root)
        if match.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield relative.as_posix()
