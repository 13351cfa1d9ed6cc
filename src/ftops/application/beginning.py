"""The first thing an apply writes: whose ledger this is, which backends it is about, and which commit is applied now."""

from collections.abc import Callable, Iterator

from ftops.application.standing import check_standing
from ftops.application.workspace import Workspace
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.events import AnyEvent, BackendSeen, CommitApplied, EventRefused, Protected, Started
from ftops.domain.manifest import BackendName, FineTuneName
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.errors import Unauthorized


def begin(workspace: Workspace, *, is_applying: bool) -> frozenset[FineTuneName]:
    """Records the applied commit and the backends' identities; gives the fine-tunes that this commit declares anew.

    A run that is not ``is_applying`` all that is declared records no commit and starts no ledger. Raises LedgerError, Refused
    and Stale for where we stand, and Unauthorized where a backend is not the one that the ledger knows.
    """
    declared_anew: set[FineTuneName] = set()
    for backends in _by_ledger(workspace):
        ledger = workspace.ledgers[backends[0]]
        state = ledger.read().state
        if state.project is None and not is_applying:
            continue
        is_new = is_applying and _is_new(workspace, state)
        if is_new:
            declared_anew.update(_declared_anew(workspace, state, backends))
        try:
            events = _events(workspace, state, backends, is_new=is_new)
            events += _protections(workspace, state, backends) if is_applying else ()
            ledger.record(events, _check(workspace, backends[0]))
        except EventRefused as error:
            remedy = "use the key and address that the ledger knows"
            raise Unauthorized(str(error), status=403, remedy=remedy) from error
    return frozenset(declared_anew)


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


def _protections(workspace: Workspace, state: LedgerState, backends: list[BackendName]) -> Iterator[Protected]:
    """Gives what manifests say of protection and the ledger does not yet: it holds when the manifest is gone, too."""
    for declared in workspace.desired.fine_tunes:
        record = _record_to_be(declared, workspace.desired, state)
        protect = declared.fine_tune.retention.protect
        is_chosen = declared.backend.name in backends and workspace.policy.selects(declared.name)
        if is_chosen and record is not None and record.is_protected is not protect:
            yield Protected(at=workspace.clock.now(), fine_tune=FineTuneName(record.name), is_protected=protect)


def _record_to_be(declared: Declared, desired: DesiredState, state: LedgerState) -> FineTuneRecord | None:
    """A declared fine-tune's record: where it is about to be renamed, the one that it gets then."""
    if declared.name in state.fine_tunes:
        return state.fine_tunes[declared.name]
    found = (state.named(former) for former in declared.fine_tune.moved_from)
    return next((record for record in found if record and desired.named(FineTuneName(record.name)) is None), None)


def _is_new(workspace: Workspace, state: LedgerState) -> bool:
    applied = state.project.applied if state.project else None
    return applied is None or applied.commit != workspace.desired.commit


def _declared_anew(workspace: Workspace, state: LedgerState, backends: list[BackendName]) -> Iterator[FineTuneName]:
    """Gives the fine-tunes whose manifest files are not what the commit applied last had; all where that can't be known."""
    applied, ours = state.project.applied if state.project else None, workspace.desired.commit
    changed: frozenset[str] | None = None
    if applied is not None and applied.commit is not None and ours is not None:
        changed = workspace.repository.changed_files(applied.commit, ours)
    for declared in workspace.desired.fine_tunes:
        if declared.backend.name in backends and (changed is None or declared.fine_tune.path in changed):
            yield declared.name


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
