"""``ftops cancel NAME``: a request in the ledger to cancel a running job, which apply carries out."""

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option


@click.command("cancel")
@click.argument("name", shell_complete=completing.known_fine_tunes)
@click.option("--job", metavar="ID", help="This job, where several run; also one too many.")
@click.option("--revision", metavar="R", shell_complete=completing.revisions, help="The job of this revision.")
@json_option
@backend_option
@click.pass_obj
def command(
    context: Globals, *, name: str, job: str | None, revision: str | None, as_json: bool, backend: str | None
) -> int:
    """Ask for a running job to be cancelled, also of a fine-tune that no manifest declares any more.

    Writes to the ledger and does nothing else; needs no key. The next apply cancels the job, and trains that revision again
    only after ftops retry. Exit 1 where no such job runs.

    \b
    Examples:
      ftops cancel ticket-router && ftops apply
      ftops cancel ticket-router --job ftjob-0123456789
    """
    from ftops.application.requests import ask_cancel
    from ftops.cli.asking import asker, find_asked, report
    from ftops.cli.style import tell
    from ftops.domain.manifest import FineTuneName

    asked = find_asked(context.directory, name, backend=backend)
    answer = ask_cancel(asked.ledger, FineTuneName(asked.record.name), asker(), job=job, revision=revision)
    used = {asked.catalog.backend_of(manifest.name).name for manifest in asked.catalog.fine_tunes}
    if answer.records is not None and answer.records.backend not in used:
        tell(f"Warning: no manifest uses backend {answer.records.backend}: apply does not reach it")
    if asked.manifest is not None and asked.manifest.policy.suspend:
        tell(
            f"Warning: {asked.record.name} is suspended (spec.policy.suspend): apply cancels nothing until it isn't any more"
        )
    return report(asked.record.name, answer, as_json=as_json)
