"""Plans that are saved, and what binds them to the world they were made for.

A saved plan is carried out only where a plan made now is the same: the ledger's records of the fine-tunes it names, the
manifests and datasets, the backends and ftops itself must be what they were.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from ftops import __version__
from ftops.application.observe import Observation, observe
from ftops.application.planning import make_plan
from ftops.application.workspace import Workspace
from ftops.domain.plan import PLAN_FORMAT_VERSION, Plan
from ftops.domain.plan_json import plan_to_json
from ftops.domain.revision import digest
from ftops.errors import Stale, Unauthorized, UsageProblem


def plan_now(workspace: Workspace, *, may_be_stale: bool = False) -> Plan:
    """Observes and plans, and binds the plan to what was seen. Raises Unauthorized where any backend refuses the key."""
    observation = observe(workspace, may_be_stale=may_be_stale)
    for error in observation.failures.values():
        if isinstance(error, Unauthorized):
            raise error
    return replace(make_plan(workspace, observation), bindings=_bindings(workspace, observation))


def check_saved(saved: Mapping[str, Any], now: Plan) -> None:
    """Raises Stale, naming what has moved, where a saved plan is not what would be planned now."""
    if saved.get("format_version") != PLAN_FORMAT_VERSION:
        raise UsageProblem("this file is no plan of this version of ftops", remedy="make it anew: ftops plan -o FILE")
    bound = saved.get("bindings")
    if not isinstance(bound, dict):
        raise UsageProblem("this file is no saved plan", remedy="make it anew: ftops plan -o FILE")
    moved = sorted(key for key in {*bound, *now.bindings} if bound.get(key) != now.bindings.get(key))
    fresh = plan_to_json(now)
    if not moved and saved.get("actions") == fresh["actions"]:
        return
    what = ", ".join(moved) or "the actions themselves"
    raise Stale(
        f"the saved plan no longer fits: {what} changed since it was made", remedy="plan again: ftops plan -o FILE"
    )


def _bindings(workspace: Workspace, observation: Observation) -> Mapping[str, str]:
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
        bindings[f"ledger {declared.name}"] = digest(msgspec.to_builtins(record)) if record else "none"
        backend = ledger.backend(declared.backend.name)
        identity = [backend.base_url, backend.organization] if backend else None
        bindings[f"backend {declared.backend.name}"] = digest(identity)
    return bindings
