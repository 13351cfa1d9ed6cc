"""``ftops resolve NAME[@ALIAS]``: the model id that an application should call."""

import re
from typing import TYPE_CHECKING, Final

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, print_json
from ftops.cli.style import echo_data, safe, tell
from ftops.domain.foreign_text import quoted
from ftops.errors import FtopsError

if TYPE_CHECKING:
    from ftops.domain.aliases import Resolved

_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/@%+=,\[\]-]*")
_ONE_LINE: Final = re.compile(r"[\x20-\x7e]*")

# None that ftops itself reads: FTOPS_BACKEND would redirect every later command of a job, and make its apply exit 2.
_VARIABLES: Final = {
    "model": "FTOPS_MODEL",
    "backend": "FTOPS_MODEL_BACKEND",
    "base_url": "FTOPS_MODEL_BASE_URL",
}


@click.command("resolve")
@click.argument("what", metavar="NAME[@ALIAS]", shell_complete=completing.models)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "env", "github"]),
    default="text",
    show_default=True,
    help="env: lines for a shell, .env or $GITHUB_ENV; github: lines for $GITHUB_OUTPUT.",
)
@click.option("--json", "form", flag_value="json", help="Print JSON: --format json.")
@click.option("--cached", is_flag=True, help="Do not fetch the ledger first.")
@backend_option
@click.pass_obj
def command(context: Globals, *, what: str, form: str, cached: bool, backend: str | None) -> int:
    """Print the model id an application should call. Needs no key.

    Without @ALIAS the only alias is meant. All formats but text have backend and base URL too, which is empty where it isn't
    known; github and json the revision.

    \b
    Examples:
      ftops resolve ticket-router
      ftops resolve ticket-router@production --format env >> .env
      ftops resolve ticket-router@production --format github >> "$GITHUB_OUTPUT"
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
    keys: tuple[str, ...] = ("model", "backend", "base_url")
    match form:
        case "text":
            echo_data(found.model)
        case "json":
            print_json(fields)
        case "env":
            # Read by shells, by Docker and as $GITHUB_ENV, which agree on plain characters and on no way of quoting.
            echo_data("\n".join(f"{_VARIABLES[key]}={_fit(key, fields[key], _PLAIN, form)}" for key in keys))
        case _:
            keys = (*keys, "revision")
            echo_data("\n".join(f"{key.replace('_', '-')}={_fit(key, fields[key], _ONE_LINE, form)}" for key in keys))


def _fit(key: str, value: str | None, allowed: re.Pattern[str], form: str) -> str:
    """Gives a value that can't end its line, nor be anything but a value; raises FtopsError for another one."""
    if value is not None and not allowed.fullmatch(value):
        message = f"{key} {quoted(value, limit=200)} holds characters that --format {form} can't carry safely"
        raise FtopsError(message, remedy="take --format json")
    return value or ""
