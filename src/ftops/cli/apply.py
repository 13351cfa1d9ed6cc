"""``ftops apply``: carries the plan out and follows it."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from ftops.cli.main import Globals
from ftops.cli.options import Selection, backend_option, json_option, print_json, selection_options
from ftops.cli.style import echo, safe, tell
from ftops.errors import Interrupted, UsageProblem

if TYPE_CHECKING:
    from ftops.application.outcome import Outcome
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
    from ftops.application.reconcile import Settings

    is_asking = saved is None and not auto_approve and not is_continuing
    if is_asking and not sys.stdin.isatty():
        remedy = "give --auto-approve, or a plan: ftops apply PLAN"
        raise UsageProblem("nobody is here to approve the plan", remedy=remedy)
    settings = Settings(
        is_waiting=not (no_wait or is_continuing),
        is_continuing=is_continuing,
        seconds=timeout * 3600,
        parallelism=parallelism,
    )
    plan_file = _read_plan(saved) if saved is not None else None
    with _opened(context, backend, selection, allowed) as workspace:
        plan = _approved_plan(workspace, plan_file, settings, is_asking=is_asking, is_shown=not as_json)
        if plan is None:
            return 1
        if plan.blockers:
            return 2
        outcome = _carry_out(workspace, plan, settings)
    # After the live rows are gone: the table would otherwise begin in one of them.
    return _report(outcome, as_json=as_json)


@contextmanager
def _opened(
    context: Globals, backend: str | None, selection: Selection, allowed: tuple[str, ...]
) -> "Iterator[Workspace]":
    """Opens what an apply works with: manifests, ledgers, backends, a display, and ears for signals."""
    from ftops.bootstrap import find_place, load_desired, open_workspace
    from ftops.cli.guards import policy_of
    from ftops.cli.live import open_progress

    place = find_place(context.directory)
    desired = load_desired(place, backend=backend, for_apply=True)
    for notice in desired.notices:
        tell(f"Warning: {safe(notice)}")
    policy = policy_of(allowed, selection.choose(desired))
    with (
        _stopping() as stop,
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
    from ftops.application.standing import check_standing
    from ftops.cli.render_text import render_plan
    from ftops.domain.continuing import continuing

    for name in workspace.shared_ledgers:
        check_standing(workspace, workspace.ledgers[name].read().state)
    plan = plan_now(workspace)
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


def _carry_out(workspace: "Workspace", plan: "Plan", settings: "Settings") -> "Outcome":
    from ftops.application.reconcile import Apply

    return Apply(workspace=workspace, settings=settings, approved=plan).run()


def _report(outcome: "Outcome", *, as_json: bool) -> int:
    """Prints what a run came to, and gives its exit code."""
    from ftops.cli.render_text import render_outcome
    from ftops.cli.style import print_error

    if as_json:
        print_json(_to_json(outcome))
    elif text := render_outcome(outcome):
        echo(text)
    if isinstance(outcome.stopped_by, Interrupted):
        tell("Interrupted. Jobs go on at the backend; ftops apply goes on where this left off.")
    elif outcome.stopped_by is not None:
        print_error(outcome.stopped_by.message, remedy=outcome.stopped_by.remedy)
    if outcome.left_waiting:
        tell("Jobs still run. ftops apply goes on where this left off.")
    return outcome.code


def _to_json(outcome: "Outcome") -> dict[str, Any]:
    from ftops.domain.plan_json import action_to_json, plan_to_json

    return {
        "format_version": "1",
        "exit_code": int(outcome.code),
        "steps": [
            {
                **action_to_json(step.action),
                "said": step.said,
                "error": step.error.message if step.error else None,
            }
            for step in outcome.steps
        ],
        "ended_jobs": [
            {"fine_tune": e.fine_tune, "revision": e.revision, "job": e.job, "status": e.status.value, "model": e.model}
            for e in outcome.ended_jobs
        ],
        "stopped_by": outcome.stopped_by.message if outcome.stopped_by else None,
        "remaining": plan_to_json(outcome.plan) if outcome.plan else None,
    }


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageProblem(
            f"{safe(str(path))} is no saved plan: {error}", remedy="make one: ftops plan -o FILE"
        ) from error
    if not isinstance(plan, dict):
        raise UsageProblem(f"{safe(str(path))} is no saved plan", remedy="make one: ftops plan -o FILE")
    return plan


def _confirm_trust(base_url: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return click.confirm(f"Send datasets and a key to {safe(base_url)}, from now on?", err=True)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Gives an event that SIGINT and SIGTERM set; a second one interrupts at once."""
    stop = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        tell("\nDetaching. Once more to leave at once.")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
