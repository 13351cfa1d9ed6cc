"""``ftops apply``: carries the plan out and follows it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import (
    Selection,
    backend_option,
    json_option,
    out_option,
    python_grader_options,
    refresh_option,
    refuse_nan,
    selection_options,
)
from ftops.cli.signals import listening
from ftops.errors import FtopsError, UsageProblem

if TYPE_CHECKING:
    from ftops.ports import ProgramMode


@click.command("apply")
@click.argument("saved", metavar="[PLAN]", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--approved",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A plan that was reviewed, or a folder of them: do nothing that goes beyond them (exit 6). Repeatable.",
)
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
    callback=refuse_nan,
    default=5.0,
    show_default=True,
    help="Detach after so many hours; jobs go on.",
)
@click.option(
    "--parallelism", type=click.IntRange(1, 64), default=4, show_default=True, help="How many steps at the same time."
)
@click.option(
    "--allow",
    "allowed",
    metavar="WORD",
    multiple=True,
    shell_complete=completing.guards,
    help="Lift a guard: dirty, diverged, unknown-cost (repeatable).",
)
@out_option("--out", text="Save what became of it for ftops comment --result FILE.")
@python_grader_options
@refresh_option
@json_option
@backend_option
@selection_options
@click.pass_obj
def command(
    context: Globals,
    *,
    saved: Path | None,
    approved: tuple[Path, ...],
    auto_approve: bool,
    no_wait: bool,
    is_continuing: bool,
    timeout: float,
    parallelism: int,
    refresh: bool,
    allowed: tuple[str, ...],
    out: Path | None,
    python_graders: "ProgramMode | None",
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
      ftops apply --auto-approve --approved reviewed.json
    """
    from ftops.application.outcome import Outcome
    from ftops.application.reconcile import Apply, Settings
    from ftops.cli.apply_report import report, save
    from ftops.cli.approval import approved_plan, opened
    from ftops.cli.plan_file import read_approval, read_plan_file
    from ftops.cli.render_text import render_plan

    is_asking = saved is None and not auto_approve and not is_continuing
    _check(is_asking=is_asking, has_approval=bool(approved), is_saved=saved is not None, is_continuing=is_continuing)
    settings = Settings(
        is_waiting=not (no_wait or is_continuing),
        is_continuing=is_continuing,
        seconds=timeout * 3600,
        parallelism=parallelism,
        is_refreshing=refresh,
        approval=read_approval(approved),
    )
    plan_file = read_plan_file(saved, selection=selection, backend=backend) if saved is not None else None
    if plan_file is not None:
        selection, backend = plan_file.selection, plan_file.backend
    with listening() as ears:
        with opened(context, backend, selection, allowed, ears.stop, python_graders=python_graders) as workspace:
            saved_plan = plan_file.plan if plan_file else None
            show = None if as_json else render_plan
            try:
                plan = approved_plan(workspace, saved_plan, settings, is_asking=is_asking, show=show)
            except FtopsError as error:
                save(Outcome(stopped_by=error), workspace.desired.project.name, out)
                raise
            if plan is None:
                return 1
            if plan.blockers:
                save(Outcome(plan=plan), plan.project, out)
                return 2
            with ears.underway():
                outcome = Apply(workspace=workspace, settings=settings, approved=plan).run()
        # After the live rows are gone: the table would otherwise begin in one of them.
        return report(outcome, project=plan.project, as_json=as_json, out=out)


def _check(*, is_asking: bool, has_approval: bool, is_saved: bool, is_continuing: bool) -> None:
    """Raises UsageProblem for words that don't go together, and where nobody could answer."""
    if has_approval and (is_saved or is_continuing):
        other = "--continue, which begins nothing" if is_continuing else "a saved plan, which is carried out as it is"
        raise UsageProblem(f"--approved can't be given with {other}", remedy="leave one of them out")
    if is_asking:
        from ftops.cli.approval import APPROVE_INSTEAD
        from ftops.cli.confirmation import check_somebody_is_there

        check_somebody_is_there("approve the plan", instead=APPROVE_INSTEAD)
