"""The first thing an apply writes: whose ledger this is, which backends it is about, and which commit is applied now."""

from collections.abc import Callable

from ftops.application.standing import check_standing
from ftops.application.workspace import Workspace
from ftops.domain.events import AnyEvent, BackendSeen, CommitApplied, EventRefused, Started
from ftops.domain.manifest import BackendName
from ftops.domain.records import LedgerState
from ftops.errors import Unauthorized


def begin(workspace: Workspace, *, is_continuing: bool) -> bool:
    """Records the applied commit and the backends' identities; gives whether this run is the first to apply that commit.

    A run that only continues records no commit and starts no ledger. Raises LedgerError, Refused and Stale for where we stand,
    and Unauthorized where a backend is not the one that the ledger knows.
    """
    is_first = False
    for backends in _by_ledger(workspace):
        ledger = workspace.ledgers[backends[0]]
        state = ledger.read().state
        if state.project is None and is_continuing:
            continue
        is_new = not is_continuing and _is_new(workspace, state)
        is_first = is_first or is_new
        try:
            ledger.record(_events(workspace, state, backends, is_new=is_new), _check(workspace, backends[0]))
        except EventRefused as error:
            remedy = "use the key and address that the ledger knows"
            raise Unauthorized(str(error), status=403, remedy=remedy) from error
    return is_first


def _events(workspace: Workspace, state: LedgerState, backends: list[BackendName], *, is_new: bool) -> list[AnyEvent]:
    now, identity = workspace.clock.now(), workspace.identity
    events: list[AnyEvent] = []
    if state.project is None:
        events.append(Started(at=now, project=workspace.desired.project.name, ledger_id=identity.new_id()))
    events += [BackendSeen(at=now, backend=name, base_url=workspace.address(name)) for name in backends]
    if is_new:
        commit = workspace.desired.commit
        events.append(CommitApplied(at=now, commit=commit, owner=identity.owner, run_url=identity.run_url))
    return events


def _is_new(workspace: Workspace, state: LedgerState) -> bool:
    applied = state.project.applied if state.project else None
    return applied is None or applied.commit != workspace.desired.commit


def _check(workspace: Workspace, backend: BackendName) -> Callable[[LedgerState], None] | None:
    """Gives the check that no other run may slip past: on the very state that our commit is written to."""
    if backend in workspace.rehearsals:
        return None
    return lambda state: check_standing(workspace, state)


def _by_ledger(workspace: Workspace) -> list[list[BackendName]]:
    """Groups the backends that can be called by their ledger."""
    groups: dict[int, list[BackendName]] = {}
    for name in sorted(workspace.sessions):
        groups.setdefault(id(workspace.ledgers[name]), []).append(name)
    return list(groups.values())
