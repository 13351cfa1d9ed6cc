"""``ftops forget NAME``: the ledger lets go of a fine-tune, or of a former name. Nothing is deleted."""

from typing import Final

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option

_INSTEAD: Final = "give --auto-approve"


@click.command("forget")
@click.argument("name", shell_complete=completing.known_fine_tunes)
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@backend_option
@click.pass_obj
def command(context: Globals, *, name: str, auto_approve: bool, backend: str | None) -> int:
    """Let the ledger go of a fine-tune, or of a name that it had before. Deletes nothing; needs no key.

    Jobs, models and files stay at the backend, and the ledger's git history keeps what it knew. Refused while a run is about
    to create a job of it.

    \b
    Examples:
      ftops forget old-router
      ftops forget old-router --auto-approve
    """
    from ftops.application.requests import check_forgettable, forget
    from ftops.cli.asking import asker, find_asked
    from ftops.cli.confirmation import check_somebody_is_there, is_confirmed
    from ftops.cli.style import echo, safe, tell
    from ftops.domain.asking import what_is_forgotten
    from ftops.domain.manifest import FineTuneName

    if not auto_approve:
        check_somebody_is_there("confirm it", instead=_INSTEAD)
    asked = find_asked(context.directory, name, backend=backend, is_former_meant=True)
    record = asked.record
    check_forgettable(record, FineTuneName(name))
    if name in record.former_names:
        tell(f"{safe(name)} is a former name of {record.name}, which stays: the name can be declared anew after this.")
    else:
        tell(f"The ledger lets go of {safe(name)}:")
        for line in what_is_forgotten(record, asked.manifest):
            tell(f"  {safe(line)}")
    if not auto_approve and not is_confirmed(f"Forget {safe(name)}? Nothing is deleted.", instead=_INSTEAD):
        tell("Nothing was done.")
        return 1
    forget(asked.ledger, FineTuneName(name), record, asker())
    echo(f"{safe(name)}: forgotten")
    return 0
