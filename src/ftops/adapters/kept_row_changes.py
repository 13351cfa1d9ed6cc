"""What datasets were found to differ by before, under keys that name their content.

Owns what is kept of it: numbers, and the beginnings of labels, with secrets masked.
"""

from pathlib import Path
from typing import Final

from ftops import datasets
from ftops.adapters.content_cache import ContentCache
from ftops.adapters.package_code import package_code
from ftops.domain.dataset_changes import RowChanges

_SPARE: Final = 500


class KeptRowChanges:
    """Fits ``application.workspace.KnownRowChanges``, from run to run."""

    def __init__(self, ftops_dir: Path, *, seal: bytes | None) -> None:
        self._cache = ContentCache(
            ftops_dir, "differences", kind=RowChanges, version=f"1 {package_code(datasets)}", seal=seal, spare=_SPARE
        )

    def get(self, key: str, /) -> RowChanges | None:
        """Gives what was kept; None where nothing was."""
        return self._cache.get(key)

    def __setitem__(self, key: str, rows: RowChanges, /) -> None:
        """Keeps what was found, unless that is what was kept."""
        if self._cache.get(key) != rows:
            self._cache.put(key, rows)

    def save(self) -> None:
        """Writes them for the next run."""
        self._cache.save()
