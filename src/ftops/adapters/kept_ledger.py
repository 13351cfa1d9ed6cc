"""A ledger's state at the commit that was read last, by that commit's hash: what was read of git once is not read again.

Owns what is kept, and that it is asked for once in a run: the first reading is the one that somebody waits for, and a run that
writes would keep a state after each commit. Only a state that was read whole and checked is kept, as the JSON that the ledger
holds: msgpack would bring every moment to UTC. A commit's hash stands for all that the commit holds.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from ftops.adapters.content_cache import ContentCache
from ftops.adapters.ledger_migrations import CURRENT
from ftops.domain.records import LedgerState


class KeptLedger:
    """The state of one ledger. Not safe for several threads at once: whoever reads the ledger takes care of that.

    ``name`` is that of its file in the cache, another one for each ledger.
    """

    def __init__(self, ftops_dir: Path, name: str, *, seal: bytes | None) -> None:
        version = f"2 {CURRENT}"
        # A view: tens of megabytes are not copied out of the file's before they are decoded.
        self._cache: ContentCache[memoryview] | None = ContentCache(
            ftops_dir, name, kind=memoryview, version=version, seal=seal
        )

    def state_at(self, tip: str, folder: str, read: Callable[[], LedgerState]) -> LedgerState:
        """Gives a folder's state at a commit: the kept one, else what ``read`` gives. Raises what ``read`` raises."""
        cache, self._cache = self._cache, None
        if cache is None:
            return read()
        key = f"{folder} {tip}"
        known = _decoded(cache.get(key))
        if known is not None:
            return known
        state = read()
        cache.put(key, memoryview(msgspec.json.encode(state)))
        cache.save()
        return state


def _decoded(kept: memoryview | None) -> LedgerState | None:
    """Gives the state that was kept; None where there is none that can be read."""
    if kept is None:
        return None
    try:
        return msgspec.json.decode(kept, type=LedgerState)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
