"""What ``apply`` and ``prune`` share: open everything that a run changes, show its plan, and ask a person.

Imported by these commands when they run, as it brings the application along.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from ftops.application.reconcile import Settings
from ftops.application.saved_plan import check_approved, check_saved, plan_now
from ftops.application.standing import check_before_apply
from ftops.application.workspace import Workspace
from ftops.bootstrap import load_desired, open_workspace
from ftops.bootstrap_place import find_place
from ftops.cli.choosing import choose
from ftops.cli.guards import policy_of
from ftops.cli.live import open_progress
from ftops.cli.main import Globals
from ftops.cli.options import Selection
from ftops.cli.render_prune import counted
from ftops.cli.style import echo, safe, tell
from ftops.domain.continuing import continuing
from ftops.domain.plan import Plan
from ftops.ports import ProgramMode


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
    for notice in desired.notices:
        tell(f"Warning: {safe(notice)}")
    is_pruning = only_prunes or desired.project.prune
    selected = choose(place, desired, selection, backend=backend, is_pruning=is_pruning)
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
    question = _question(plan, only_prunes=workspace.policy.only_prunes)
    if is_asking and not click.confirm(question, default=False, err=True):
        tell("Nothing was done.")
        return None
    return plan


def _question(plan: Plan, *, only_prunes: bool) -> str:
    """What a person is asked: the cost, and how much is lost for good."""
    cost = "of unknown cost" if plan.cost_usd is None else f"for about ${plan.cost_usd:,.2f}"
    lost = counted(plan)
    if only_prunes:
        return f"Delete {lost} for good?"
    return f"Do this, {cost}" + (f", and delete {lost} for good?" if lost else "?")


def confirm_trust(base_url: str) -> bool:
    """Asks whether a backend may have datasets and a key; no, where nobody is there to answer."""
    if not sys.stdin.isatty():
        return False
    return click.confirm(f"Send datasets and a key to {safe(base_url)}, from now on?", err=True)
