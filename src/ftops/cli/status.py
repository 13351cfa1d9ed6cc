"""``ftops status [NAME]``: the fleet at a glance."""

from typing import Any

import click
import msgspec

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
from ftops.cli.style import echo, paint, safe


@click.command("status")
@click.argument("name", required=False)
@click.option("--offline", is_flag=True, help="Call no backend.")
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
    refresh: bool,
    as_json: bool,
    backend: str | None,
    selection: Selection,
) -> int:
    """Show all fine-tunes at a glance: where the declared revision stands, and what each alias points to.

    \b
    Examples:
      ftops status
      ftops status --label team=support
    """
    from ftops.application.fleet import fleet
    from ftops.cli.looking import looking

    check_refresh(is_refreshing=refresh, is_offline=offline)
    with looking(
        context.directory,
        backend=backend,
        is_offline=offline,
        selection=selection,
        name=name or None,
        is_refreshing=refresh,
    ) as view:
        rows = fleet(view.workspace, view.observation, view.plan)
        notices = view.plan.notices
    if as_json:
        print_json([_to_json(row) for row in rows])
        return 0
    if not rows:
        echo("No manifests.")
        return 0
    _print_table([("NAME", "REVISION", "BACKEND", "STATE", "ALIASES", "SPENT"), *(_cells(row) for row in rows)])
    if notices:
        echo()
    for notice in notices:
        echo(f"{notice.fine_tune}: {safe(notice.message)}" if notice.fine_tune else safe(notice.message))
    return 0


_COLORS = {
    "pass": "green",
    "trained": "green",
    "fail": "red",
    "error": "red",
    "failed": "red",
    "refused": "red",
    "model gone": "red",
}


def _cells(row: Any) -> tuple[str, ...]:
    aliases = ", ".join(
        f"{a.alias}={'nothing' if a.target is None else a.target.revision}"
        + ("" if a.target is None or a.target.revision == row.revision else " (behind)" * (a.wants == "latest"))
        for a in row.aliases
    )
    return row.name, row.revision, row.backend, row.state, aliases or "none", f"${row.spent_usd:,.2f}"


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if number == 0:
            echo(paint("  ".join(cells).rstrip(), bold=True))
            continue
        cells[3] = paint(cells[3], _COLORS.get(row[3], "yellow"))
        echo("  ".join(cells).rstrip())


def _to_json(row: Any) -> dict[str, Any]:
    from ftops.domain.plan_json import judgement_to_json

    return {
        "name": row.name,
        "backend": row.backend,
        "revision": row.revision,
        "state": row.state,
        "job": msgspec.to_builtins(row.job) if row.job else None,
        "judgement": judgement_to_json(row.judgement) if row.judgement else None,
        "aliases": [msgspec.to_builtins(alias) for alias in row.aliases],
        "spent_usd": row.spent_usd,
        "revisions": row.revisions,
        "shutdown_in_days": row.shutdown_in_days,
    }
