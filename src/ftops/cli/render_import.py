"""An import's report as text and as JSON."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ftops.cli.style import echo, safe, tell
from ftops.domain.adoption import counted

if TYPE_CHECKING:
    from ftops.application.import_jobs import Imported, Report

_HEADS = ("OLD", "NEW", "BASE MODEL", "JOBS", "REVISION", "DATA")


def print_report(report: "Report", *, backend: str, is_dry_run: bool, is_all: bool, alias: str | None) -> None:
    """Prints the table old → new, what could not be recovered, and what to do next."""
    for line in _table([_HEADS, *(_cells(one) for one in report.imported)]) if report.imported else ():
        echo(line)
    for line in _notes(report, is_all=is_all):
        echo(line)
    jobs = sum(len(one.jobs) for one in report.imported)
    if not report.imported:
        tell("Nothing is left to import." if is_all else "Nothing was imported.")
        return
    what = f"{_count(len(report.imported), 'fine-tune')} of {_count(jobs, 'job')} at {backend}"
    if is_dry_run:
        tell(f"Would import {what}. Nothing was written.")
        return
    echo(f"Imported {what}.")
    if report.is_recovery:
        tell(
            "The ledger begins anew: jobs and models are back, under the id that it had. Evaluations, the aliases' history "
            "and the protection of what no manifest declares are lost."
            + (
                ""
                if alias
                else " Aliases point nowhere until an apply has promoted again (or import with --alias NAME)."
            )
        )
    if written := sum(one.path is not None for one in report.imported):
        tell(
            f"{_count(written, 'manifest')} written. Look through them and commit them; then ftops plan. "
            "A new name takes the old one along in metadata.moved_from."
        )


def report_to_json(report: "Report", *, is_dry_run: bool) -> dict[str, Any]:
    """Gives the report as JSON."""
    return {
        "format_version": "1",
        "dry_run": is_dry_run,
        "recovered_a_lost_ledger": report.is_recovery,
        "imported": [
            {
                "old": one.label or None,
                "name": one.name,
                "base_model": one.base_model,
                "jobs": list(one.jobs),
                "revision": one.revision,
                "manifest": one.path,
                "data": list(one.data),
                "not_recovered": list(one.notes),
            }
            for one in report.imported
        ],
        "left_out": [{"job": one.job, "why": one.why, "known": one.is_known} for one in report.left_out],
    }


def _cells(one: "Imported") -> tuple[str, ...]:
    data = one.data[0] if one.data else "gone" if one.path else "(manifest is there)"
    return (
        safe(one.label) or "(no suffix)",
        one.name,
        safe(one.base_model),
        str(len(one.jobs)),
        one.revision or "",
        data,
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _notes(report: "Report", *, is_all: bool) -> Iterator[str]:
    """What could not be recovered, and what was left out: by reason, where there may be hundreds."""
    noted = [one for one in report.imported if one.notes]
    if noted:
        yield "\nNot recovered:"
        for one in noted:
            yield from (f"  {one.name}: {safe(note)}" for note in one.notes)
    others = [one for one in report.left_out if not (is_all and one.is_known)]
    if others:
        yield "\nNot imported:"
    if is_all:
        for why, number in counted(others).items():
            first = next(one.job for one in others if one.why == why)
            yield (
                f"  {_count(number, 'job')} (such as {safe(first)}): {safe(why)}"
                if number > 1
                else f"  {safe(first)}: {safe(why)}"
            )
    else:
        yield from (f"  {safe(one.job)}: {safe(one.why)}" for one in others)
    if noted or others:
        yield ""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
