"""A ledger written straight to its branch, as other runs would have left it: for commands that only read one."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from scratch_project import Scratch

LAB = "http://127.0.0.1:9/v1"  # nobody listens there
AT = "2026-11-21T08:00:00Z"


def trained(name: str, day: int, **facts: Any) -> dict[str, Any]:
    """A revision whose job on backend lab ended on that day of November; ``facts`` are the job's."""
    job = {
        "id": f"ftjob-{name}",
        "status": "succeeded",
        "seen_at": f"2026-11-{day:02}T10:00:00Z",
        "finished_at": f"2026-11-{day:02}T09:00:00Z",
        "model": f"ft:x:{name}",
    }
    return {
        "spec": {"base_model": "m"},
        "train": {"path": "data/x.jsonl", "sha256": "0" * 64, "rows": 60},
        "declared_at": "2026-11-01T08:00:00Z",
        "attempts": {"lab": [{"number": 1, "job": {**job, **facts}}]},
    }


def record(
    revisions: Mapping[str, Mapping[str, Any]], *, line: Iterable[str] = (), passed: Iterable[str] = (), **others: Any
) -> dict[str, Any]:
    """The record of fine-tune router, whose production has pointed to ``line``; ``passed`` has what passed once."""
    moves = [{"at": AT, "target": target(one), "reason": "pinned"} for one in line]
    return {
        "format_version": "1",
        "name": "router",
        "revisions": revisions,
        "aliases": {"production": {"history": moves}},
        "passed": [{**target(one), "at": AT} for one in passed],
        **others,
    }


def target(revision: str) -> dict[str, str]:
    """What an alias that points to a revision of ``trained`` points to."""
    return {"backend": "lab", "revision": revision, "model": f"ft:x:{revision}"}


def write_ledger(scratch: Scratch, router: Mapping[str, Any], *, base_url: str = LAB) -> None:
    """Puts a record of router, and one of the project, on branch ftops-ledger."""
    folder = f"projects/{scratch.project_name}"
    project = {
        "format_version": "1",
        "name": scratch.project_name,
        "ledger_id": "L1",
        "backends": {"lab": {"base_url": base_url}},
    }
    for path, content in ((f"{folder}/project.json", project), (f"{folder}/fine-tunes/router.json", router)):
        blob = _git(scratch, "hash-object", "-w", "--stdin", stdin=json.dumps(content))
        _git(scratch, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    commit = _git(scratch, "commit-tree", _git(scratch, "write-tree"), "-m", "ledger")
    _git(scratch, "update-ref", "refs/heads/ftops-ledger", commit)


def _git(scratch: Scratch, *words: str, stdin: str = "") -> str:
    index = {**os.environ, "GIT_INDEX_FILE": str(scratch.root / ".git/ledger-index")}
    command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *words]
    done = subprocess.run(command, cwd=scratch.root, env=index, input=stdin, capture_output=True, text=True, check=True)
    return done.stdout.strip()
