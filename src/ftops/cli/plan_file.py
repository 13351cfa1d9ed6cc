"""Saved plans as files: what ``ftops plan -o FILE`` writes and ``ftops apply FILE`` reads.

Owns what goes along with the plan: which fine-tunes and which backend were asked for, so that apply asks for the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftops.cli.options import Selection
from ftops.cli.saved_json import read_json
from ftops.cli.style import safe
from ftops.domain.approval import Approval
from ftops.domain.plan import Plan
from ftops.domain.plan_json import plan_to_json
from ftops.errors import UsageProblem

_REMEDY = "make one: ftops plan -o FILE"
_LISTS = ("targets", "excluded", "labels")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFile:
    """A plan as JSON, with the words that it was asked for with."""

    plan: dict[str, Any]
    selection: Selection
    backend: str | None


def plan_data(plan: Plan, selection: Selection, backend: str | None) -> dict[str, Any]:
    """Gives a plan's JSON, with what was asked for where that was not everything."""
    asked = {name: list(getattr(selection, name)) for name in _LISTS}
    data = plan_to_json(plan)
    return {**data, "selection": {"backend": backend, **asked}} if backend or any(asked.values()) else data


def read_plan_file(path: Path, *, selection: Selection, backend: str | None) -> PlanFile:
    """Reads a saved plan. Raises UsageProblem where it is none, and where the words given ask for something else."""
    plan = _read(path)
    saved = plan.get("selection", {})
    if not isinstance(saved, dict):
        raise _no_plan(path)
    lists = {name: saved.get(name, []) for name in _LISTS}
    where = saved.get("backend")
    if not (where is None or isinstance(where, str)) or not all(map(_is_list_of_words, lists.values())):
        raise _no_plan(path)
    theirs = Selection(**{name: tuple(words) for name, words in lists.items()})
    if selection not in {Selection(), theirs} or backend not in {None, where}:
        raise UsageProblem(
            "a saved plan is applied to what it was made for; other fine-tunes or another backend can't be given with it",
            remedy="leave out --target, --exclude, --label and --backend (or FTOPS_BACKEND), or make another plan",
        )
    return PlanFile(plan=plan, selection=theirs, backend=where)


def read_approval(paths: Sequence[Path]) -> Approval | None:
    """Reads the saved plans that reviewers approved, also all ``*.json`` of folders; None where no path is given.

    Raises UsageProblem for what is no plan.
    """
    if not paths:
        return None
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    return Approval.of([_read_whole(file) for file in files])


def read_plan(path: Path) -> Plan:
    """Reads a saved plan as what it was. Raises UsageProblem for what is no plan."""
    from ftops.domain.plan_reading import plan_from_json

    try:
        return plan_from_json({key: value for key, value in _read_whole(path).items() if key != "selection"})
    except ValueError as error:
        raise _no_plan(path) from error


def _read_whole(path: Path) -> dict[str, Any]:
    from ftops.adapters.schema_problems import fits_schema

    plan = _read(path)
    if not fits_schema(plan, "plan.v1"):
        raise _no_plan(path)
    return plan


def _read(path: Path) -> dict[str, Any]:
    try:
        plan = read_json(path)
    except (ValueError, OSError) as error:
        raise UsageProblem(f"{safe(str(path))} is no saved plan: {error}", remedy=_REMEDY) from error
    if not isinstance(plan, dict):
        raise _no_plan(path)
    return plan


def _is_list_of_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _no_plan(path: Path) -> UsageProblem:
    return UsageProblem(f"{safe(str(path))} is no saved plan", remedy=_REMEDY)
