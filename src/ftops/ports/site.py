"""The folder that a new project is written into, as the application needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ftops.domain.new_project import Survey


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """What became of files, as paths from the repository's top: written now, or left as they were.

    ``folders`` were made for what was written, each before those in it.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    folders: tuple[str, ...]


class Site(Protocol):
    """A folder, and the repository that it lies in or will begin."""

    def survey(self) -> Survey:
        """Looks at what is there. Raises UsageProblem, Invalid."""
        ...

    def place(self, files: Mapping[str, str]) -> Placed:
        """Writes files, by their paths from the repository's top, where none are; starts the repository where there is none.

        All or nothing: where anything fails, what this call wrote is taken away again. Raises UsageProblem, OSError.
        """
        ...
