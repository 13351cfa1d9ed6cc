"""``ftops resolve NAME[@ALIAS]``: the model id that an application should call."""

import json
from typing import TYPE_CHECKING

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option
from ftops.cli.style import echo, safe, tell
from ftops.errors import FtopsError, UsageProblem

if TYPE_CHECKING:
    from ftops.bootstrap import Catalog
    from ftops.domain.aliases import Resolved
    from ftops.domain.manifest import AliasName, FineTuneName
    from ftops.domain.records import LedgerState


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
    from ftops.bootstrap import open_catalog
    from ftops.bootstrap_place import find_place
    from ftops.domain.manifest import AliasName, FineTuneName

    name, _, alias = what.partition("@")
    catalog = open_catalog(find_place(context.directory), backend=backend)
    wanted = catalog.backend_of(FineTuneName(name))
    snapshot = catalog.read(wanted, is_cached=cached)
    for caveat in snapshot.caveats:
        tell(f"Warning: {safe(caveat)}")
    found = _resolved(catalog, snapshot.state, FineTuneName(name), AliasName(alias) if alias else None)
    for warning in found.warnings:
        tell(f"Warning: {safe(warning)}")
    base_url, caution = catalog.base_url(found.backend, snapshot.state)
    if caution and form != "text":
        tell(f"Warning: {safe(caution)}")
    _print(found, base_url, form)
    return 0


def _resolved(catalog: "Catalog", state: "LedgerState", name: "FineTuneName", alias: "AliasName | None") -> "Resolved":
    from ftops.domain.aliases import NoAnswer, resolve

    try:
        return resolve(state, catalog.fine_tunes, name, alias, catalog.backend_of(name).name)
    except NoAnswer as error:
        if error.is_usage:
            raise UsageProblem(str(error)) from error
        raise FtopsError(str(error), remedy="ftops status tells where it stands") from error


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
