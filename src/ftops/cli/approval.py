"""What ``apply`` and ``prune`` share: open everything that a run changes, show its plan, and ask a person.

Imported by these commands when they run, as it brings the application along.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ftops.application.reconcile import Settings
from ftops.application.saved_plan import check_saved, plan_now
from ftops.application.standing import check_before_apply
from ftops.application.workspace import Workspace
from ftops.bootstrap import Place, find_place, load_desired, open_catalog, open_workspace
from ftops.cli.guards import policy_of
from ftops.cli.live import open_progress
from ftops.cli.main import Globals
from ftops.cli.options import Selection
from ftops.cli.render_text import render_plan
from ftops.cli.style import echo, safe, tell
from ftops.domain.continuing import continuing, deleting
from ftops.domain.desired import DesiredState
from ftops.domain.manifest import FineTuneName
from ftops.domain.plan import DeleteFile, DeleteModel, Plan


@contextmanager
def opened(
    context: Globals,
    backend: str | None,
    selection: Selection,
    allowed: tuple[str, ...],
    stop: threading.Event,
    *,
    is_pruning: bool = False,
) -> Iterator[Workspace]:
    """Opens what a run works with: manifests, ledgers, backends and a display.

    ``is_pruning`` asks for deletions, also where ``ftops.yaml`` does not, and lets undeclared fine-tunes be selected.
    """

    place = find_place(context.directory)
    desired = load_desired(place, backend=backend, for_apply=True)
    for notice in desired.notices:
        tell(f"Warning: {safe(notice)}")
    is_deleting = is_pruning or desired.project.prune
    selected = selection.choose(desired, undeclared=undeclared(place, desired, backend) if is_deleting else ())
    policy = policy_of(allowed, selected, is_pruning=is_deleting)
    with (
        open_progress() as progress,
        open_workspace(
            place,
            desired,
            policy=policy,
            progress=progress,
            stop=stop,
            for_apply=True,
            may_lack_keys=is_pruning,
            confirm=_confirm_trust,
        ) as workspace,
    ):
        yield workspace


def approved_plan(
    workspace: Workspace, saved: dict[str, Any] | None, settings: Settings, *, is_asking: bool, is_shown: bool
) -> Plan | None:
    """Gives the plan to carry out, None where a person said no."""
    for name in workspace.shared_ledgers:
        check_before_apply(workspace, workspace.ledgers[name].read().state)
    plan = plan_now(workspace, is_refreshing=settings.is_refreshing)
    if saved is not None:
        check_saved(saved, plan)
    if settings.is_continuing:
        plan = continuing(plan)
    if settings.is_pruning:
        plan = deleting(plan)
    if is_shown:
        echo(render_plan(plan, when_empty="Nothing to prune." if settings.is_pruning else None))
        if plan.actions:
            echo()
    is_asking = is_asking and bool(plan.actions) and not plan.blockers
    if is_asking and not click.confirm(_question(plan), default=False, err=True):
        tell("Nothing was done.")
        return None
    return plan


def undeclared(
    place: Place, desired: DesiredState, backend: str | None, *, is_cached: bool = False
) -> frozenset[FineTuneName]:
    """Gives the fine-tunes that the ledgers of this run know and no manifest declares; ``is_cached`` fetches nothing."""
    catalog = open_catalog(place, backend=backend)
    known = {name for one in desired.backends for name in catalog.read(one, is_cached=is_cached).state.fine_tunes}
    return frozenset(FineTuneName(name) for name in known if desired.named(FineTuneName(name)) is None)


def _question(plan: Plan) -> str:
    """What a person is asked: the cost, and how much is lost for good."""
    cost = "of unknown cost" if plan.cost_usd is None else f"for about ${plan.cost_usd:,.2f}"
    counts = (plan.count(DeleteModel), "model"), (plan.count(DeleteFile), "file")
    lost = " and ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)
    return f"Do this, {cost}" + (f", and delete {lost} for good?" if lost else "?")


def _confirm_trust(base_url: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return click.confirm(f"Send datasets and a key to {safe(base_url)}, from now on?", err=True)
