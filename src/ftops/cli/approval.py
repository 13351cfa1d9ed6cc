"""What ``apply`` and ``prune`` share: open everything that a run changes, show its plan, and ask a person.

Imported by these commands when they run, as it brings the application along.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ftops.application.reconcile import Settings
from ftops.application.saved_plan import check_approved, check_saved, plan_now
from ftops.application.standing import check_before_apply
from ftops.application.workspace import Workspace
from ftops.bootstrap import load_desired, open_workspace
from ftops.bootstrap_place import find_place
from ftops.cli.choosing import choose
from ftops.cli.confirmation import is_confirmed, is_typed
from ftops.cli.guards import policy_of
from ftops.cli.live import LiveProgress, open_progress
from ftops.cli.main import Globals
from ftops.cli.options import Selection
from ftops.cli.questions import needs_typing, question_of
from ftops.cli.render_prune import counted
from ftops.cli.style import echo, safe, tell
from ftops.domain.continuing import continuing
from ftops.domain.manifest_notices import gathered
from ftops.domain.plan import Plan, Train
from ftops.ports import ProgramMode

APPROVE_INSTEAD: Final = "give --auto-approve, or a plan: ftops apply PLAN"
PRUNE_INSTEAD: Final = "give --auto-approve, or look first: ftops prune --dry-run"


@contextmanager
def opened(
    context: Globals,
    backend: str | None,
    selection: Selection,
    allowed: tuple[str, ...],
    stop: threading.Event,
    *,
    only_prunes: bool = False,
    for_apply: bool = True,
    python_graders: ProgramMode | None = None,
) -> Iterator[Workspace]:
    """Opens what a run works with: manifests, ledgers, backends and a display.

    ``only_prunes`` asks for deletions, also where ``ftops.yaml`` does not, and for nothing else. A run that is not
    ``for_apply`` only looks.
    """
    place = find_place(context.directory)
    desired = load_desired(place, backend=backend, for_apply=for_apply)
    is_pruning = only_prunes or desired.project.prune
    selected = choose(place, desired, selection, backend=backend, is_pruning=is_pruning)
    for notice in gathered(desired.notices, selected):
        tell(f"Warning: {safe(notice)}")
    policy = policy_of(allowed, selected, is_pruning=is_pruning, only_prunes=only_prunes)
    with (
        open_progress() as progress,
        open_workspace(
            place,
            desired,
            policy=policy,
            progress=progress,
            stop=stop,
            for_apply=for_apply,
            may_lack_keys=only_prunes,
            confirm=confirm_trust,
            python_graders=python_graders,
        ) as workspace,
    ):
        yield workspace


def approved_plan(
    workspace: Workspace,
    saved: dict[str, Any] | None,
    settings: Settings,
    *,
    is_asking: bool,
    show: Callable[[Plan], str] | None,
) -> Plan | None:
    """Gives the plan to carry out, None where a person said no. ``show`` renders it, where it is to be shown."""
    for name in workspace.shared_ledgers:
        check_before_apply(workspace, workspace.ledgers[name].read().state)
    plan = plan_now(workspace, is_refreshing=settings.is_refreshing)
    if saved is not None:
        check_saved(saved, plan)
    if settings.is_continuing:
        plan = continuing(plan)
    if show is not None:
        echo(show(plan))
        if plan.actions:
            echo()
    if settings.approval is not None and not plan.blockers:
        check_approved(settings.approval, plan)
    is_asking = is_asking and bool(plan.actions) and not plan.blockers
    if is_asking and not _is_approved(plan, only_prunes=workspace.policy.only_prunes):
        tell("Nothing was done.")
        return None
    if isinstance(workspace.progress, LiveProgress):
        workspace.progress.expect(_costs(plan))
    return plan


def _costs(plan: Plan) -> dict[str, float | None]:
    """What the trainings of each fine-tune that is worked on would cost; None where that is not known."""
    costs: dict[str, float | None] = {action.fine_tune: 0.0 for action in plan.actions}
    for action in plan.actions:
        if isinstance(action, Train):
            before, usd = costs[action.fine_tune], action.estimate.usd
            costs[action.fine_tune] = None if before is None or usd is None else before + usd
    return costs


def _is_approved(plan: Plan, *, only_prunes: bool) -> bool:
    question = question_of(plan, only_prunes=only_prunes)
    instead = PRUNE_INSTEAD if only_prunes else APPROVE_INSTEAD
    if not needs_typing(plan):
        return is_confirmed(question, instead=instead)
    tell(f"{counted(plan)} can't be had back. Every model that an alias of a manifest points to stays.")
    return is_typed(question, "delete", instead=instead)


def confirm_trust(base_url: str) -> bool:
    """Asks whether a backend may have datasets and a key; no, where nobody is there to answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    question = f"Send datasets and a key to {safe(base_url)}, from now on?"
    return is_confirmed(question, instead=f"name it in FTOPS_TRUSTED_BACKENDS: {safe(base_url)}")
