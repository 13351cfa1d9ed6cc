"""``ftops resolve NAME[@ALIAS]``: the model id that an application should call."""

import json
from typing import TYPE_CHECKING

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option
from ftops.cli.style import echo, safe, tell

if TYPE_CHECKING:
    from ftops.domain.aliases import Resolved


@click.command("resolve")
@click.argument("what", metavar="NAME[@ALIAS]", shell_complete=completing.models)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "env", "github"]),
    default="text",
    show_default=True,
    help="env: lines for a shell; github: lines for $GITHUB_OUTPUT.",
)
@click.option("--cached", is_flag=True, help="Do not fetch the ledger first.")
@backend_option
@click.pass_obj
def command(context: Globals, *, what: str, form: str, cached: bool, backend: str | None) -> int:
    """Print the model id an application should call. Needs no key.

    Without @ALIAS the only alias is meant.

    \b
    Examples:
      ftops resolve ticket-router
      ftops resolve ticket-router@production --format env >> .env
    """
    from ftops.bootstrap_place import find_place
    from ftops.bootstrap_resolve import answer

    found = answer(find_place(context.directory), what, backend=backend, is_cached=cached)
    for warning in found.warnings:
        tell(f"Warning: {safe(warning)}")
    if found.caution and form != "text":
        tell(f"Warning: {safe(found.caution)}")
    _print(found.found, found.base_url, form)
    return 0


def _print(found: "Resolved", base_url: str | None, form: str) -> None:
    fields = {
        "model": found.model,
        "backend": found.backend,
        "base_url": base_url,
        "revision": found.revision,
        "alias": found.alias,
        "name": found.name,
    }
    match form:
        case "text":
            echo(found.model)
        case "json":
            echo(json.dumps(fields, indent=2))
        case "env":
            for key in ("model", "backend", "base_url"):
                echo(f"FTOPS_{key.upper()}={fields[key] or ''}")
        case _:
            for key in ("model", "backend", "base_url", "revision"):
                echo(f"{key.replace('_', '-')}={fields[key] or ''}")
