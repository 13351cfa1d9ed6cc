"""Plans renames: what ``moved_from`` asks for, and which names are taken by the ledger's memory of former ones.

Everything else of a fine-tune is looked up in the state in which its rename has happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from ftops.domain.desired import Declared, DesiredState
from ftops.domain.draft import Draft
from ftops.domain.events import Renamed
from ftops.domain.manifest import FineTuneName
from ftops.domain.observed import ObservedState, is_same_ledger
from ftops.domain.plan import Blocker, Move, Notice, Reason, action_id
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.transitions import apply_event


@dataclass(frozen=True, kw_only=True, slots=True)
class Renames:
    """The state after all renames, the move that each renamed fine-tune waits for, and the names that can't be used."""

    observed: ObservedState
    moves: Mapping[FineTuneName, Move]
    taken: frozenset[FineTuneName]


def plan_renames(
    selected: list[Declared], desired: DesiredState, observed: ObservedState, draft: Draft, today: date
) -> Renames:
    """Plans at most one move for each fine-tune; notices and blockers go into ``draft``."""
    moves: dict[FineTuneName, Move] = {}
    for declared in selected:
        for former in declared.fine_tune.moved_from:
            record = _to_move(declared, former, desired, observed, draft)
            if record is not None:
                moves[declared.name] = _move(declared, FineTuneName(record.name))
                observed = _moved(observed, declared, FineTuneName(record.name), today)
    taken = frozenset(d.name for d in selected if _is_taken(d, desired, observed, draft))
    return Renames(observed=observed, moves=moves, taken=taken)


def _to_move(
    declared: Declared, former: FineTuneName, desired: DesiredState, observed: ObservedState, draft: Draft
) -> FineTuneRecord | None:
    ledger = observed.ledgers[declared.backend.name]
    record = ledger.named(former)
    if record is None:
        message = f"moved_from names {former}, which the ledger does not know"
        draft.notices.append(Notice(fine_tune=declared.name, message=message))
    elif record.name == declared.name:
        pass  # moved before; the line may be dropped
    elif record.name != former and desired.named(FineTuneName(record.name)) is not None:
        message = f"moved_from names {former}, a former name of {record.name}, which another manifest declares"
        draft.blockers.append(Blocker(fine_tune=declared.name, message=message))
    elif declared.name in ledger.fine_tunes:
        message = f"moved_from names {former}, but the ledger has both {former} and {declared.name}"
        draft.notices.append(Notice(fine_tune=declared.name, message=message))
    else:
        return record
    return None


def _move(declared: Declared, former: FineTuneName) -> Move:
    return Move(
        id=action_id("move", declared.name, former),
        fine_tune=declared.name,
        backend=declared.backend.name,
        reason=Reason.RENAMED,
        revision=declared.revision,
        former=former,
    )


def _moved(observed: ObservedState, declared: Declared, former: FineTuneName, today: date) -> ObservedState:
    at = datetime(today.year, today.month, today.day, tzinfo=UTC)
    before = observed.ledgers[declared.backend.name]
    after: LedgerState = apply_event(before, Renamed(at=at, fine_tune=declared.name, former=former))
    ledgers = {name: after if is_same_ledger(known, before) else known for name, known in observed.ledgers.items()}
    return replace(observed, ledgers=ledgers)


def _is_taken(declared: Declared, desired: DesiredState, observed: ObservedState, draft: Draft) -> bool:
    """Whether a declared name belongs to the history of another fine-tune: it would write into that one's record."""
    record = observed.ledgers[declared.backend.name].named(declared.name)
    if record is None or record.name == declared.name:
        return False
    message = (
        f"{declared.name} is a former name of {record.name}, and the ledger keeps those; choose another name, "
        f"or have it forget this one: ftops forget {declared.name}"
    )
    if desired.named(FineTuneName(record.name)) is None:
        message += f", or go back to it with moved_from: [{record.name}]"
    draft.blockers.append(Blocker(fine_tune=declared.name, message=message))
    return True
