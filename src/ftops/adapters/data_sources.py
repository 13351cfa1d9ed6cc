"""Where datasets come from: files of the project, or files that a person names.

Owns opening them, and saying why one can't be. Nothing but a regular file is opened: a pipe would be waited for for ever.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO, Protocol

from ftops.adapters.project_paths import KnownFolders, PathRefused, file_inside
from ftops.domain.foreign_text import quoted, visible


class SourceRefused(Exception):
    """A file that can't be read: ``says`` what was expected, ``hint`` what may have been meant."""

    def __init__(self, says: str, *, hint: str | None = None) -> None:
        super().__init__(says)
        self.says = says
        self.hint = hint


class DataSource(Protocol):
    """Opens datasets by their paths."""

    def open(self, path: str) -> BinaryIO:
        """Opens a file at its beginning; the caller closes it. Raises ``SourceRefused``."""
        ...


class ProjectSource:
    """Files below the project's root, by their paths relative to it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = KnownFolders(root)

    def open(self, path: str) -> BinaryIO:
        """Opens a file of the project."""
        try:
            return _opened(self._root / file_inside(self._root, self._root, path, known=self._known), path)
        except PathRefused as error:
            raise SourceRefused(error.expected, hint=error.hint) from error


class GivenSource:
    """Files that a person names, wherever they are; relative to ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, path: str) -> BinaryIO:
        """Opens any regular file."""
        return _opened(self._folder / path, path)


def _opened(file: Path, path: str) -> BinaryIO:
    try:
        # Of a pipe that nobody writes to, an open that waits would never come back.
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise SourceRefused(f"expected a file, there is no {quoted(path)}") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceRefused(f"expected a readable file: {visible(why)}") from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(mode) else "something else"
        raise SourceRefused(f"expected a regular file, {quoted(path)} is {what}")
    return os.fdopen(handle, "rb")
