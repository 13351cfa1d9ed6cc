"""``ftops history [NAME]``: the ledger as a log."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import echo, paint, safe, tell
from ftops.domain.events import AnyEvent

if TYPE_CHECKING:
    from ftops.ports import LogEntry


@click.command("history")
@click.argument("name", required=False)
@click.option("-n", "--number", type=click.IntRange(1), default=30, show_default=True, help="How many events.")
@click.option("--cached", is_flag=True, help="Do not fetch the ledger first.")
@json_option
@backend_option
@click.pass_obj
def command(
    context: Globals, *, name: str | None, number: int, cached: bool, as_json: bool, backend: str | None
) -> int:
    """Show what happened, newest first, from the ledger: of one fine-tune, or of all.

    \b
    Examples:
      ftops history
      ftops history ticket-router -n 100
    """
    from ftops.bootstrap import CatalogState, find_place, open_catalog
    from ftops.domain.manifest import FineTuneName
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
            known = ", ".join(sorted(snapshot.state.fine_tunes)) or "none"
            raise UsageProblem(f"the ledger knows no fine-tune {name!r}; it knows {known}")
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


def sentence(event: AnyEvent) -> str:
    """Says in a line what happened."""
    from ftops.domain import events as e

    match event:
        case e.Started(project=project, ledger_id=ledger_id):
            return f"ledger {ledger_id} of project {project} started"
        case e.BackendSeen(backend=backend, base_url=base_url, organization=organization):
            return f"backend {backend}: {base_url}" + (f", organisation {organization}" if organization else "")
        case e.CommitApplied(commit=commit, owner=owner, run_url=url):
            return f"commit {commit[:12] if commit else 'none'} applied by {url or owner}"
        case e.RevisionDeclared():
            return f"{event.fine_tune}: revision {event.revision} declared, {event.train.rows} rows to train on"
        case e.FileUploaded(file=file, backend=backend):
            return f"file {file.id} ({file.size:,} bytes) at {backend}"
        case e.FileGone(sha256=sha256, backend=backend):
            return f"the file with content {sha256[:12]} is gone from {backend}"
        case e.TrainingBlocked(backend=backend, message=message):
            return f"{backend}: {message}" if message else f"{backend} lets this organisation train again"
        case e.Renamed():
            return f"{event.fine_tune}: was {event.former}"
        case e.Evaluated(evaluation=evaluation):
            end = f", error: {evaluation.error}" if evaluation.error else ""
            return f"{event.fine_tune}: {evaluation.model} measured under {evaluation.name}{end}"
        case e.Compared(comparison=comparison):
            return f"{event.fine_tune}: {comparison.candidate} is compared with {comparison.model}"
        case e.GatesPassed():
            return f"{event.fine_tune}: revision {event.revision} passed its gates ({event.model})"
        case e.AliasMoved(target=None):
            return f"{event.fine_tune}: {event.alias} retired"
        case e.AliasMoved(target=target, was=was):
            before = was.revision if was else "nothing"
            after = f"{target.revision} ({target.model})" if target else "nothing"
            why = f", override: {event.override}" if event.override else ""
            return f"{event.fine_tune}: {event.alias} {before} → {after} [{event.reason}{why}]"
        case _:
            return _training_sentence(event)


def _training_sentence(event: AnyEvent) -> str:
    from ftops.domain import events as e

    match event:
        case e.Intended():
            cost = f", about ${event.estimate_usd:,.2f}" if event.estimate_usd is not None else ""
            return f"{event.fine_tune}: {event.owner} is about to create the job of {event.revision}{cost}"
        case e.IntentClosed():
            return (
                f"{event.fine_tune}: no job for {event.revision}: {event.closed.value} {event.message or ''}".rstrip()
            )
        case e.JobRecorded():
            how = "found" if event.is_adopted else "created"
            return f"{event.fine_tune}: job {event.job} of {event.revision} {how}"
        case e.JobObserved():
            made = f", made {event.model}" if event.model else ""
            cost = f", ${event.cost_usd:,.2f}" if event.cost_usd else ""
            why = f": {event.error_message}" if event.error_message else ""
            return f"{event.fine_tune}: job {event.job} {event.status.value}{made}{cost}{why}"
        case e.CancelRecorded():
            what = f"cancelled as {event.reason.value}" if event.reason else "kept after all"
            return f"{event.fine_tune}: job {event.job} {what}"
        case _:
            raise AssertionError(event)
