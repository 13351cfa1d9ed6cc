"""What an apply came to, as a file: what ``ftops apply --out FILE`` and ``--json`` write, and ``ftops comment`` reads.

Owns this format (``schemas/outcome.v1.json``). A file is foreign input: nothing of it is believed that fits no schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ftops.application.outcome import ExitCode, Outcome, Step
from ftops.cli.saved_json import read_json
from ftops.cli.style import safe
from ftops.domain.judgement import Judgement
from ftops.domain.plan import Action, Plan
from ftops.domain.plan_json import action_to_json, judgement_to_json, plan_to_json
from ftops.domain.plan_reading import action_from_json, judgement_from_json, plan_from_json
from ftops.errors import UsageProblem

FORMAT_VERSION: Final = "1"
_SAID: Final = ("said", "error", "remedy")


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedStep:
    """One action that was carried out, or tried: what came of it in words, or the error and what mends it."""

    action: Action
    said: str
    error: str | None
    remedy: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedJob:
    """A job that ended in that run; ``model`` is what it made."""

    fine_tune: str
    job: str
    status: str
    model: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedOutcome:
    """What a run came to. ``remaining`` is the last plan that it made, None where it came to none.

    ``stopped_by`` is why it ended before it was done, and ``remedy`` what mends that.
    """

    project: str
    code: ExitCode
    steps: tuple[SavedStep, ...] = ()
    ended_jobs: tuple[SavedJob, ...] = ()
    due: tuple[Action, ...] = ()
    stopped_by: str | None = None
    remedy: str | None = None
    is_waiting: bool = False
    remaining: Plan | None = None
    judgements: tuple[tuple[str, Judgement], ...] = ()


def outcome_data(outcome: Outcome, project: str) -> dict[str, Any]:
    """Gives a run's outcome as plain JSON values."""
    return {
        "format_version": FORMAT_VERSION,
        "project": project,
        "exit_code": int(outcome.code),
        "steps": [_step_data(step) for step in outcome.steps],
        "ended_jobs": [
            {"fine_tune": e.fine_tune, "revision": e.revision, "job": e.job, "status": e.status.value, "model": e.model}
            for e in outcome.ended_jobs
        ],
        "judgements": [
            {"fine_tune": name, "judgement": judgement_to_json(judgement)} for name, judgement in outcome.judged()
        ],
        "due": [action_to_json(action) for action in outcome.due],
        "waiting": outcome.left_waiting,
        "stopped_by": outcome.stopped_by.message if outcome.stopped_by else None,
        "remedy": outcome.stopped_by.remedy if outcome.stopped_by else None,
        "remaining": plan_to_json(outcome.plan) if outcome.plan else None,
    }


def read_outcome_file(path: Path) -> SavedOutcome:
    """Reads what became of an apply. Raises UsageProblem where the file is none."""
    from ftops.adapters.schema_problems import fits_schema

    try:
        data = read_json(path)
        if fits_schema(data, "outcome.v1") and all(fits_schema(plan, "plan.v1") for plan in _as_plans(data)):
            return _outcome(data)
    except ValueError as error:
        raise _no_outcome(path) from error
    raise _no_outcome(path)


def _step_data(step: Step) -> dict[str, Any]:
    error = step.error
    return {
        **action_to_json(step.action),
        "said": step.said,
        "error": error.message if error else None,
        "remedy": error.remedy if error else None,
    }


def _as_plans(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Gives the plan in a file, and one of its other actions and judgements: the plan's schema tells of all of them."""
    names = ("train", "evaluate", "promote", "cancel", "adopt", "move", "delete", "cost_usd")
    empty = ("deferred", "refusals", "blockers", "notices", "kept", "caveats")
    rest: dict[str, Any] = {
        "format_version": "1",
        "project": data["project"],
        "today": "2000-01-01",
        "commit": None,
        "complete": True,
        "has_changes": False,
        "summary": dict.fromkeys(names, 0),
        "actions": [*map(_action_data, data["steps"]), *data["due"]],
        "withheld": [
            {
                "fine_tune": one["fine_tune"],
                "backend": one["judgement"]["backend"],
                "revision": one["judgement"]["revision"] or "0" * 12,
                "alias": "-",
                "judgement": one["judgement"],
            }
            for one in data["judgements"]
        ],
        **{name: [] for name in empty},
        "bindings": {},
    }
    return [rest] if data["remaining"] is None else [data["remaining"], rest]


def _action_data(step: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in step.items() if name not in _SAID}


def _outcome(data: Mapping[str, Any]) -> SavedOutcome:
    return SavedOutcome(
        project=data["project"],
        code=ExitCode(data["exit_code"]),
        steps=tuple(
            SavedStep(action=action_from_json(_action_data(step)), **{name: step[name] for name in _SAID})
            for step in data["steps"]
        ),
        ended_jobs=tuple(
            SavedJob(fine_tune=one["fine_tune"], job=one["job"], status=one["status"], model=one["model"])
            for one in data["ended_jobs"]
        ),
        due=tuple(map(action_from_json, data["due"])),
        stopped_by=data["stopped_by"],
        remedy=data["remedy"],
        is_waiting=data["waiting"],
        remaining=None if data["remaining"] is None else plan_from_json(data["remaining"]),
        judgements=tuple((one["fine_tune"], judgement_from_json(one["judgement"])) for one in data["judgements"]),
    )


def _no_outcome(path: Path) -> UsageProblem:
    return UsageProblem(
        f"{safe(str(path))} is nothing that became of an apply", remedy="make one: ftops apply --out FILE"
    )
