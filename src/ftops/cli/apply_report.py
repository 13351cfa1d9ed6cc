"""What ``ftops apply`` and ``ftops prune`` print at their end: what became of each fine-tune, and why the run ended."""

import sys
from typing import Any

from ftops.application.outcome import Outcome
from ftops.cli.options import print_json
from ftops.cli.render_text import render_outcome
from ftops.cli.style import abandon, echo, print_error, tell
from ftops.domain.plan_json import action_to_json, plan_to_json
from ftops.errors import Interrupted


def report(outcome: Outcome, *, as_json: bool, command: str = "apply") -> int:
    """Prints what a run came to, and gives its exit code. A closed terminal takes nothing away from an interruption."""
    try:
        if as_json:
            print_json(_to_json(outcome))
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


def _to_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "format_version": "1",
        "exit_code": int(outcome.code),
        "steps": [
            {
                **action_to_json(step.action),
                "said": step.said,
                "error": step.error.message if step.error else None,
            }
            for step in outcome.steps
        ],
        "ended_jobs": [
            {"fine_tune": e.fine_tune, "revision": e.revision, "job": e.job, "status": e.status.value, "model": e.model}
            for e in outcome.ended_jobs
        ],
        "due": [action_to_json(action) for action in outcome.due],
        "stopped_by": outcome.stopped_by.message if outcome.stopped_by else None,
        "remaining": plan_to_json(outcome.plan) if outcome.plan else None,
    }
