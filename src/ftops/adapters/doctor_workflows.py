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
_APPLIES: Final = re.compile(r"\bftops\b[^\n]*\bapply\b|^\s*command:\s*[\"']?apply\b", re.MULTILINE)
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
    return WorkflowFacts(
        path=name,
        applies=_APPLIES.search(text) is not None,
        may_write=_may_write(workflow),
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


def _may_write(workflow: Mapping[Any, Any]) -> bool | None:
    """Whether a job, or the whole workflow, states that it may write contents; None where nothing is stated."""
    jobs = workflow.get("jobs")
    parts = [workflow, *(jobs.values() if isinstance(jobs, dict) else ())]
    stated = [part["permissions"] for part in parts if isinstance(part, dict) and "permissions" in part]
    if not stated:
        return None
    return any(
        permissions == "write-all" or (isinstance(permissions, dict) and permissions.get("contents") == "write")
        for permissions in stated
    )
