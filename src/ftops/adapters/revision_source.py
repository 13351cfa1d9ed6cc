"""Datasets that a person names by path, or by a git revision and a path: ``HEAD~1:data/train.jsonl``.

Owns telling the two apart. The path after the colon counts from the repository's top folder, as git has it, or from the
folder in question where it begins with ``./`` or ``../``.
"""

import posixpath
from pathlib import Path
from typing import BinaryIO

from ftops.adapters.data_sources import GivenSource, SourceRefused
from ftops.adapters.git_blobs import BlobRefused, RevisionMissing, open_blob
from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.datasets.reading import MAX_FILE_BYTES
from ftops.domain.foreign_text import quoted


class RevisionSource:
    """Opens files wherever they are, relative to ``folder``, and files of revisions of the repository it lies in."""

    def __init__(self, folder: Path) -> None:
        self._given = GivenSource(folder)
        self._folder = folder

    def open(self, path: str) -> BinaryIO:
        """Opens a file at its beginning; the caller closes it. A path that exists wins. Raises ``SourceRefused``."""
        revision, colon, inside = path.partition(":")
        if not colon or not revision or self._exists(path):
            return self._given.open(path)
        git = GitProcess(folder=self._folder)
        try:
            prefix = git.line("rev-parse", "--show-prefix")
        except GitFailed as failure:
            says = f"expected a file, there is no {quoted(path)}, and no git repository to look in for a revision"
            raise SourceRefused(says) from failure
        is_relative = inside.startswith(("./", "../"))
        full = posixpath.normpath(posixpath.join(prefix, inside)) if is_relative else inside
        if full.startswith("../"):
            raise SourceRefused(f"{quoted(inside)} leaves the git repository")
        try:
            return open_blob(git, revision, full, limit=MAX_FILE_BYTES)
        except RevisionMissing as refused:
            says = f"expected a file, there is no {quoted(path)}; nor is there a revision {quoted(revision)}"
            raise SourceRefused(says, hint=refused.hint) from refused
        except BlobRefused as refused:
            hint = refused.hint
            if hint is None and prefix and not is_relative:
                hint = f"paths count from the repository's top; from here it would be {revision}:./{inside}"
            raise SourceRefused(refused.says, hint=hint) from refused

    def _exists(self, path: str) -> bool:
        try:
            return (self._folder / path).exists()
        except (OSError, ValueError):
            return False
