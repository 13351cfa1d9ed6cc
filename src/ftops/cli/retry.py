"""``ftops retry NAME``: a request in the ledger for another attempt, which apply carries out."""

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option


@click.command("retry")
@click.argument("name", shell_complete=completing.known_fine_tunes)
@json_option
@backend_option
@click.pass_obj
def command(context: Globals, *, name: str, as_json: bool, backend: str | None) -> int:
    """Ask for another attempt at the declared revision: after a job that failed or was cancelled, or a lost model.

    Where the organisation may not train any more, it is asked again, once. Writes to the ledger and does nothing else; needs
    no key. The next apply shows what it costs, and makes the attempt. Exit 1 where there is nothing to retry.

    \b
    Example:
      ftops retry ticket-router && ftops apply
    """
    from ftops.application.requests import ask_retry
    from ftops.bootstrap import load_desired, open_catalog
    from ftops.bootstrap_place import find_place
    from ftops.cli.asking import asker, report
    from ftops.cli.looking import present_name
    from ftops.cli.style import tell
    from ftops.domain.foreign_text import quoted
    from ftops.domain.manifest import FineTuneName
    from ftops.errors import UsageProblem

    place = find_place(context.directory)
    desired = load_desired(place, backend=backend, for_apply=True)
    declared = desired.named(FineTuneName(present_name(place, desired, name)))
    if declared is None:
        names = ", ".join(d.name for d in desired.fine_tunes) or "none"
        remedy = f"declared: {names}; a retry trains what a manifest declares"
        raise UsageProblem(f"no manifest declares {quoted(name)}", remedy=remedy)
    ledger = open_catalog(place, backend=backend).ledgers.of(declared.backend)
    answer = ask_retry(ledger, declared, asker(), commit=desired.commit)
    if declared.fine_tune.policy.suspend:
        tell(
            f"Warning: {declared.name} is suspended (spec.policy.suspend): apply begins nothing until it isn't any more"
        )
    return report(declared.name, answer, as_json=as_json)
