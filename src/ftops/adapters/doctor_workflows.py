"""What the doctor reads of CI files: which workflows run ftops, with which permissions, triggers and version.

Owns those readings. The files are foreign: bounded, parsed as plain YAML, and what can't be read says nothing.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from ftops.domain.diagnosing_hosting import WorkflowFacts

_LIMIT: Final = 1 << 18
_FILES: Final = (
    ".github/workflows/*.yml", ".github/workflows/*.yaml", ".github/actions/*/action.yml", ".gitlab-ci.yml",
    "requirements*.txt",
)  # fmt: skip
_MOST: Final = 100
_RUNS: Final = re.compile(r"\bftops\b")
_RUN: Final = re.compile(r"\bftops\s+(?:-\S+\s+(?:[^-\s]\S*\s+)?)*apply\b")
_ARGUMENTS: Final = re.compile(r"\s*apply\b")
_PIN: Final = re.compile(r"\bftops(?:\[[a-z,]*\])?==([0-9][A-Za-z0-9.+!]*)")


def read_workflows(top: Path) -> tuple[WorkflowFacts, ...]:
    """Gives those CI files below a repository's top folder that run or install ftops, by their paths."""
    return tuple(facts for path in _paths(top) if (facts := _facts(top, path)) is not None)


def _paths(top: Path) -> Iterator[Path]:
    found = sorted(path for pattern in _FILES for path in top.glob(pattern) if path.is_file() and not path.is_symlink())
    yield from found[:_MOST]


def _facts(top: Path, path: Path) -> WorkflowFacts | None:
    try:
        if path.stat().st_size > _LIMIT:
            return None
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    name, pins = path.relative_to(top).as_posix(), tuple(sorted(set(_PIN.findall(text))))
    if not _RUNS.search(text):
        return None
    if not name.startswith(".github/workflows/"):
        return WorkflowFacts(path=name, may_write=True, pins=pins)
    workflow = _parsed(text)
    # YAML 1.1, which PyYAML reads, takes the key "on" for true.
    triggers = workflow.get("on", workflow.get(True, {}))
    applying = tuple(_applying(workflow))
    return WorkflowFacts(
        path=name,
        applies=bool(applying),
        may_write=None if None in applying else all(applying),
        has_target_trigger="pull_request_target" in (triggers if isinstance(triggers, (dict, list)) else (triggers,)),
        pins=pins,
    )


def _parsed(text: str) -> Mapping[Any, Any]:
    if re.search(r"(?:^|\s)[&*][A-Za-z]", text):
        return {}  # an alias may stand for very much
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _applying(workflow: Mapping[Any, Any]) -> Iterator[bool | None]:
    """Says of each job that runs apply whether it may write contents; None where no permissions are stated for it."""
    jobs = workflow.get("jobs")
    for job in jobs.values() if isinstance(jobs, dict) else ():
        steps = job.get("steps") if isinstance(job, dict) else None
        if any(map(_applies, steps if isinstance(steps, list) else ())):
            yield _may_write(job.get("permissions", workflow.get("permissions")))


def _applies(step: Any) -> bool:
    if not isinstance(step, dict):
        return False
    given = step.get("with")
    arguments = given.get("args") if isinstance(given, dict) else None
    is_ours = "ftops" in str(step.get("uses", ""))
    return _RUN.search(str(step.get("run", ""))) is not None or (
        is_ours and _ARGUMENTS.match(str(arguments)) is not None
    )


def _may_write(permissions: Any) -> bool | None:
    if permissions is None:
        return None
    return permissions == "write-all" or (isinstance(permissions, dict) and permissions.get("contents") == "write")
