"""Backends that no manifest names any more although something of this project may still run there, or is to be deleted.

A fine-tune may move to another backend while its job runs, or while nobody knows yet whether a job was made, or be let go of.
Such a backend is looked at until all of it has ended, for a while after something there was forgotten, and as long as it has
models or files where somebody prunes; where it can't be called it is left alone, and that is said.
"""

from datetime import datetime, timedelta
from typing import Final

from ftops.application.workspace import Workspace
from ftops.domain.manifest import Backend, BackendName
from ftops.domain.records import LedgerState
from ftops.domain.retention import backends_of
from ftops.ports import BackendSession

# A job shows in lists within minutes of its POST, and ends within days: after so long nobody runs into what an open intent, or
# ``ftops forget``, may have left behind.
INTENTS_COUNT_FOR: Final = timedelta(days=30)
FORGOTTEN_COUNT_FOR: Final = INTENTS_COUNT_FOR


def left_backends(workspace: Workspace, ledger: LedgerState) -> list[Backend]:
    """Gives the backends of this project that manifests have left and whose business in a ledger is not done, by name."""
    used, now = {backend.name for backend in workspace.backends}, workspace.clock.now()
    return [
        backend
        for name, backend in sorted(workspace.desired.project.backends.items())
        if name not in used
        and not backend.is_rehearsal
        and (
            has_business(ledger, name, now)
            or _may_have_forgotten_jobs(ledger, name, now)
            or (workspace.policy.is_pruning and name in backends_of(ledger))
        )
    ]


def has_business(ledger: LedgerState, backend: BackendName, now: datetime) -> bool:
    """Whether a job there has not ended, or an intent stands open that may have made one."""
    return any(
        any(not job.status.is_final for job in attempt.jobs)
        or (attempt.open_intent is not None and now - attempt.open_intent.at < INTENTS_COUNT_FOR)
        for *_, attempt in ledger.unsettled(backend)
    )


def _may_have_forgotten_jobs(ledger: LedgerState, backend: BackendName, now: datetime) -> bool:
    """Whether the ledger let go of something there of late: what still runs or was made is to be found again, or reported."""
    forgotten = ledger.project.forgotten if ledger.project else ()
    return any(backend in past.backends and now - past.at < FORGOTTEN_COUNT_FOR for past in forgotten)


def reach(workspace: Workspace, backend: Backend, caveats: list[str]) -> BackendSession | None:
    """Gives a session with a backend that manifests have left; None, and a caveat, where it can't be called."""
    if backend.name not in workspace.sessions:
        opened = workspace.open_left(backend)
        if isinstance(opened, str):
            caveats.append(
                f"backend {backend.name}, which no manifest names any more, is left alone ({opened}); "
                "what the ledger has there stays as it is"
            )
            return None
        workspace.sessions[backend.name] = opened
    return workspace.sessions[backend.name]
