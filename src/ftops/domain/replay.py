"""What a fine-tune's record will be once events about it are recorded: for who has to go on before the ledger has them."""

from collections.abc import Iterable

from ftops.domain.events import AnyEvent
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.transitions import apply_event


def record_after(record: FineTuneRecord, events: Iterable[AnyEvent]) -> FineTuneRecord:
    """Gives the record after events that leave it its name. Raises EventRefused where one can't follow."""
    state = LedgerState(fine_tunes={record.name: record})
    for event in events:
        state = apply_event(state, event)
    return state.fine_tunes[record.name]
