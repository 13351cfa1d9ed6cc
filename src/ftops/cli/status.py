"""``ftops status [NAME]``: the fleet at a glance."""

from typing import Final

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import (
    Selection,
    backend_option,
    check_refresh,
    json_option,
    print_json,
    refresh_option,
    selection_options,
)
from ftops.cli.style import echo
from ftops.errors import UsageProblem

_ORDERS: Final = ("health", "name", "age", "spent")


@click.command("status")
@click.argument("name", required=False, shell_complete=completing.fine_tunes)
@click.option("--offline", is_flag=True, help="Call no backend; the ledger is fetched all the same.")
@click.option("--cached", is_flag=True, help="Ask nobody: the ledger's local copy alone, and how old it is.")
@click.option(
    "--sort",
    "order",
    type=click.Choice(_ORDERS),
    default="health",
    show_default=True,
    help="What comes first: what is worst, the first name, the oldest model, the dearest.",
)
@refresh_option
@json_option
@backend_option
@selection_options
@click.pass_obj
def command(
    context: Globals,
    *,
    name: str | None,
    offline: bool,
    cached: bool,
    order: str,
    refresh: bool,
    as_json: bool,
    backend: str | None,
    selection: Selection,
) -> int:
    """Show all fine-tunes at a glance, those in trouble first. Reads manifests, ledger and backends; costs nothing.

    HEALTH is in one word: broken (an alias points to a model that is gone), attention (a person is needed, and why is told
    below), pending (an apply is due), working (a job runs), suspended, ok. STATE says where the declared revision stands,
    ALIASES what each points to, AGE how old the model is that serves, SHUTDOWN in how many days its base model ends.
    A narrow terminal shows the columns that matter most; a file or pipe gets all. The exit code is 0 whatever is shown.

    \b
    Examples:
      ftops status
      ftops status --label team=support --sort age
      ftops status --cached                 in an instant, from what is here
    """
    from ftops.application.fleet import fleet, spending
    from ftops.cli.looking import looking
    from ftops.cli.render_fleet import fleet_lines, fleet_to_json, in_order

    check_refresh(is_refreshing=refresh, is_offline=offline)
    if cached and refresh:
        raise UsageProblem("--refresh asks the backends, --cached forbids it", remedy="leave one of them out")
    with looking(
        context.directory,
        backend=backend,
        is_offline=offline or cached,
        selection=selection,
        name=name or None,
        is_refreshing=refresh,
        is_cached=cached,
    ) as view:
        now = view.workspace.clock.now()
        rows = in_order(fleet(view.workspace, view.observation, view.plan), order)
        spent = spending(view.workspace, view.observation, view.plan)
        plan, copies = view.plan, view.observation.snapshots.values()
    if as_json:
        fetched = min((one.stale_since for one in copies if one.stale_since), default=None)
        print_json(fleet_to_json(rows, spent, plan, now=now, fetched=fetched))
        return 0
    for line in fleet_lines(rows, spent, plan, now=now):
        echo(line)
    return 0
