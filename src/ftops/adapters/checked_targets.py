"""Which alias targets this clone has found to be made by the jobs that the ledger names: digests in ``.ftops/cache``.

A cache and nothing more: what is lost or can't be read is checked again, and what can't be written is not kept. Whoever can
write here can run commands as this user anyway; what other machines write into the ledger never comes here unchecked.
"""

import contextlib
import re
from functools import cached_property
from pathlib import Path
from typing import Final

from ftops.adapters.state_dir import ensure_private_dir

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES: Final = 4 * 1024 * 1024


class CheckedTargets:
    """A set of digests that outlives the process. Adding appends a line, so that runs side by side lose nothing."""

    def __init__(self, cache_dir: Path) -> None:
        self._file = cache_dir / "targets"

    def __contains__(self, digest: object) -> bool:
        return digest in self._known

    def add(self, digest: str) -> None:
        """Remembers a digest."""
        if digest in self._known or _DIGEST.fullmatch(digest) is None:
            return
        self._known.add(digest)
        with contextlib.suppress(OSError):
            ensure_private_dir(self._file.parent)
            if self._file.exists() and self._file.stat().st_size > _MOST_BYTES:
                self._file.unlink()  # sixty thousand targets: begin anew rather than grow for ever
            with self._file.open("a", encoding="ascii") as file:
                file.write(f"{digest}\n")

    @cached_property
    def _known(self) -> set[str]:
        try:
            with self._file.open("rb") as file:
                text = file.read(_MOST_BYTES).decode("ascii", errors="replace")
        except OSError:
            return set()
        return {line for line in text.split("\n") if _DIGEST.fullmatch(line)}
