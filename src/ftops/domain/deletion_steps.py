"""Plans deletions where somebody prunes: what retention and missing manifests leave over, and what guards say to that."""

from collections.abc import Container, Iterable, Mapping

from ftops.domain.desired import DesiredState
from ftops.domain.draft import Draft
from ftops.domain.guard import MASS_DELETE, NO_RETRAIN, Policy
from ftops.domain.manifest import BackendName, FineTuneName, JobId
from ftops.domain.observed import ObservedState
from ftops.domain.plan import DeleteFile, DeleteModel, Notice, Reason, Refusal, action_id
from ftops.domain.records import LedgerState
from ftops.domain.retention import File, Model, Sorted, models_of, sort_models, surplus_files

FEW = 2


def plan_deletions(
    ledger: LedgerState,
    desired: DesiredState,
    observed: ObservedState,
    policy: Policy,
    accounted: Container[str],
    draft: Draft,
) -> None:
    """Adds one ledger's deletions; ``accounted`` are the names that manifests account for, with renames still to come."""
    found = _sorted(ledger, desired, accounted)
    chosen = {name: one for name, one in sorted(found.items()) if policy.selects(FineTuneName(name))}
    surplus = [model for one in chosen.values() for model in one.surplus]
    _report_left_alone(surplus, observed, draft)
    asked = [_delete_model(model, found) for model in surplus if _is_online(model.backend, observed)]
    models = _without_refused(asked, ledger, policy, draft)
    files = surplus_files(ledger, desired, {action.model for action in models})
    draft.actions += models
    draft.actions += [
        _delete_file(file, found, models)
        for file in files
        if _is_online(file.backend, observed) and all(record.name in chosen for record, _ in file.users)
    ]
    draft.notices += [_still_pointed_to(one) for one in chosen.values() if _is_held_by_alias(one)]


def _sorted(ledger: LedgerState, desired: DesiredState, accounted: Container[str]) -> dict[str, Sorted]:
    """Sorts the models of every fine-tune but those that are suspended, or whose rename is still to come."""
    found = {}
    for name, record in ledger.fine_tunes.items():
        declared = desired.named(FineTuneName(name))
        is_left_alone = name in accounted if declared is None else declared.fine_tune.policy.suspend
        if not is_left_alone:
            found[name] = sort_models(record, declared, desired)
    return found


def _is_online(backend: BackendName, observed: ObservedState) -> bool:
    view = observed.backends.get(backend)
    return view is not None and view.is_online


def _report_left_alone(models: list[Model], observed: ObservedState, draft: Draft) -> None:
    left = [model for model in models if not _is_online(model.backend, observed)]
    for name, backend in sorted({(model.fine_tune, model.backend) for model in left}):
        count = sum((model.fine_tune, model.backend) == (name, backend) for model in left)
        message = f"{_models(count)} at {backend} could be deleted, but that backend was not asked: left alone"
        draft.notices.append(Notice(fine_tune=name, message=message))


def _is_held_by_alias(one: Sorted) -> bool:
    targets = [alias.target for alias in one.record.aliases.values() if alias.target is not None]
    return not one.is_declared and bool(targets) and bool(one.kept)


def _still_pointed_to(one: Sorted) -> Notice:
    aliases = ", ".join(alias for alias, known in sorted(one.record.aliases.items()) if known.target is not None)
    message = (
        f"no manifest declares {one.record.name}, but {aliases} still answers for it: what it points to is kept; "
        "remove the alias's line and apply before the manifest goes, or let go of it: ftops forget"
    )
    return Notice(fine_tune=None, message=message)


def _delete_model(model: Model, found: Mapping[str, Sorted]) -> DeleteModel:
    return DeleteModel(
        id=action_id("delete_model", model.fine_tune, model.job.id),
        fine_tune=model.fine_tune,
        backend=model.backend,
        reason=_reason(model.fine_tune, found),
        revision=model.revision,
        job=JobId(model.job.id),
        attempt=model.attempt,
        model=model.id,
    )


def _delete_file(file: File, found: Mapping[str, Sorted], models: Iterable[DeleteModel]) -> DeleteFile:
    record, revision = file.users[0]
    users = {(user.name, revision) for user, revision in file.users}
    return DeleteFile(
        id=action_id("delete_file", file.backend, file.sha256[:12]),
        fine_tune=FineTuneName(record.name),
        backend=file.backend,
        reason=_reason(FineTuneName(record.name), found),
        revision=revision,
        # Not before the models that it made are gone: one that stays may have to be trained again.
        after=tuple(action.id for action in models if (action.fine_tune, action.revision) in users),
        sha256=file.sha256,
        file=file.file.id,
        size=file.file.size,
    )


def _reason(name: FineTuneName, found: Mapping[str, Sorted]) -> Reason:
    return Reason.RETENTION if found[name].is_declared else Reason.UNDECLARED


def _without_refused(models: list[DeleteModel], ledger: LedgerState, policy: Policy, draft: Draft) -> list[DeleteModel]:
    """Takes away deletions of most of what there is, and of what could never be trained again."""
    total = sum(1 for record in ledger.fine_tunes.values() for _ in models_of(record))
    is_mass = len(models) > FEW and 2 * len(models) > total and MASS_DELETE not in policy.allow
    refused: dict[FineTuneName, Refusal] = {}
    kept = []
    for action in models:
        refusal = None
        if is_mass:
            message = f"{len(models)} of this project's {_models(total)} would be deleted"
            refusal = Refusal(fine_tune=action.fine_tune, guard="mass_delete", message=message, allow=MASS_DELETE)
        elif NO_RETRAIN not in policy.allow:
            refusal = _irreplaceable(action, ledger)
        if refusal is None:
            kept.append(action)
        else:
            refused.setdefault(action.fine_tune, refusal)
    draft.refusals += [refusal for _, refusal in sorted(refused.items())]
    return kept


def _irreplaceable(action: DeleteModel, ledger: LedgerState) -> Refusal | None:
    record = ledger.backend(action.backend)
    if record is None or record.blocked is None:
        return None
    message = (
        f"backend {action.backend} said on {record.blocked.at:%Y-%m-%d} that this organisation may not train any more: "
        f"{action.model} could never be made again"
    )
    return Refusal(fine_tune=action.fine_tune, guard="no_retrain", message=message, allow=NO_RETRAIN)


def _models(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"
