"""``ftops rollback NAME --alias ALIAS``: pins an alias to where it pointed before, by an edit of the manifest."""

from typing import TYPE_CHECKING

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option

if TYPE_CHECKING:
    from ftops.cli.pinning import Found
    from ftops.domain.pinning import Back


@click.command("rollback")
@click.argument("name", shell_complete=completing.fine_tunes)
@click.option("--alias", metavar="ALIAS", required=True, shell_complete=completing.aliases, help="The alias.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Show the edit and write nothing.")
@click.option("--cached", is_flag=True, help="Do not fetch the ledger first.")
@json_option
@backend_option
@click.pass_obj
def command(
    context: Globals, *, name: str, alias: str, is_dry: bool, cached: bool, as_json: bool, backend: str | None
) -> int:
    """Pin an alias to the revision before the present one: edits the manifest's line and shows what to commit.

    Where that one's model is gone it goes further back, and says so. What the alias was rolled back from before is not gone
    back to. No backend is called and no key is needed; the alias moves when the edit is applied, whatever the gates say now.

    \b
    Examples:
      ftops rollback ticket-router --alias production
      ftops rollback ticket-router --alias production --dry-run
    """
    from ftops.cli.pinning import Choice, Wanted, carry_out, find
    from ftops.domain.manifest import AliasName
    from ftops.domain.pinning import back_from

    wanted = Wanted(
        directory=context.directory,
        name=name,
        alias=alias,
        backend=backend,
        is_cached=cached,
        is_dry=is_dry,
        as_json=as_json,
    )
    found = find(wanted, is_new=False)
    record = found.pins.record.aliases.get(AliasName(alias)) if found.pins.record else None
    back = back_from(record, found.declared, found.pins.choices)
    if back.to is None:
        raise _nothing(found, back, is_known=record is not None and bool(record.history))
    one = back.to
    message = f"Roll {alias} of {found.declared.name} back to {one.revision}"
    choice = Choice(
        to=one.revision, why=f"the one before: {one.why}", message=message, one=one, passed_over=back.passed_over
    )
    return carry_out(found, choice)


def _nothing(found: "Found", back: "Back", *, is_known: bool) -> Exception:
    """Says that there is nothing to go back to, and what was looked at."""
    from ftops.errors import FtopsError

    name, alias, where = found.declared.name, found.pins.alias, found.declared.backend.name
    if not is_known:
        fetched = "; without --cached the ledger is fetched first" if found.wanted.is_cached else ""
        remedy = f"ftops apply moves it as the manifest says{fetched}"
        return FtopsError(f"{alias} of {name} has pointed to nothing on {where} yet", remedy=remedy)
    message = f"there is nothing before what {alias} of {name} points to on {where}"
    why = "; ".join(f"{one.revision}: {one.why}" for one in back.passed_over)
    remedy = f"ftops promote {name} --to {alias} --revision R goes to any that may be promoted"
    return FtopsError(f"{message} ({why})" if why else message, remedy=remedy)
