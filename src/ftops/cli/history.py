"""``ftops history [NAME]``: the ledger as a log."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import echo, paint, safe, tell

if TYPE_CHECKING:
    from ftops.ports import LogEntry


@click.command("history")
@click.argument("name", required=False, shell_complete=completing.known_fine_tunes)
@click.option(
    "-n", "--number", type=click.IntRange(1, 1_000_000), default=30, show_default=True, help="How many events."
)
@click.option("--cached", is_flag=True, help="Do not fetch the ledger first.")
@json_option
@backend_option
@click.pass_obj
def command(
    context: Globals, *, name: str | None, number: int, cached: bool, as_json: bool, backend: str | None
) -> int:
    """Show what happened, newest first, from the ledger: of one fine-tune, or of all. Needs no key, and costs nothing.

    \b
    Examples:
      ftops history
      ftops history ticket-router -n 100
    """
    from ftops.bootstrap import CatalogState, open_catalog
    from ftops.bootstrap_place import find_place
    from ftops.cli.event_sentences import sentence
    from ftops.domain.foreign_text import quoted
    from ftops.domain.manifest import FineTuneName
    from ftops.domain.near_misses import hint
    from ftops.domain.records import LedgerState
    from ftops.errors import LedgerCorrupt, UsageProblem

    catalog = open_catalog(find_place(context.directory), backend=backend)
    wanted = catalog.backend_of(FineTuneName(name) if name else None)
    try:
        snapshot = catalog.read(wanted, is_cached=cached)
    except LedgerCorrupt as error:
        if name is not None:
            raise
        # Its log is what shows how it came to that.
        tell(f"Warning: {safe(error.message)}")
        snapshot = CatalogState(state=LedgerState())
    for caveat in snapshot.caveats:
        tell(f"Warning: {safe(caveat)}")
    names = None
    if name is not None:
        record = snapshot.state.named(FineTuneName(name))
        if record is None:
            known = hint(name, snapshot.state.fine_tunes, there_are="it knows")
            raise UsageProblem(f"the ledger knows no fine-tune {quoted(name)}; {known}")
        names = {record.name, *record.former_names}
    log = catalog.log(wanted)
    entries = list(islice((e for e in log if names is None or getattr(e.event, "fine_tune", None) in names), number))
    if as_json:
        print_json([_to_json(entry) for entry in entries])
        return 0
    for entry in entries:
        at = entry.event.at.strftime("%Y-%m-%d %H:%M:%S") if entry.event else entry.commit[:12].ljust(19)
        echo(f"{paint(at, dim=True)}  {safe(sentence(entry.event) if entry.event else entry.note)}")
    if not entries:
        tell("Nothing was recorded yet.")
    return 0


def _to_json(entry: "LogEntry") -> dict[str, Any]:
    if entry.event is None:
        return {"commit": entry.commit, "event": None, "note": entry.note}
    return {"commit": entry.commit, **msgspec.to_builtins(entry.event)}
