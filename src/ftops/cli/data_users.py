"""Which manifests name a file of the command line; none where there is no project around it.

Owns turning a person's path into the project's.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ftops.application.data_figures import Users, users_of
from ftops.cli.style import tell
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from ftops.bootstrap_place import Place
    from ftops.domain.loaded import LoadedProject
    from ftops.errors import Problem


class DataUsers:
    """The manifests of the project around ``folder``, read once and only when asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, file: Path) -> Users:
        """Gives who names a file. Manifests that are wrong name none: that is told."""
        place, read = self._place, self._read
        if place is None or read is None:
            return Users()
        loaded, _ = read
        real, top = Path(os.path.realpath(self._at(file, place))), Path(os.path.realpath(place.root))
        inside = real.relative_to(top).as_posix() if real.is_relative_to(top) else None
        return users_of(inside, loaded.project, loaded.fine_tunes)

    def _at(self, file: Path, place: "Place") -> Path:
        """Gives where a file lies now, of one at a revision too."""
        here = self._folder / file
        _, colon, inside = str(file).partition(":")
        if not colon or here.exists():
            return here
        return (self._folder if inside.startswith(("./", "../")) else place.top) / inside

    @cached_property
    def _place(self) -> "Place | None":
        from ftops.bootstrap_place import find_place

        try:
            return find_place(self._folder)
        except UsageProblem:
            return None

    @cached_property
    def _read(self) -> "tuple[LoadedProject, tuple[Problem, ...]] | None":
        from ftops.bootstrap import load

        if self._place is None:
            return None
        loaded, problems = load(self._place, backend=None)
        if problems:
            tell("Manifests are wrong, and don't count: ftops validate says what is wrong with them.")
        return loaded, problems
