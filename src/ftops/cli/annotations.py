"""What was found in datasets and plans, as code review shows it: GitHub's workflow commands, GitLab's code quality report.

Owns both formats and their escaping. Each kind of finding is one annotation, as a step has few of them: GitHub shows ten
errors and ten warnings, and drops the rest.
Sources: https://docs.github.com/actions/reference/workflow-commands-for-github-actions and its toolkit's ``escapeData`` and
``escapeProperty``; https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from ftops.cli.render_findings import rows_of
from ftops.cli.style import safe
from ftops.datasets.checks import Level

if TYPE_CHECKING:
    from ftops.datasets.findings import FindingGroup

_GITHUB: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.ADVICE: "notice"}
# Of each level in a step; more are dropped by GitHub without a word.
MOST_OF_A_LEVEL: Final = 10
_LONGEST: Final = 2_000
RemarkLevel = Literal["error", "warning", "notice"]
_GITLAB: Final = {Level.ERROR: "critical", Level.WARNING: "minor", Level.ADVICE: "info"}


class Annotations(StrEnum):
    """What ``--annotations`` takes. ``auto``: GitHub's where a GitHub workflow runs."""

    AUTO = "auto"
    NONE = "none"
    GITHUB = "github"
    GITLAB = "gitlab"


def chosen_annotations(wanted: Annotations, environment: Callable[[str], str | None]) -> Annotations:
    """Gives what to print: what was asked for, or what the CI runner that this runs on reads."""
    if wanted is not Annotations.AUTO:
        return wanted
    return Annotations.GITHUB if environment("GITHUB_ACTIONS") == "true" else Annotations.NONE


def github_lines(groups: Sequence["FindingGroup"], *, path_of: Callable[[str], str]) -> Iterator[str]:
    """Gives one workflow command for each kind of finding. ``path_of`` gives a file's path in the repository."""
    for group in groups:
        first = group.shown[0]
        place = {"file": path_of(group.file), "line": str(max(1, first.line)), "col": str(first.column)}
        properties = {**place, "title": f"{group.check.code} {group.check.name}"}
        stated = ",".join(f"{key}={_escaped_property(value)}" for key, value in properties.items())
        yield f"::{_GITHUB[group.level]} {stated}::{_escaped(_message(group))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """Something to be said at a line. ``path`` is relative to the repository's top, None where there is no place for it."""

    level: RemarkLevel
    title: str
    message: str
    path: str | None = None
    line: int | None = None


def remark_lines(remarks: Iterable[Remark]) -> Iterator[str]:
    """Gives one workflow command for each remark, as many of each level as GitHub shows of a step."""
    shown: Counter[str] = Counter()
    for one in remarks:
        shown[one.level] += 1
        if shown[one.level] > MOST_OF_A_LEVEL:
            continue
        place = {"file": one.path, "line": str(one.line)} if one.path is not None else {}
        stated = ",".join(f"{key}={_escaped_property(value)}" for key, value in {**place, "title": one.title}.items())
        message = one.message if len(one.message) <= _LONGEST else one.message[: _LONGEST - 1] + "…"
        yield f"::{one.level} {stated}::{_escaped(safe(message))}"


def gitlab_report(groups: Sequence["FindingGroup"], *, path_of: Callable[[str], str]) -> list[dict[str, Any]]:
    """Gives a code quality report: a JSON list that GitLab takes as the artifact ``codequality``."""
    return [
        {
            "description": _message(group),
            "check_name": f"{group.check.code} {group.check.name}",
            "fingerprint": _fingerprint(group, path_of(group.file)),
            "severity": _GITLAB[group.level],
            "location": {"path": path_of(group.file), "lines": {"begin": max(1, group.shown[0].line)}},
        }
        for group in groups
    ]


def _message(group: "FindingGroup") -> str:
    first, rows = group.shown[0], rows_of(group)
    field = f"{first.field}: " if first.field else ""
    lines = list(dict.fromkeys(str(one.line) for one in group.shown if one.line))
    places = f"line{'s' if len(lines) > 1 or group.rest > 0 else ''} {', '.join(lines)}"
    others = f" ({rows}: {places}{', …' if group.rest > 0 else ''})" if group.count > 1 and lines else ""
    return safe(f"{field}{first.says}{others}" + (f" – {first.hint}" if first.hint else ""))


def _fingerprint(group: "FindingGroup", path: str) -> str:
    """The same while the same thing is found first in the same file, so that GitLab tells new findings from old ones."""
    first = group.shown[0]
    parts = [path, group.check.code, group.kind, first.field, first.says]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(safe(text)).replace(":", "%3A").replace(",", "%2C")
