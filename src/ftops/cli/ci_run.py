"""What a CI runner tells of the run that this is, and the files by which a step tells the runner something.

Owns GitHub's variables, the format of its files of outputs, and their limits. Everything in an event is foreign input.
Sources: https://docs.github.com/actions/reference/variables-reference,
https://docs.github.com/actions/reference/workflow-commands-for-github-actions (outputs; a step's summary has 1 MiB).
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SUMMARY_LIMIT: Final = 1_048_576  # bytes
_MERGE_REF: Final = re.compile(r"refs/pull/(\d{1,9})/(?:merge|head)")
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST_BYTES_OF_AN_EVENT: Final = 30_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Where this runs. ``pull_request`` is the one that the run is about, None where it is about a commit."""

    repository: str | None
    pull_request: int | None
    commit: str | None
    url: str | None


def run_of(environ: Mapping[str, str]) -> Run:
    """Gives what the environment tells; nothing of it is needed."""
    from ftops.adapters.run_identity import run_url

    sha = environ.get("GITHUB_SHA", "")
    return Run(
        repository=environ.get("GITHUB_REPOSITORY") or None,
        pull_request=_number_of_event(environ.get("GITHUB_EVENT_PATH"))
        or _number_of_ref(environ.get("GITHUB_REF", "")),
        commit=sha if _SHA.fullmatch(sha) else None,
        url=run_url(environ),
    )


def append_summary(environ: Mapping[str, str], text: str) -> None:
    """Adds Markdown to the step's summary, where there is a runner."""
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)


def room_in_summary(environ: Mapping[str, str]) -> int:
    """Gives how many bytes of the step's summary are left."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    taken = Path(path).stat().st_size if path and Path(path).is_file() else 0
    return max(0, SUMMARY_LIMIT - taken)


def write_outputs(environ: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Adds a step's outputs, where there is a runner: each between lines that nobody can guess, as a value may hold lines."""
    if path := environ.get("GITHUB_OUTPUT"):
        # A path may hold bytes that are no UTF-8.
        with Path(path).open("a", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            for name, value in outputs.items():
                end = f"ftops_{secrets.token_hex(16)}"
                file.write(f"{name}<<{end}\n{value}\n{end}\n")


def _number_of_event(path: str | None) -> int | None:
    """Gives the pull request that an event is about: that of ``pull_request``, or the one that was commented on."""
    event = _read_event(path)
    issue = event.get("issue")
    is_of_pull = isinstance(issue, dict) and issue.get("pull_request")
    found = event.get("pull_request") or (issue if is_of_pull else None)
    number = found.get("number") if isinstance(found, dict) else None
    return number if isinstance(number, int) and 0 < number < 10**9 else None


def _read_event(path: str | None) -> dict[str, Any]:
    try:
        if not path or Path(path).stat().st_size > _MOST_BYTES_OF_AN_EVENT:
            return {}
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _number_of_ref(ref: str) -> int | None:
    found = _MERGE_REF.fullmatch(ref)
    return int(found[1]) if found else None
