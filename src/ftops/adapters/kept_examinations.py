"""What was found in datasets before, by the SHA-256 of their bytes and what they were looked at for.

Owns what is kept of it. Findings may quote a value of a row, so the file is as private as the data beside it: ``.ftops`` is
ignored by git, and the cache is for this clone alone.
"""

from pathlib import Path
from typing import Final

import msgspec

from ftops import datasets
from ftops.adapters.content_cache import ContentCache
from ftops.adapters.package_code import package_code
from ftops.datasets.findings import Found

_SPARE: Final = 500


class KeptGroup(msgspec.Struct, frozen=True, array_like=True):
    """Findings of one kind: the key that groups them, how many there are, and those that are shown."""

    key: tuple[str, str, str]
    count: int
    shown: tuple[Found, ...]


class KeptPart(msgspec.Struct, frozen=True, array_like=True):
    """One file, or one part of a split; ``name`` is its own, ``file`` where its findings are."""

    name: str
    file: str
    rows: int
    tokens: int
    groups: tuple[KeptGroup, ...]


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    parts: tuple[tuple[KeptPart, ...], ...]


class KeptExaminations:
    """Examinations of a training file with what goes with it; None as folder keeps nothing."""

    def __init__(self, ftops_dir: Path | None, *, seal: bytes | None) -> None:
        self._cache = (
            None
            if ftops_dir is None
            else ContentCache(
                ftops_dir, "findings", kind=_Kept, version=f"1 {package_code(datasets)}", seal=seal, spare=_SPARE
            )
        )

    def get(self, key: str) -> tuple[tuple[KeptPart, ...], ...] | None:
        """Gives what was kept, one entry for each file with its parts."""
        kept = None if self._cache is None else self._cache.get(key)
        return None if kept is None else kept.parts

    def put(self, key: str, parts: tuple[tuple[KeptPart, ...], ...]) -> None:
        """Keeps what was found."""
        if self._cache is not None:
            self._cache.put(key, _Kept(parts))

    def save(self) -> None:
        """Writes them for the next run."""
        if self._cache is not None:
            self._cache.save()
