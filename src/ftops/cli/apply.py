"""``ftops apply``: carries the plan out and follows it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftops.cli.main import Globals
from ftops.cli.options import Selection, backend_option, json_option, refresh_option, selection_options
from ftops.cli.signals import listening
from ftops.cli.style import echo, safe, tell
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from ftops.application.reconcile import Settings
    from ftops.application.workspace import Workspace
    from ftops.domain.plan import Plan


@click.command("apply")
@click.argument("saved", metavar="[PLAN]", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do what is possible now, and leave the rest to the next run (exit 8).")
@click.option(
    "--continue",
    "is_continuing",
    is_flag=True,
    help="Only go on with what an earlier apply began: settle, evaluate, promote. Begins nothing, asks nothing.",
)
@click.option(
    "--timeout",
    metavar="HOURS",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Detach after so many hours; jobs go on.",
)
@click.option(
    "--parallelism", type=click.IntRange(1, 64), default=4, show_default=True, help="How many steps at the same time."
)
@click.option("--allow", "allowed", metavar="WORD", multiple=True, help="Lift a guard, such as dirty (repeatable).")
@refresh_option
@json_option
@backend_option
@selection_options
@click.pass_obj
def command(
    context: Globals,
    *,
    saved: Path | None,
    auto_approve: bool,
    no_wait: bool,
    is_continuing: bool,
    timeout: float,
    parallelism: int,
    refresh: bool,
    allowed: tuple[str, ...],
    as_json: bool,
    backend: str | None,
    selection: Selection,
) -> int:
    """Carry the plan out: upload, train, evaluate, promote. PLAN is a file that ftops plan -o wrote.

    Ctrl-C detaches: jobs go on at the backend, and the next apply picks them up.

    \b
    Examples:
      ftops apply
      ftops apply --auto-approve --backend embedded
      ftops apply plan.json --no-wait
    """
    from ftops.application.reconcile import Apply, Settings
    from ftops.cli.apply_report import report
    from ftops.cli.plan_file import read_plan_file

    is_asking = saved is None and not auto_approve and not is_continuing
    if is_asking and not sys.stdin.isatty():
        remedy = "give --auto-approve, or a plan: ftops apply PLAN"
        raise UsageProblem("nobody is here to approve the plan", remedy=remedy)
    settings = Settings(
        is_waiting=not (no_wait or is_continuing),
        is_continuing=is_continuing,
        seconds=timeout * 3600,
        parallelism=parallelism,
        is_refreshing=refresh,
    )
    plan_file = read_plan_file(saved, selection=selection, backend=backend) if saved is not None else None
    if plan_file is not None:
        selection, backend = plan_file.selection, plan_file.backend
    with listening() as ears:
        with _opened(context, backend, selection, allowed, ears.stop) as workspace:
            saved_plan = plan_file.plan if plan_file else None
            plan = _approved_plan(workspace, saved_plan, settings, is_asking=is_asking, is_shown=not as_json)
            if plan is None:
                return 1
            if plan.blockers:
                return 2
            with ears.underway():
                outcome = Apply(workspace=workspace, settings=settings, approved=plan).run()
        # After the live rows are gone: the table would otherwise begin in one of them.
        return report(outcome, as_json=as_json)


@contextmanager
def _opened(
    context: Globals, backend: str | None, selection: Selection, allowed: tuple[str, ...], stop: threading.Event
) -> "Iterator[Workspace]":
    """Opens what an apply works with: manifests, ledgers, backends and a display."""
    from ftops.bootstrap import find_place, load_desired, open_workspace
    from ftops.cli.guards import policy_of
    from ftops.cli.live import open_progress

    place = find_place(context.directory)
    desired = load_desired(place, backend=backend, for_apply=True)
    for notice in desired.notices:
        tell(f"Warning: {safe(notice)}")
    policy = policy_of(allowed, selection.choose(desired))
    with (
        open_progress() as progress,
        open_workspace(
            place, desired, policy=policy, progress=progress, stop=stop, for_apply=True, confirm=_confirm_trust
        ) as workspace,
    ):
        yield workspace


def _approved_plan(
    workspace: "Workspace", saved: dict[str, Any] | None, settings: "Settings", *, is_asking: bool, is_shown: bool
) -> "Plan | None":
    """Gives the plan to carry out, None where a person said no."""
    from ftops.application.saved_plan import check_saved, plan_now
    from ftops.application.standing import check_before_apply
    from ftops.cli.render_text import render_plan
    from ftops.domain.continuing import continuing

    for name in workspace.shared_ledgers:
        check_before_apply(workspace, workspace.ledgers[name].read().state)
    plan = plan_now(workspace, is_refreshing=settings.is_refreshing)
    if saved is not None:
        check_saved(saved, plan)
    if settings.is_continuing:
        plan = continuing(plan)
    if is_shown:
        echo(render_plan(plan))
        if plan.actions:
            echo()
    if is_asking and plan.actions and not plan.blockers:
        cost = "of unknown cost" if plan.cost_usd is None else f"for about ${plan.cost_usd:,.2f}"
        if not click.confirm(f"Do this, {cost}?", default=False, err=True):
            tell("Nothing was done.")
            return None
    return plan


def _confirm_trust(base_url: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return click.confirm(f"Send datasets and a key to {safe(base_url)}, from now on?", err=True)
