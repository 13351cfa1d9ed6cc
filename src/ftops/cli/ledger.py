"""``ftops ledger verify``: whether the ledger is what it should be, and what to do where it isn't."""

from typing import TYPE_CHECKING, Any

import click

from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import echo, paint, safe

if TYPE_CHECKING:
    from ftops.application.verify import Verified


@click.group("ledger")
def command() -> None:
    """Look after the ledger: the git branch where ftops records what it did and saw.

    \b
    Example:
      ftops ledger verify
    """


@command.command("verify")
@click.option(
    "--accept", "is_accepting", is_flag=True, help="Take the branch as it is now, rewritten, edited by hand or deleted."
)
@click.option(
    "--since", metavar="COMMIT", help="Judge only the ledger's commits after COMMIT, such as a tip that was accepted."
)
@json_option
@backend_option
@click.pass_obj
def verify_command(
    context: Globals, *, is_accepting: bool, since: str | None, as_json: bool, backend: str | None
) -> int:
    """Check the ledger's records and its whole history. Needs no key, and changes no ledger.

    Exit 0 where all is in order, else 1 with every finding. With --accept, what is found stands: later tips must descend
    from this one, earlier commits are not judged again in this clone, and what a rewritten branch lost is told.
    Other clones and CI are told of it with --since: the records are checked as ever, and the history after that commit.

    \b
    Examples:
      ftops ledger verify
      ftops ledger verify --accept
      ftops ledger verify --since 4f1c22a9d0b3
    """
    if is_accepting and since is not None:
        raise click.UsageError("--accept takes the whole branch: leave --since away")
    from datetime import UTC, datetime

    from ftops.application.verify import verify
    from ftops.bootstrap import open_catalog
    from ftops.bootstrap_place import find_place

    catalog = open_catalog(find_place(context.directory), backend=backend)
    found = [
        verify(inspector, project=catalog.project.name, now=datetime.now(UTC), is_accepting=is_accepting, since=since)
        for inspector in catalog.inspectors()
    ]
    if as_json:
        print_json({"format_version": "1", "ledgers": [_to_json(one) for one in found]})
    else:
        for one in found:
            _print(one)
    return 0 if all(one.is_in_order for one in found) else 1


def _print(verified: "Verified") -> None:
    from ftops.application.verify import SHOWN

    inspected = verified.inspected
    where = f"ledger {inspected.branch} {inspected.place}"
    if verified.is_accepted:
        echo(f"{where}: taken as it is now, at {inspected.tip[:12] if inspected.tip else 'no commit'}")
    for loss in inspected.lost:
        echo(f"  lost: {safe(loss)}")
    for finding, remedy in verified.problems[:SHOWN]:
        about = (
            f"commit {finding.commit[:12]} "
            if finding.commit
            else f"{finding.fine_tune}: "
            if finding.fine_tune
            else ""
        )
        echo(f"{paint('✗', 'red')} {safe(about + finding.says)} [{finding.invariant.value}]")
        echo(f"    {safe(remedy)}")
    if len(verified.problems) > SHOWN:
        echo(f"… and {len(verified.problems) - SHOWN} more (--json shows all)")
    if inspected.older:
        echo(f"{len(inspected.older)} files are of an older format; each is written anew when it changes next")
    echo(f"{where}: {_summary(verified)}")


def _summary(verified: "Verified") -> str:
    state, inspected = verified.inspected.state, verified.inspected
    if inspected.tip is None:
        return "nothing was recorded yet" if verified.is_in_order else "no branch"
    jobs = sum(1 for record in state.fine_tunes.values() for _ in record.jobs())
    counts = (
        f"{_count(len(state.fine_tunes), 'fine-tune')}, {_count(jobs, 'job')}, {_count(inspected.commits, 'commit')}"
    )
    if inspected.since is not None:
        counts += f" since {inspected.since[:12]}"
    return f"{counts}; " + ("in order" if verified.is_in_order else _count(len(verified.problems), "finding"))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _to_json(verified: "Verified") -> dict[str, Any]:
    inspected = verified.inspected
    return {
        "branch": inspected.branch,
        "place": inspected.place,
        "tip": inspected.tip,
        "commits": inspected.commits,
        "since": inspected.since,
        "is_in_order": verified.is_in_order,
        "is_accepted": verified.is_accepted,
        "fine_tunes": sorted(inspected.state.fine_tunes),
        "findings": [
            {
                "invariant": finding.invariant.value,
                "fine_tune": finding.fine_tune,
                "commit": finding.commit,
                "says": finding.says,
                "remedy": remedy,
            }
            for finding, remedy in verified.problems
        ],
        "lost": list(inspected.lost),
        "older_format": list(inspected.older),
    }
