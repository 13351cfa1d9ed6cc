"""Pages of jobs, as JSON. A job that has ended is never changed again, so its JSON is made once and kept for a while.

Owns which JSON is kept. That ended jobs stay as they are is the rule of ``storage.jobs``.
"""

import sqlite3
from collections.abc import Mapping
from threading import Lock

import msgspec

from ftops.server import wire
from ftops.server.storage import jobs
from ftops.server.storage.paging import Page

# About a kilobyte each.
_MOST_KEPT = 4_096


class JobPages:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._ended: dict[int, msgspec.Raw] = {}
        self._lock = Lock()

    def page(
        self,
        connection: sqlite3.Connection,
        *,
        project: str,
        limit: int,
        after: str | None,
        metadata: Mapping[str, str] | None,
    ) -> Page[msgspec.Raw]:
        """A page as ``storage.jobs`` cuts it; ``UnknownCursor`` likewise."""
        page = jobs.page(connection, project=project, limit=limit, after=after, metadata=metadata)
        shown = {seq: self._ended.get(seq) for seq in page.items}
        missing = [seq for seq, text in shown.items() if text is None]
        if missing:
            shown |= self._read(connection, missing)
        # None are those that were forgotten after the page was cut.
        return Page(items=[text for text in shown.values() if text is not None], has_more=page.has_more)

    def _read(self, connection: sqlite3.Connection, seqs: list[int]) -> Mapping[int, msgspec.Raw]:
        rows = jobs.several(connection, seqs)
        read = {row.seq: msgspec.Raw(msgspec.json.encode(wire.job_object(row))) for row in rows}
        with self._lock:
            self._ended.update((row.seq, read[row.seq]) for row in rows if row.status not in jobs.UNFINISHED)
            for seq in [*self._ended][: len(self._ended) - _MOST_KEPT]:
                del self._ended[seq]
        return read
