"""Which files the paths on the command line of ``ftops validate`` select.

Owns that a manifest brings along what it depends on: the files it names, and the project file.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ftops.domain.foreign_text import visible
from ftops.errors import UsageProblem

_PROJECT_FILE = "ftops.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedPaths:
    """Files and folders to check, and the files that belong to them; all as messages show them, below ``root``.

    ``named`` maps each manifest to the files it names. Without ``wanted`` everything is selected.
    """

    root: Path
    wanted: frozenset[str]
    named: Mapping[str, frozenset[str]]

    @property
    def manifests(self) -> frozenset[str]:
        """The manifests that a path names, or that lie in a folder it names."""
        return frozenset(manifest for manifest in self.named if self._is_wanted(manifest))

    @property
    def data(self) -> frozenset[str]:
        """The files that a path names, or that lie in a folder it names, and that some manifest uses."""
        return frozenset(file for files in self.named.values() for file in files if self._is_wanted(file))

    def take(self, files: frozenset[str]) -> frozenset[str]:
        """Gives those of ``files`` that are selected, directly or by a manifest that depends on them."""
        manifests = self.manifests
        brought = {file for manifest in manifests for file in self.named[manifest]}
        if manifests:
            brought.add(_PROJECT_FILE)
        return frozenset(file for file in files if file in brought or self._is_wanted(file))

    def _is_wanted(self, file: str) -> bool:
        if not self.wanted:
            return True
        spellings = {file, *_below(self.root, (self.root / file).resolve())}
        return any(path in {".", one} or one.startswith(f"{path}/") for path in self.wanted for one in spellings)


def checked_paths(
    root: Path, start: Path, paths: tuple[Path, ...], named: Mapping[str, frozenset[str]]
) -> CheckedPaths:
    """Reads ``paths``, relative to ``start``. Raises UsageProblem for one that is no file or folder of the project."""
    wanted: set[str] = set()
    for path in paths:
        written = start.resolve() / path
        # As it is written, and behind its links: a linked manifest may be reported under either name.
        spellings = {*_below(root, Path(os.path.normpath(written))), *_below(root, written.resolve())}
        if not spellings or not written.exists():
            raise UsageProblem(f"{visible(str(path))} is no file or folder of this project")
        wanted |= spellings
    return CheckedPaths(root=root, wanted=frozenset(wanted), named=named)


def _below(root: Path, path: Path) -> tuple[str, ...]:
    return (visible(path.relative_to(root).as_posix()),) if path.is_relative_to(root) else ()
