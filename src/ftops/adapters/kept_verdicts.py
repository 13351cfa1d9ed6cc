"""What conditions of gates came to before, so that a plan doesn't resample the same scores again.

Owns what is kept of it: verdicts with their intervals and sentences, never a score, nor a model's words.
"""

import threading
from pathlib import Path
from typing import Final

from ftops import evaluation
from ftops.adapters.content_cache import ContentCache
from ftops.adapters.package_code import package_code
from ftops.evaluation.known_verdicts import Judged

_SPARE: Final = 1_000


class KeptVerdicts:
    """Fits ``evaluation.known_verdicts.KnownVerdicts``, from run to run. Safe for several threads."""

    def __init__(self, ftops_dir: Path, *, seal: bytes | None) -> None:
        version = f"1 {package_code(evaluation)}"
        self._cache = ContentCache(ftops_dir, "verdicts", kind=Judged, version=version, seal=seal, spare=_SPARE)
        self._using = threading.Lock()  # an apply judges wherever it has measured

    def get(self, key: str, /) -> Judged | None:
        """Gives what was kept; None where nothing was."""
        with self._using:
            return self._cache.get(key)

    def __setitem__(self, key: str, judged: Judged, /) -> None:
        """Keeps what a condition came to."""
        with self._using:
            self._cache.put(key, judged)

    def save(self) -> None:
        """Writes them for the next run."""
        with self._using:
            self._cache.save()
