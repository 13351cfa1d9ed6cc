"""``ftops logs NAME``: what a backend said of a fine-tune's job."""

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option
from ftops.cli.style import echo, echo_data, paint, safe, shows_all, tell
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from ftops.application.job_logs import LoggedJob
    from ftops.domain.attempts import JobStatus
    from ftops.ports import Clock, JobEvent, JobReader

_SPAN: Final = re.compile(r"(\d{1,6})(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_COLORS: Final = {"warn": "yellow", "warning": "yellow", "error": "red"}


@click.command("logs")
@click.argument("name", shell_complete=completing.known_fine_tunes)
@click.option("-f", "--follow", "is_following", is_flag=True, help="Go on until the newest job has ended.")
@click.option(
    "--revision",
    metavar="R",
    shell_complete=completing.revisions,
    help="Of this revision, or the only one that begins so; by default the declared one.",
)
@click.option("--since", metavar="WHEN", help="Only what is as new: 90s, 15m, 6h, 2d, or a date as 2026-03-01T12:00.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and event.")
@backend_option
@click.pass_obj
def command(
    context: Globals,
    *,
    name: str,
    is_following: bool,
    revision: str | None,
    since: str | None,
    as_json: bool,
    backend: str | None,
) -> int:
    """Show what the backend said of a fine-tune's jobs, oldest first: of all attempts at one revision.

    Reads ledger and backend, and costs nothing; needs a key where apply does (exit 9). With -f it goes on until the newest
    job has ended, and ends in 7 where that job failed; Ctrl-C leaves the job running, and ends in 130.

    \b
    Examples:
      ftops logs ticket-router
      ftops logs ticket-router -f
      ftops logs ticket-router --since 2h --json
    """
    import threading

    from ftops.adapters.clock import SystemClock
    from ftops.application.job_logs import jobs_of
    from ftops.bootstrap_logs import find_logged, opened_backend
    from ftops.bootstrap_place import find_place

    clock = SystemClock(threading.Event())
    after = _moment(since, clock.now())
    place = find_place(context.directory)
    logged = find_logged(place, name, backend=backend)
    for caveat in logged.caveats:
        tell(f"Warning: {safe(caveat)}")
    jobs = jobs_of(logged.record, declared=logged.declared, wanted=revision)
    try:
        with opened_backend(place, jobs[-1].backend) as session:
            return _print(session.jobs, jobs, clock, is_following=is_following, since=after, as_json=as_json)
    except KeyboardInterrupt:
        return 130  # leaving is how following ends: not a word about it


def _print(
    reader: "JobReader",
    jobs: "tuple[LoggedJob, ...]",
    clock: "Clock",
    *,
    is_following: bool,
    since: datetime | None,
    as_json: bool,
) -> int:
    from ftops.application.job_logs import events_of, follow
    from ftops.domain.attempts import JobStatus
    from ftops.domain.manifest import JobId
    from ftops.errors import NotFound

    for one in jobs:
        if not as_json:
            tell(_heading(one))
        is_last = one is jobs[-1]
        try:
            if not (is_following and is_last):
                for event in events_of(reader, JobId(one.job.id), since=since):
                    _print_event(event, one, as_json=as_json)
                continue
            for news in follow(reader, JobId(one.job.id), clock, since=since):
                if isinstance(news, JobStatus):
                    return _ended(news, one)
                _print_event(news, one, as_json=as_json)
        except NotFound:
            tell(f"Warning: {one.backend} does not know job {safe(one.job.id)} any more")
    return 0


def _heading(one: "LoggedJob") -> str:
    attempt = f", attempt {one.attempt} of {one.attempts}" if one.attempts > 1 else ""
    return f"{safe(one.job.id)}  revision {one.revision} on {one.backend}{attempt}"


def _print_event(event: "JobEvent", one: "LoggedJob", *, as_json: bool) -> None:
    if as_json:
        echo_data(_line(event, one))
        return
    at = event.at.strftime("%Y-%m-%d %H:%M:%S") if event.at else " " * 19
    color = _COLORS.get(event.level)
    level = f"{paint(safe(event.level), color)}: " if event.level != "info" else ""
    echo(f"{paint(at, dim=True)}  {level}{safe(event.message)}")


def _line(event: "JobEvent", one: "LoggedJob") -> str:
    import json

    fields: dict[str, Any] = {
        "at": event.at.isoformat() if event.at else None,
        "level": event.level,
        "message": event.message,
        "job": one.job.id,
        "attempt": one.attempt,
        "revision": one.revision,
        "backend": one.backend,
        "id": event.id,
    }
    return json.dumps(fields, ensure_ascii=not shows_all(sys.stdout)).replace("##[", "#\\u0023[")


def _ended(status: "JobStatus", one: "LoggedJob") -> int:
    from ftops.application.outcome import ExitCode
    from ftops.domain.attempts import JobStatus

    tell(f"{safe(one.job.id)} {status.value}")
    return ExitCode.JOB_FAILED if status is JobStatus.FAILED else ExitCode.DONE


def _moment(text: str | None, now: datetime) -> datetime | None:
    """Reads --since. Raises UsageProblem."""
    if text is None:
        return None
    if (span := _SPAN.fullmatch(text)) is not None:
        try:
            return now - timedelta(seconds=int(span[1]) * _SECONDS[span[2]])
        except OverflowError:
            return None  # longer ago than dates go back: all of them
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        from ftops.domain.foreign_text import quoted

        remedy = "such as 90s, 15m, 6h, 2d, 2026-03-01 or 2026-03-01T12:00"
        raise UsageProblem(f"--since takes a span or a date, not {quoted(text)}", remedy=remedy) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
