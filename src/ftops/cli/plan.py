"""``ftops plan``: what would change, why, at which cost. Writes nothing but the file it is told to."""

import gc
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import (
    Selection,
    Shape,
    backend_option,
    check_refresh,
    format_option,
    out_option,
    print_json,
    refresh_option,
    save_json,
    selection_options,
)
from ftops.cli.style import echo, echo_data, safe, tell

if TYPE_CHECKING:
    from ftops.domain.plan import Plan


@click.command("plan")
@out_option("-o", "--out", text="Save the plan for ftops apply FILE.")
@click.option("--offline", is_flag=True, help="Call no backend: plan from the ledger alone.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 3 where there is something to do.")
@click.option(
    "--allow",
    "allowed",
    metavar="WORD",
    multiple=True,
    shell_complete=completing.guards,
    help="Lift a guard: dirty, diverged, unknown-cost (repeatable).",
)
@refresh_option
@format_option
@backend_option
@selection_options
@click.pass_obj
def command(
    context: Globals,
    *,
    out: Path | None,
    offline: bool,
    detailed_exitcode: bool,
    refresh: bool,
    allowed: tuple[str, ...],
    shape: Shape,
    backend: str | None,
    selection: Selection,
) -> int:
    """Show what would change, why, and at which cost. Calls nothing that costs money.

    \b
    Examples:
      ftops plan
      ftops plan --backend embedded        what a rehearsal would do
      ftops plan -o plan.json && ftops apply plan.json
      ftops plan --format markdown         as ftops comment shows it
    """
    from ftops.bootstrap_early import beginning_early, look_early

    check_refresh(is_refreshing=refresh, is_offline=offline)
    gc.set_threshold(1_000_000)  # it ends before there is much to collect
    with beginning_early(is_offline=offline) as process:
        from ftops.bootstrap_place import find_place

        place = find_place(context.directory)
        early = look_early(process, place.root, backend=backend, kept=place.manifests)
        # Imported while the backend is asked already.
        from ftops.application.saved_plan import plan_now
        from ftops.bootstrap import load_desired, open_workspace
        from ftops.cli.choosing import choose
        from ftops.cli.guards import policy_of
        from ftops.cli.live import PlainProgress
        from ftops.domain.manifest_notices import gathered

        desired = load_desired(place, backend=backend)
        is_pruning = desired.project.prune
        selected = choose(place, desired, selection, backend=backend, is_pruning=is_pruning)
        for notice in gathered(desired.notices, selected):
            tell(f"Warning: {safe(notice)}")
        policy = policy_of(allowed, selected, is_pruning=is_pruning)
        with open_workspace(
            place,
            desired,
            policy=policy,
            progress=PlainProgress(),
            stop=threading.Event(),
            is_offline=offline,
            early=early,
        ) as workspace:
            is_bound = shape is Shape.JSON or out is not None
            plan = plan_now(workspace, may_be_stale=True, is_bound=is_bound, is_refreshing=refresh)
    from ftops.application.outcome import ExitCode
    from ftops.cli.plan_file import plan_data

    data = plan_data(plan, selection, backend)
    if out is not None:
        save_json(out, data)
    _print(plan, data, shape)
    if plan.blockers:
        return ExitCode.INVALID
    return ExitCode.CHANGES_PENDING if detailed_exitcode and plan.has_changes else ExitCode.DONE


def _print(plan: "Plan", data: dict[str, Any], shape: Shape) -> None:
    match shape:
        case Shape.JSON:
            print_json(data)
        case Shape.MARKDOWN:
            from ftops.cli.render_markdown import render_markdown

            echo_data(render_markdown(plan).rstrip("\n"))
        case Shape.TEXT:
            from ftops.cli.render_text import render_plan

            echo(render_plan(plan))
