"""``ftops prune``: deletes what retention and missing manifests leave over."""

import sys

import click

from ftops.cli.main import Globals
from ftops.cli.options import Selection, backend_option, json_option, print_json, selection_options
from ftops.cli.signals import listening
from ftops.errors import UsageProblem


@click.command("prune")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option(
    "--parallelism",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="How many deletions at the same time.",
)
@click.option(
    "--allow", "allowed", metavar="WORD", multiple=True, help="Lift a guard: mass-delete, no-retrain (repeatable)."
)
@json_option
@backend_option
@selection_options
@click.pass_obj
def command(
    context: Globals,
    *,
    auto_approve: bool,
    dry_run: bool,
    parallelism: int,
    allowed: tuple[str, ...],
    as_json: bool,
    backend: str | None,
    selection: Selection,
) -> int:
    """Delete models beyond spec.retention.keep, and those of fine-tunes that no manifest declares. Asks before.

    Never deleted are what is declared, what an alias points to, pointed to before or is pinned to, overrides, baselines, and
    what is protected or imported. Datasets go with their models where spec.retention.files says delete.

    \b
    Examples:
      ftops prune
      ftops prune --dry-run
      ftops prune --target old-router --auto-approve
    """
    from ftops.application.outcome import ExitCode
    from ftops.application.reconcile import Apply, Settings
    from ftops.cli.apply_report import report
    from ftops.cli.approval import approved_plan, opened
    from ftops.domain.plan_json import plan_to_json

    if not (auto_approve or dry_run) and not sys.stdin.isatty():
        raise UsageProblem("nobody is here to confirm the deletions", remedy="give --auto-approve")
    settings = Settings(is_pruning=True, is_waiting=False, parallelism=parallelism)
    with listening() as ears:
        with opened(context, backend, selection, allowed, ears.stop, is_pruning=True) as workspace:
            is_asking = not (auto_approve or dry_run)
            plan = approved_plan(workspace, None, settings, is_asking=is_asking, is_shown=not as_json)
            if plan is None:
                return 1
            if dry_run:
                if as_json:
                    print_json(plan_to_json(plan))
                return ExitCode.REFUSED if plan.refusals else ExitCode.DONE
            with ears.underway():
                outcome = Apply(workspace=workspace, settings=settings, approved=plan).run()
        # After the live rows are gone: the table would otherwise begin in one of them.
        return report(outcome, as_json=as_json)
