"""Paths that manifests write down, kept inside the project.

Owns the rule: relative, with forward slashes, below the project's root also after every link is followed, and never in
``.git`` or ``.ftops``. It opens nothing.
"""

import os
import re
import stat
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from ftops.adapters.schema_problems import near_miss
from ftops.domain.foreign_text import quoted

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|[A-Za-z]:[\\/]")
_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PRIVATE: Final = frozenset((".git", ".ftops"))


class PathRefused(ValueError):
    """A path that can't be used; its text says what was expected, ``hint`` what may have been meant."""

    def __init__(self, expected: str, *, hint: str | None = None) -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


class KnownFolders:
    """Folders below ``root`` with all links followed, each looked up once. For one reading of the project, not for longer."""

    def __init__(self, root: Path) -> None:
        self._top = os.path.realpath(root)
        self._found: dict[str, tuple[str, str] | None] = {}

    def plain_file(self, folder: Path, written: str) -> str | None:
        """Gives what ``file_inside`` gives, where nothing about the path is special; None where that has to decide."""
        if not _PLAIN.fullmatch(written):
            return None
        before, _, name = written.rpartition("/")
        key = f"{folder}/{before}" if before else str(folder)
        if key not in self._found:
            self._found[key] = self._followed(key)
        found = self._found[key]
        if found is None:
            return None
        real, prefix = found
        try:
            mode = os.lstat(f"{real}/{name}").st_mode
        except OSError:
            return None
        return f"{prefix}{name}" if stat.S_ISREG(mode) else None

    def _followed(self, folder: str) -> tuple[str, str] | None:
        """Gives the real folder, and what a path below the root begins with there; None outside the project."""
        real = os.path.realpath(folder)
        if real == self._top:
            return real, ""
        if not real.startswith(self._top + os.sep):
            return None
        inside = PurePath(real[len(self._top) + 1 :])
        if any(part.lower() in _PRIVATE for part in inside.parts):
            return None
        return real, f"{inside.as_posix()}/"


def file_inside(root: Path, folder: Path, written: str, *, known: KnownFolders | None = None) -> str:
    """Gives the regular file that ``written``, relative to ``folder``, means: its path below ``root`` with forward slashes.

    Links are followed. ``known`` spares following those of the same folder again. Raises ``PathRefused`` where it leaves the
    project, isn't there, or is no file.
    """
    if known is not None and (plain := known.plain_file(folder, written)) is not None:
        return plain
    target = resolve_inside(root, folder, written)
    if written.endswith(("/", "/.")):  # resolving drops what no file's path may end in
        named = written.rstrip("/.") if target.is_file() else None
        raise PathRefused(f"expected a file, {quoted(written)} names a folder", hint=named and f"write {named}")
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        wrong = f"expected a file, there is no {quoted(written)}"
        raise PathRefused(wrong, hint=_nearest(folder, written)) from error
    except OSError as error:
        raise PathRefused(f"expected a readable file, got {quoted(written)}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise PathRefused(f"expected a file, {quoted(written)} is a folder")
    if not stat.S_ISREG(mode):
        raise PathRefused(f"expected a regular file, {quoted(written)} is something else")
    return target.relative_to(root.resolve()).as_posix()


def resolve_inside(root: Path, folder: Path, written: str) -> Path:
    """Gives ``written``, relative to ``folder``, as an absolute path with all links followed; it need not exist.

    Raises ``PathRefused`` for anything outside the project, for ``.git`` and for ``.ftops``.
    """
    _check_spelling(written)
    top = root.resolve()
    try:
        target = (folder / written).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise PathRefused(f"expected a path that can be followed, got {quoted(written)}") from error
    if not target.is_relative_to(top):
        raise PathRefused(f"expected a path inside the project, {quoted(written)} leaves it")
    if any(part.lower() in _PRIVATE for part in target.relative_to(top).parts):
        raise PathRefused(f"expected a path outside .git and .ftops, got {quoted(written)}")
    return target


def _check_spelling(written: str) -> None:
    if _CONTROL.search(written) or not written.strip():
        raise PathRefused(f"expected a path without control characters, got {quoted(written)}")
    if _SCHEME.match(written):
        raise PathRefused(
            f"expected a path inside the project, {quoted(written)} is an address; remote files are not read"
        )
    if "\\" in written:
        raise PathRefused(
            f"expected forward slashes, got {quoted(written)}", hint=f"write {written.replace(chr(92), '/')}"
        )
    if PurePosixPath(written).is_absolute() or written.startswith("~"):
        raise PathRefused(f"expected a relative path, got {quoted(written)}")


def _nearest(folder: Path, written: str) -> str | None:
    """Gives the most similar name in the folder where the file was looked for."""
    wanted = PurePosixPath(written)
    try:
        siblings = [entry.name for entry in (folder / wanted.parent).iterdir()]
    except OSError:
        return None
    miss = near_miss(wanted.name, siblings)
    prefix = "" if wanted.parent == PurePosixPath() else f"{wanted.parent}/"
    return miss.replace("did you mean ", f"did you mean {prefix}", 1) if miss else None
