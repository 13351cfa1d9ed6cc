"""``ftops promote NAME --to ALIAS``: pins an alias to a revision that passed, by an edit of the manifest."""

from typing import TYPE_CHECKING

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option

if TYPE_CHECKING:
    from ftops.cli.pinning import Choice, Found
    from ftops.domain.pinning import Pinnable


@click.command("promote")
@click.argument("name", shell_complete=completing.fine_tunes)
@click.option("--to", "alias", metavar="ALIAS", required=True, shell_complete=completing.aliases, help="The alias.")
@click.option(
    "--revision",
    metavar="R",
    shell_complete=completing.revisions,
    help="This one: its first four digits or more, or `latest`.  [default: the newest that passed]",
)
@click.option("--new", "is_new", is_flag=True, help="Add ALIAS, however like another one it is.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Show the edit and write nothing.")
@click.option("--cached", is_flag=True, help="Do not fetch the ledger first.")
@json_option
@backend_option
@click.pass_obj
def command(
    context: Globals,
    *,
    name: str,
    alias: str,
    revision: str | None,
    is_new: bool,
    is_dry: bool,
    cached: bool,
    as_json: bool,
    backend: str | None,
) -> int:
    """Pin an alias to a revision that passed its gates: edits the manifest's line and shows what to commit.

    Nothing else in the file changes, nothing is committed, no backend is called and no key is needed; the alias moves when
    the edit is applied.

    \b
    Examples:
      ftops promote ticket-router --to production
      ftops promote ticket-router --to production --revision 3f9a
      ftops promote ticket-router --to staging --revision latest
    """
    from ftops.cli.pinning import Wanted, carry_out, find

    wanted = Wanted(
        directory=context.directory,
        name=name,
        alias=alias,
        backend=backend,
        is_cached=cached,
        is_dry=is_dry,
        as_json=as_json,
    )
    found = find(wanted, is_new=True if is_new else None)
    return carry_out(found, _newest(found) if revision is None else _named(found, revision))


def _newest(found: "Found") -> "Choice":
    from ftops.domain.manifest import LATEST
    from ftops.domain.pinning import newest_passed

    choices = found.pins.choices
    one = newest_passed(choices)
    if one is None:
        raise _nothing(found)
    is_there = one.revision in {found.declared.revision, found.present}
    to = LATEST if found.stated == LATEST and is_there else one.revision  # what follows it is not pinned unasked
    newer = tuple(other for other in choices[: choices.index(one)] if other.model is not None)
    return _choice(found, to, one, f"the newest revision that passed: {one.why}", newer)


def _named(found: "Found", word: str) -> "Choice":
    from ftops.cli.pinning import Choice, require_pinnable, tell_choices
    from ftops.domain.foreign_text import quoted
    from ftops.domain.manifest import LATEST
    from ftops.domain.near_misses import did_you_mean, listed
    from ftops.domain.pinning import SHORTEST_PREFIX, revisions_named
    from ftops.errors import UsageProblem

    name, alias = found.declared.name, found.pins.alias
    if word == LATEST:
        message = f"Let {alias} of {name} follow the declared revision"
        return Choice(to=LATEST, why="it follows the declared revision once its gates pass", message=message)
    known = {one.revision: one for one in found.pins.choices}
    meant = revisions_named(word, known)
    if meant.only is None:
        tell_choices(found)
        if meant.found:
            raise UsageProblem(f"{quoted(word)} begins several revisions: {listed(meant.found)}")
        short = f"; at least {SHORTEST_PREFIX} digits are needed" if len(word) < SHORTEST_PREFIX else ""
        raise UsageProblem(f"{name} has no revision {quoted(word)}{did_you_mean(word, known)}{short}")
    one = known[meant.only]
    require_pinnable(found, one)
    return _choice(found, one.revision, one, one.why)


def _choice(found: "Found", to: str, one: "Pinnable", why: str, passed_over: "tuple[Pinnable, ...]" = ()) -> "Choice":
    from ftops.cli.pinning import Choice

    message = f"Promote {found.declared.name} {one.revision} to {found.pins.alias}"
    return Choice(to=to, why=why, message=message, one=one, passed_over=passed_over)


def _nothing(found: "Found") -> Exception:
    """Says what is missing: a model, scores, or gates that pass."""
    from ftops.cli.pinning import tell_choices
    from ftops.domain.pinning import Outlook
    from ftops.errors import FtopsError, NotPassed

    name, backend = found.declared.name, found.declared.backend.name
    trained = [one for one in found.pins.choices if one.model is not None]
    if not trained:
        message = f"no revision of {name} has a model on {backend} yet"
        return FtopsError(message, remedy="ftops apply trains the declared one")
    tell_choices(found)
    if any(one.outlook is Outlook.WAITS for one in trained):
        remedy = (
            "ftops apply measures those that wait for it, where an alias wants them; --revision takes one unmeasured"
        )
        return NotPassed(f"no revision of {name} is known to have passed on {backend}", remedy=remedy)
    remedy = (
        f"ftops show {name} tells why; --revision takes one that an alias pointed to before, or policy.override names"
    )
    return NotPassed(f"no revision of {name} passed on {backend}", remedy=remedy)
