"""Guards about deletions: what is not deleted without a person's word, however it was asked for.

Both words are given to ``ftops prune --allow``. An apply with ``prune: true`` has to leave such deletions to it.
"""

from collections.abc import Mapping

from ftops.domain.draft import Draft
from ftops.domain.guard import MASS_DELETE, NO_RETRAIN, Policy, without
from ftops.domain.manifest import FineTuneName
from ftops.domain.observed import ObservedState, is_same_ledger
from ftops.domain.plan import DeleteModel, Notice, Refusal
from ftops.domain.records import LedgerState
from ftops.domain.retention import half_deleted, models_of

FEW = 3


def refuse_deletions(draft: Draft, observed: ObservedState, policy: Policy) -> None:
    """Takes out of a draft the deletions that the guards refuse, and the files that would follow them."""
    refused: set[str] = set()
    if NO_RETRAIN not in policy.allow:
        refused |= _refuse_without_retraining(draft, observed, policy)
    draft.actions[:] = without(draft.actions, refused)
    if MASS_DELETE not in policy.allow:
        draft.actions[:] = without(draft.actions, _refuse_many(draft, observed))


def _refuse_without_retraining(draft: Draft, observed: ObservedState, policy: Policy) -> set[str]:
    """Keeps models that nobody could train again. An apply only reports that: it was not asked to delete above all."""
    refused: dict[tuple[FineTuneName, str], list[DeleteModel]] = {}
    for action in draft.actions:
        if isinstance(action, DeleteModel):
            record = observed.ledgers[action.backend].backend(action.backend)
            if record is not None and record.blocked is not None:
                about = f"{action.backend} said on {record.blocked.at:%Y-%m-%d} that this organisation may not train any more"
                refused.setdefault((action.fine_tune, about), []).append(action)
    for (name, about), actions in sorted(refused.items()):
        message = f"{about}; {_count(len(actions))} could not be trained again"
        if policy.only_prunes:
            draft.refusals.append(Refusal(fine_tune=name, guard="no_retrain", message=message, allow=NO_RETRAIN))
        else:
            notice = f"{message}; only ftops prune --allow {NO_RETRAIN} deletes"
            draft.notices.append(Notice(fine_tune=name, message=notice))
    return {action.id for actions in refused.values() for action in actions}


def _refuse_many(draft: Draft, observed: ObservedState) -> set[str]:
    """Refuses three or more deletions that are more than half of this project's models, in each ledger by itself.

    What was begun before is finished: a person has allowed it, or it was few enough.
    """
    refused: set[str] = set()
    for _, ledger in observed.distinct_ledgers:
        deletions = _deletions(draft, observed, ledger)
        if len(deletions) < FEW:
            continue
        begun = {model.job.id for record in ledger.fine_tunes.values() for model in half_deleted(record)}
        alive = sum(1 for record in ledger.fine_tunes.values() for _ in models_of(record))
        deletions = [action for action in deletions if action.job not in begun]
        if len(deletions) < FEW or 2 * len(deletions) <= alive:
            continue
        for name, count in sorted(_by_fine_tune(deletions).items()):
            message = (
                f"{_count(count)} would be deleted; in all that is {len(deletions)} of the {alive} models of this project, "
                "more than half"
            )
            draft.refusals.append(Refusal(fine_tune=name, guard="mass_delete", message=message, allow=MASS_DELETE))
        refused |= {action.id for action in deletions}
    return refused


def _deletions(draft: Draft, observed: ObservedState, ledger: LedgerState) -> list[DeleteModel]:
    return [
        action
        for action in draft.actions
        if isinstance(action, DeleteModel) and is_same_ledger(observed.ledgers[action.backend], ledger)
    ]


def _by_fine_tune(deletions: list[DeleteModel]) -> Mapping[FineTuneName, int]:
    counts: dict[FineTuneName, int] = {}
    for action in deletions:
        counts[action.fine_tune] = counts.get(action.fine_tune, 0) + 1
    return counts


def _count(number: int) -> str:
    return f"{number} model{'' if number == 1 else 's'}"
