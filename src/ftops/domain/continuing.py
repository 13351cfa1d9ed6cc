"""What of a plan an unattended run may do: ``apply --continue``.

It settles open intents, evaluates and promotes what is trained. It begins nothing: no upload, no new training, no cancel, no
rename. Where a manifest declares a revision that was never applied, nothing is done for that fine-tune at all.
"""

from dataclasses import replace
from typing import assert_never

from ftops.domain.guard import without
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Notice,
    Plan,
    Promote,
    Train,
    Upload,
)


def continuing(plan: Plan) -> Plan:
    """Gives the part of a plan that goes on with what was begun, and a notice for each fine-tune that waits for an apply."""
    due = sorted({action.fine_tune for action in plan.actions if _begins(action)})
    dropped = {action.id for action in plan.actions if action.fine_tune in due or not _goes_on(action)}
    notices = [
        Notice(
            fine_tune=name, message="its manifest asks for something new: an apply is due, nothing is done until then"
        )
        for name in due
    ]
    return replace(
        plan,
        actions=tuple(without(plan.actions, dropped)),
        deferred=tuple(entry for entry in plan.deferred if entry.fine_tune not in due),
        withheld=tuple(entry for entry in plan.withheld if entry.fine_tune not in due),
        refusals=(),
        notices=(*plan.notices, *notices),
    )


def _begins(action: Action) -> bool:
    return isinstance(action, Move) or (isinstance(action, Train) and action.takes_over is None)


def _goes_on(action: Action) -> bool:
    match action:
        case Adopt() | Evaluate() | Promote() | Train():
            return True
        case Cancel() | Move() | Upload() | DeleteModel() | DeleteFile():
            return False
        case _:
            assert_never(action)
