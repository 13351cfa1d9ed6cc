"""What finished jobs measured, step by step, so that each is read from its backend once: a finished job never changes."""

from pathlib import Path
from typing import Final

from ftops.adapters.content_cache import ContentCache
from ftops.domain.curves import StepMetrics

_SPARE: Final = 200


class KeptCurves:
    """Fits ``application.workspace.KnownCurves``, from run to run."""

    def __init__(self, ftops_dir: Path, *, seal: bytes | None) -> None:
        self._cache = ContentCache(
            ftops_dir, "curves", kind=tuple[StepMetrics, ...], version="1", seal=seal, spare=_SPARE
        )

    def get(self, key: str, /) -> tuple[StepMetrics, ...] | None:
        """Gives what was kept; None where nothing was."""
        return self._cache.get(key)

    def __setitem__(self, key: str, metrics: tuple[StepMetrics, ...], /) -> None:
        """Keeps what a job measured."""
        self._cache.put(key, metrics)

    def save(self) -> None:
        """Writes them for the next run."""
        self._cache.save()
