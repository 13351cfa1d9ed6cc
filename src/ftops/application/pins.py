"""What is known of each revision that an alias could be pinned to: the ledger's record, and the verdicts of recorded scores.

Calls no backend and writes nothing. Which revision is meant is decided in ``domain.pinning``.
"""

from dataclasses import dataclass

from ftops.application.checkpoints import record_of
from ftops.application.workspace import Workspace
from ftops.domain.checkpoints import chosen_model, has_to_choose
from ftops.domain.desired import Declared
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import AliasName, Revision
from ftops.domain.pinning import Pinnable, pinnable
from ftops.domain.records import FineTuneRecord, LedgerState


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """One alias of one fine-tune, and what it could be pinned to: the newest model first."""

    declared: Declared
    alias: AliasName
    record: FineTuneRecord | None
    choices: tuple[Pinnable, ...]
    judgements: dict[Revision, Judgement]


def pins_of(workspace: Workspace, state: LedgerState, declared: Declared, alias: AliasName) -> Pins:
    """Judges every revision that has a model on the backend in force, and says what an apply would do with a pin to it."""
    record = record_of(declared, state)
    judgements = _judgements(workspace, record, declared) if record is not None else {}
    choices = pinnable(record, declared, alias, judgements)
    return Pins(declared=declared, alias=alias, record=record, choices=choices, judgements=judgements)


def _judgements(workspace: Workspace, record: FineTuneRecord, declared: Declared) -> dict[Revision, Judgement]:
    backend, policy = declared.backend.name, declared.fine_tune.policy.checkpoints
    found: dict[Revision, Judgement] = {}
    for name, known in sorted(record.revisions.items()):
        revision, job = Revision(name), known.trained_job(backend)
        model = chosen_model(record, revision, backend, policy)
        # Of a job whose checkpoint has still to be chosen nothing can be said.
        if job is not None and model is not None and has_to_choose(record, backend, job, declared) is None:
            found[revision] = workspace.judge(record, declared, revision, model)
    return found
