"""The YAML files in folders of manifests, through links between folders too.

Owns that links are followed inside the project only, and that no folder is read twice, so that loops end.
"""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ftops.adapters.project_paths import PathRefused, resolve_inside
from ftops.domain.foreign_text import visible
from ftops.errors import Problem

_SUFFIXES: Final = (".yaml", ".yml")
_PROJECT_FILE: Final = "ftops.yaml"


class LinkedFolders:
    """Walks folders below ``root``.

    Links wait until all real folders are known, so that a file goes by its own path where it has one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []
        self._seen: set[Path] = set()
        self._links: deque[Path] = deque()

    def below(self, folder: str) -> Iterator[str]:
        """Gives every YAML file in ``folder`` and its real subfolders, as paths below the root; hidden ones are left out."""
        for top, folders, files in os.walk(self.root / folder):
            here = Path(top)
            real = here.resolve()
            if real in self._seen:  # by another pattern or link, and so all that is below it
                folders.clear()
                continue
            self._seen.add(real)
            named = sorted(name for name in folders if not name.startswith("."))
            self._links.extend(here / name for name in named if (here / name).is_symlink())
            folders[:] = [name for name in named if not (here / name).is_symlink()]
            inside = here.relative_to(self.root).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            for name in files:
                if not name.endswith(_SUFFIXES) or name.startswith("."):
                    continue
                if name != _PROJECT_FILE or real != self.root.resolve():
                    yield f"{prefix}{name}"

    def linked(self) -> Iterator[str]:
        """Gives the YAML files behind every link met so far; a link that leaves the project goes into ``problems``."""
        while self._links:
            written = self._links.popleft().relative_to(self.root).as_posix()
            try:
                resolve_inside(self.root, self.root, written)
            except PathRefused as error:
                self.problems.append(Problem(file=visible(written), expected=error.expected, hint=error.hint))
            else:
                yield from self.below(written)
