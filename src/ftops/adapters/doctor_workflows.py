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
_VERSION: Final = r"[0-9][A-Za-z0-9.+!]*"
_PIN: Final = re.compile(rf"\bftops(?:\[[a-z,]*\])?==({_VERSION})")
# The workflows of ours that apply; a job may call them where they are, and then its own permissions bound theirs.
_CALLED: Final = re.compile(r"\bftops-(?:apply|continue)\.ya?ml(?:@|$)")


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
    if not _RUNS.search(text):
        return None
    name, content = path.relative_to(top).as_posix(), _parsed(text)
    pins = tuple(sorted({*_PIN.findall(text), *_chosen(content)}))
    if not name.startswith(".github/workflows/"):
        return WorkflowFacts(path=name, may_write=True, pins=pins)
    # YAML 1.1, which PyYAML reads, takes the key "on" for true.
    triggers = content.get("on", content.get(True, {}))
    applying = tuple(_applying(content))
    return WorkflowFacts(
        path=name,
        is_readable=bool(content),
        applies=bool(applying),
        may_write=None if None in applying else all(applying),
        has_target_trigger="pull_request_target" in (triggers if isinstance(triggers, (dict, list)) else (triggers,)),
        pins=pins,
    )


def _parsed(text: str) -> Mapping[Any, Any]:
    """Gives a file's content, nothing where it is no mapping. Aliases only point; what merges them could become very large."""
    if "<<" in text and re.search(r"<<['\"]?\s*:", text):
        return {}
    try:
        return _mapping(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return {}


def _chosen(content: Mapping[Any, Any]) -> Iterator[str]:
    """Gives the versions that our action is told to install: by default in its own file, or by a workflow's step."""
    chosen = [_mapping(_mapping(content.get("inputs")).get("version")).get("default")]
    chosen += [
        _mapping(step.get("with")).get("version")
        for job in _mapping(content.get("jobs")).values()
        for step in _steps(job)
        if _is_ours(step)
    ]
    yield from (text for text in chosen if isinstance(text, str) and re.fullmatch(_VERSION, text))


def _applying(workflow: Mapping[Any, Any]) -> Iterator[bool | None]:
    """Says of each job that runs apply whether it may write contents; None where no permissions are stated for it."""
    for job in _mapping(workflow.get("jobs")).values():
        if _CALLED.search(_text(_mapping(job).get("uses"))) or any(map(_applies, _steps(job))):
            yield _may_write(job.get("permissions", workflow.get("permissions")))


def _applies(step: Mapping[Any, Any]) -> bool:
    arguments = _text(_mapping(step.get("with")).get("args"))
    return _RUN.search(_text(step.get("run"))) is not None or (
        _is_ours(step) and _ARGUMENTS.match(arguments) is not None
    )


def _is_ours(step: Mapping[Any, Any]) -> bool:
    return "ftops" in _text(step.get("uses"))


def _steps(job: Any) -> tuple[Mapping[Any, Any], ...]:
    steps = _mapping(job).get("steps")
    return tuple(map(_mapping, steps)) if isinstance(steps, list) else ()


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _may_write(permissions: Any) -> bool | None:
    if permissions is None:
        return None
    return permissions == "write-all" or (isinstance(permissions, dict) and permissions.get("contents") == "write")
