"""``ftops prune``: deletes what retention and missing manifests leave over."""

import threading

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import Selection, backend_option, json_option, print_json, selection_options
from ftops.cli.signals import listening
from ftops.cli.style import echo


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--parallelism",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="How many deletions at the same time.",
)
@click.option(
    "--allow",
    "allowed",
    metavar="WORD",
    multiple=True,
    shell_complete=completing.guards,
    help="Lift a guard: mass-delete, no-retrain, dirty, diverged (repeatable).",
)
@json_option
@backend_option
@selection_options
@click.pass_obj
def command(
    context: Globals,
    *,
    dry_run: bool,
    auto_approve: bool,
    parallelism: int,
    allowed: tuple[str, ...],
    as_json: bool,
    backend: str | None,
    selection: Selection,
) -> int:
    """Delete models beyond spec.retention.keep, and those of fine-tunes that no manifest declares. Asks before.

    Never deleted are what is declared, what an alias points to, pointed to before or is pinned to, overrides, baselines, and
    what is protected or imported: ftops -v prune says what is kept by which rule. Datasets go with their models where
    spec.retention.files says delete, and with their fine-tune where no manifest declares it.

    \b
    Examples:
      ftops -v prune --dry-run
      ftops prune --target old-router --auto-approve
    """
    from ftops.application.reconcile import Apply, Settings
    from ftops.cli.apply_report import report
    from ftops.cli.approval import PRUNE_INSTEAD, approved_plan, opened
    from ftops.cli.render_prune import render_pruning
    from ftops.domain.plan import Plan

    def show(plan: Plan) -> str:
        return render_pruning(plan, shows_kept=context.is_verbose)

    if dry_run:
        return _look(context, backend, selection, allowed, as_json=as_json)
    if not auto_approve:
        from ftops.cli.confirmation import check_somebody_is_there

        check_somebody_is_there("confirm the deletions", instead=PRUNE_INSTEAD)
    settings = Settings(parallelism=parallelism)
    with listening() as ears:
        with opened(context, backend, selection, allowed, ears.stop, only_prunes=True) as workspace:
            plan = approved_plan(workspace, None, settings, is_asking=not auto_approve, show=None if as_json else show)
            if plan is None:
                return 1
            with ears.underway():
                outcome = Apply(workspace=workspace, settings=settings, approved=plan).run()
        # After the live rows are gone: the table would otherwise begin in one of them.
        return report(outcome, project=plan.project, as_json=as_json, command="prune")


def _look(
    context: Globals, backend: str | None, selection: Selection, allowed: tuple[str, ...], *, as_json: bool
) -> int:
    """Shows what would be deleted; needs no key, and starts no server."""
    from ftops.application.outcome import ExitCode
    from ftops.application.saved_plan import plan_now
    from ftops.cli.approval import opened
    from ftops.cli.render_prune import render_pruning
    from ftops.domain.plan_json import plan_to_json

    with opened(
        context, backend, selection, allowed, threading.Event(), only_prunes=True, for_apply=False
    ) as workspace:
        plan = plan_now(workspace, may_be_stale=True)
    if as_json:
        print_json(plan_to_json(plan))
    else:
        echo(render_pruning(plan, shows_kept=context.is_verbose))
    return ExitCode.REFUSED if plan.refusals else ExitCode.DONE
