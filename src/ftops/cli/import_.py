"""``ftops import``: manifests and a ledger for jobs that exist already."""

import re
import sys
from typing import TYPE_CHECKING, Final

import click

from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import safe
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from ftops.application.import_jobs import Report
    from ftops.domain.adoption import Wanted

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@click.command("import")
@click.argument("jobs", metavar="[JOB_ID]...", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every job with a model that no other project made.")
@click.option(
    "--filter", "filters", metavar="suffix=GLOB", multiple=True, help="With --all: only such suffixes (repeatable)."
)
@click.option("--alias", metavar="NAME", help="Point this alias to each fine-tune's newest model.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would be written, and write nothing.")
@json_option
@backend_option
@click.pass_obj
def command(
    context: Globals,
    *,
    jobs: tuple[str, ...],
    is_all: bool,
    filters: tuple[str, ...],
    alias: str | None,
    is_dry_run: bool,
    as_json: bool,
    backend: str | None,
) -> int:
    """Write manifests for jobs that exist already, and adopt their models. Trains, changes and deletes nothing.

    Jobs of one suffix and base model become one fine-tune: its manifest declares the newest, the ledger keeps the others.
    Training files are fetched into the project where they are still there. Commit what was written; ftops plan then has
    nothing to do.

    After a lost ledger, --all brings back the jobs and models that it had.

    \b
    Examples:
      ftops import --all --dry-run
      ftops import --all --filter 'suffix=support-*' --alias production
      ftops import ftjob-abc123 ftjob-def456
    """
    from ftops.application.import_jobs import import_jobs
    from ftops.bootstrap_import import open_import
    from ftops.bootstrap_place import find_place
    from ftops.cli.live import open_progress
    from ftops.cli.render_import import print_report, report_to_json
    from ftops.domain.manifest import AliasName

    wanted = _wanted(jobs, filters, is_all=is_all)
    if alias is not None and not _LABEL.fullmatch(alias):
        raise UsageProblem("--alias takes a DNS label: up to 40 lower-case letters, digits and inner hyphens")
    place = find_place(context.directory)
    with (
        open_progress() as progress,
        open_import(place, backend=backend, progress=progress, confirm=_confirm_trust) as importing,
    ):
        report = import_jobs(
            importing, wanted, alias=AliasName(alias) if alias is not None else None, is_dry_run=is_dry_run
        )
    if as_json:
        print_json(report_to_json(report, is_dry_run=is_dry_run))
    else:
        print_report(report, backend=importing.backend.name, is_dry_run=is_dry_run, is_all=is_all, alias=alias)
    return _code(report, is_all=is_all)


def _wanted(jobs: tuple[str, ...], filters: tuple[str, ...], *, is_all: bool) -> "Wanted":
    from ftops.domain.adoption import Wanted
    from ftops.domain.manifest import JobId

    if is_all == bool(jobs):
        raise UsageProblem("give the ids of jobs, or --all", remedy="ftops import --all --dry-run shows what there is")
    if filters and not is_all:
        raise UsageProblem("--filter goes with --all")
    suffixes = []
    for text in filters:
        key, equals, pattern = text.partition("=")
        if key != "suffix" or not equals:
            raise UsageProblem(f"--filter takes suffix=GLOB, not {safe(text)!r}")
        suffixes.append(pattern)
    return Wanted(jobs=None if is_all else tuple(map(JobId, jobs)), suffixes=tuple(suffixes))


def _code(report: "Report", *, is_all: bool) -> int:
    """1 where a job that was named is not imported, and is not known already."""
    return 1 if not is_all and any(not one.is_known for one in report.left_out) else 0


def _confirm_trust(base_url: str) -> bool:
    if not sys.stdin.isatty():
        return False
    from ftops.cli.confirmation import is_confirmed

    question = f"Send a key to {safe(base_url)}, from now on?"
    return is_confirmed(question, instead=f"name it in FTOPS_TRUSTED_BACKENDS: {safe(base_url)}")
