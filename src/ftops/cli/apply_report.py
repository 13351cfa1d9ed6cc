"""What ``ftops apply`` and ``ftops prune`` print at their end: what became of each fine-tune, and why the run ended."""

import sys
from pathlib import Path

from ftops.application.outcome import Outcome
from ftops.cli.options import print_json, save_json
from ftops.cli.outcome_file import outcome_data
from ftops.cli.render_text import render_outcome
from ftops.cli.style import abandon, echo, print_error, tell
from ftops.errors import Interrupted


def report(outcome: Outcome, *, project: str, as_json: bool, command: str = "apply", out: Path | None = None) -> int:
    """Prints what a run came to, saves it where ``out`` says, and gives its exit code.

    A closed terminal takes nothing away from an interruption.
    """
    save(outcome, project, out)
    try:
        if as_json:
            print_json(outcome_data(outcome, project))
        elif text := render_outcome(outcome):
            echo(text)
    except OSError:
        if not isinstance(outcome.stopped_by, Interrupted):
            raise
        abandon(sys.stdout)
    if isinstance(outcome.stopped_by, Interrupted):
        jobs = " Jobs go on at the backend;" if command == "apply" else ""
        tell(f"Interrupted.{jobs} ftops {command} goes on where this left off.")
    elif outcome.stopped_by is not None:
        print_error(outcome.stopped_by.message, remedy=outcome.stopped_by.remedy)
    if outcome.left_waiting:
        tell("Jobs still run. ftops apply goes on where this left off.")
    return outcome.code


def save(outcome: Outcome, project: str, out: Path | None) -> None:
    """Writes what a run came to into a file, where one was asked for."""
    if out is not None:
        save_json(out, outcome_data(outcome, project))
