"""What editing a manifest in place needs: its text before and after, and somebody who writes that."""

from dataclasses import dataclass
from typing import Protocol

from ftops.domain.manifest import AliasName, FineTune


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestEdit:
    """A manifest's bytes as they are and as they would be. ``path`` is the file's own (links followed), below the git top.

    ``is_tracked``: whether git knows the file; of one that it doesn't know ``git commit`` takes nothing.
    """

    path: str
    is_tracked: bool
    before: bytes
    after: bytes

    @property
    def line(self) -> int:
        """The first line that differs, from 1."""
        old, new = self.before.splitlines(), self.after.splitlines()
        return next((n for n, (a, b) in enumerate(zip(old, new, strict=False), 1) if a != b), len(old) + 1)


class ManifestEdits(Protocol):
    """Manifests as they can be edited in place."""

    def propose(self, fine_tune: FineTune, alias: AliasName, to: str) -> ManifestEdit:
        """Gives the edit that sets an alias. Raises FtopsError where it can't be made in place, UsageProblem for a name."""
        ...

    def write(self, edit: ManifestEdit) -> None:
        """Writes it, as a whole. Raises FtopsError where the file is not what it was, or can't be written."""
        ...
