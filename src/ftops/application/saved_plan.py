"""Plans that are saved, and what binds them to the world they were made for.

A saved plan is carried out only where a plan made now is the same: the ledger's records of the fine-tunes it names, the
manifests and datasets, the backends and ftops itself must be what they were.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from ftops.application.dataset_changes import with_dataset_changes
from ftops.application.observe import Observation, observe
from ftops.application.plan_findings import with_findings
from ftops.application.planning import make_plan
from ftops.application.workspace import Workspace
from ftops.domain.approval import Approval
from ftops.domain.foreign_text import quoted
from ftops.domain.plan import PLAN_FORMAT_VERSION, Plan
from ftops.domain.plan_json import plan_to_json
from ftops.domain.records import FineTuneRecord
from ftops.domain.revision import digest
from ftops.errors import Stale, Unauthorized, UsageProblem
from ftops.version import __version__

_MOST_SHOWN: Final = 10


def plan_now(
    workspace: Workspace, *, may_be_stale: bool = False, is_bound: bool = True, is_refreshing: bool = False
) -> Plan:
    """Observes and plans, and binds the plan to what was seen; ``is_bound`` False for one that nobody will keep.

    Raises Unauthorized where any backend refuses the key.
    """
    observation = observe(workspace, may_be_stale=may_be_stale, is_refreshing=is_refreshing)
    for error in observation.failures.values():
        if isinstance(error, Unauthorized):
            raise error
    plan = with_findings(workspace, make_plan(workspace, observation))
    plan = with_dataset_changes(workspace, plan, observation.state.ledgers)
    return replace(plan, bindings=_bindings(workspace, observation, plan)) if is_bound else plan


def check_saved(saved: Mapping[str, Any], now: Plan) -> None:
    """Raises Stale, naming what has moved, where a saved plan is not what would be planned now."""
    if saved.get("format_version") != PLAN_FORMAT_VERSION:
        raise UsageProblem("this file is no plan of this version of ftops", remedy="make it anew: ftops plan -o FILE")
    bound = saved.get("bindings")
    if not isinstance(bound, dict):
        raise UsageProblem("this file is no saved plan", remedy="make it anew: ftops plan -o FILE")
    moved = sorted(key for key in {*bound, *now.bindings} if bound.get(key) != now.bindings.get(key))
    fresh = plan_to_json(now)
    if not moved and _untimed(saved.get("actions")) == _untimed(fresh["actions"]):
        return
    what = ", ".join(moved) or _changed_actions(saved.get("actions"), fresh["actions"])
    raise Stale(
        f"the saved plan no longer fits: {what} changed since it was made", remedy="plan again: ftops plan -o FILE"
    )


def _untimed(actions: object) -> list[dict[str, Any]] | None:
    """Gives saved actions without how long they take: other fine-tunes' trainings tell that, and bind nobody."""
    if not isinstance(actions, list) or not all(isinstance(action, dict) for action in actions):
        return None
    return [{**action, "estimate": _without_time(action.get("estimate"))} for action in actions]


def _without_time(estimate: object) -> object:
    if not isinstance(estimate, dict):
        return estimate
    return {key: value for key, value in estimate.items() if key not in {"seconds", "assumes"}}


def check_approved(approval: Approval, now: Plan) -> None:
    """Raises Stale, naming all that goes beyond it, where a plan made now is not what reviewers approved.

    Raises UsageProblem where they approved a plan of another project.
    """
    if strangers := sorted(approval.projects - {now.project}):
        raise UsageProblem(
            f"the approved plan is of project {quoted(strangers[0])}, not of {now.project}",
            remedy="give the plan that was made for this project",
        )
    if excess := approval.excess(now):
        raise beyond_approval(excess)


def beyond_approval(excess: Sequence[str]) -> Stale:
    """Gives the error for what was not approved, in the words of ``Approval``."""
    shown = "; ".join(excess[:_MOST_SHOWN]) + (f"; and {len(excess) - _MOST_SHOWN} more" * (len(excess) > _MOST_SHOWN))
    return Stale(
        f"this goes beyond the plan that was approved: {shown}", remedy="plan again, and have that plan approved"
    )


def _changed_actions(saved: object, fresh: list[dict[str, Any]]) -> str:
    """Names the actions that are planned now and were not, and the other way round."""
    before = {str(action.get("id")): action for action in _untimed(saved) or ()}
    after = {str(action["id"]): action for action in _untimed(fresh) or ()}
    names = sorted(id_ for id_ in {*before, *after} if before.get(id_) != after.get(id_))
    return f"what would be done ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"


def _bindings(workspace: Workspace, observation: Observation, plan: Plan) -> Mapping[str, str]:
    bindings = {"ftops": ".".join(__version__.split(".")[:2])}
    bindings |= {f"manifest {path}": sha for path, sha in workspace.desired.manifest_digests.items()}
    for declared in workspace.desired.fine_tunes:
        if not workspace.policy.selects(declared.name):
            continue
        for dataset in (declared.train, declared.validation, *(e.dataset for e in declared.evals)):
            if dataset is not None:
                bindings[f"dataset {dataset.path}"] = dataset.sha256
        ledger = observation.state.ledgers[declared.backend.name]
        record = ledger.named(declared.name)
        bindings[f"ledger {declared.name}"] = _record_digest(record) if record else "none"
        if (key := f"backend {declared.backend.name}") not in bindings:
            backend = ledger.backend(declared.backend.name)
            bindings[key] = digest([backend.base_url, backend.organization] if backend else None)
    for action in plan.actions:  # of what no manifest declares, too
        record = observation.state.ledgers[action.backend].named(action.fine_tune)
        bindings.setdefault(f"ledger {action.fine_tune}", _record_digest(record) if record else "none")
    return bindings


def _record_digest(record: FineTuneRecord) -> str:
    """Gives the digest of all that the ledger knows of a fine-tune; of bytes that msgspec makes, as they are many."""
    return hashlib.sha256(msgspec.json.encode(record, order="sorted")).hexdigest()
