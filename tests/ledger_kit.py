"""Real repositories, clones and ledgers in a temporary folder, and the events that tests write."""

import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ftops.adapters.git_ledger import GitLedger
from ftops.adapters.git_process import GitProcess
from ftops.adapters.ledger_branches import LedgerBranch
from ftops.adapters.ledger_remote import open_branch
from ftops.domain.attempts import JobStatus
from ftops.domain.events import CommitApplied, Evaluated, Intended, JobRecorded, Preferred, RevisionDeclared, Started
from ftops.domain.manifest import BackendName, FineTuneName, Revision
from ftops.domain.preferences import PairItem, PreferenceRecord
from ftops.domain.records import DatasetRecord
from ftops.domain.scores import EvaluationRecord, ItemScore

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NAME = FineTuneName("ticket-router")
REVISION = Revision("3f9a1c2b7d10")
BACKEND = BackendName("openai")
BRANCH = "ftops-ledger"
REF = f"refs/heads/{BRANCH}"


class QuickClock:
    """The real time, with naps a hundredth as long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        threading.Event().wait(seconds / 100)


def git(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    options = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "protocol.file.allow=always"]
    command = ["git", *options, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, input=stdin).stdout.strip()


def make_remote(folder: Path) -> Path:
    """Makes a bare repository with one commit on main."""
    bare, seed = folder / "remote.git", folder / "seed"
    git(folder, "init", "-q", "--bare", "-b", "main", str(bare))
    git(folder, "clone", "-q", str(bare), str(seed))
    commit_file(seed, "a.txt", "one")
    git(seed, "push", "-q", "origin", "HEAD:main")
    return bare


def clone(remote: Path, to: Path, *options: str) -> Path:
    git(remote.parent, "clone", "-q", *options, f"file://{remote}", str(to))
    return to


def commit_file(repo: Path, name: str, content: str) -> str:
    (repo / name).write_text(content)
    git(repo, "add", "--", name)
    git(repo, "commit", "-q", "-m", f"change {name}")
    return git(repo, "rev-parse", "HEAD")


def ledger(repo: Path, **changes: Any) -> GitLedger:
    settings: dict[str, Any] = {
        "project": "acme",
        "branch": BRANCH,
        "remote": "origin",
        "ftops_dir": repo / ".ftops",
        "clock": QuickClock(),
    }
    return GitLedger(repo, **{**settings, **changes})


def branch(repo: Path, *, name: str = BRANCH, remote: str | None = "origin") -> LedgerBranch:
    return open_branch(GitProcess(folder=repo), name, remote=remote, clock=QuickClock())


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """A bare remote and a clone of it."""

    remote: Path
    repo: Path

    def clone(self, name: str, *options: str) -> Path:
        return clone(self.remote, self.repo.parent / name, *options)

    def tip(self) -> str:
        return git(self.remote, "rev-parse", REF)

    def hook(self, script: str, name: str = "pre-receive") -> Path:
        path = self.remote / "hooks" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path


def started(ledger_id: str = "L1") -> Started:
    return Started(at=AT, project="acme", ledger_id=ledger_id)


def declared(name: str = NAME, **changes: Any) -> RevisionDeclared:
    values: dict[str, Any] = {
        "at": AT,
        "fine_tune": name,
        "revision": REVISION,
        "spec": {"seed": 1},
        "train": DatasetRecord(path="train.jsonl", sha256="a" * 64, rows=3),
    }
    return RevisionDeclared(**{**values, **changes})


def intended(intent: str = "i1", **changes: Any) -> Intended:
    values: dict[str, Any] = {
        "at": AT,
        "fine_tune": NAME,
        "revision": REVISION,
        "backend": BACKEND,
        "attempt": 1,
        "intent": intent,
        "owner": "ada",
    }
    return Intended(**{**values, **changes})


def job_recorded(job: str = "ftjob-1", **changes: Any) -> JobRecorded:
    values: dict[str, Any] = {
        "at": AT,
        "fine_tune": NAME,
        "revision": REVISION,
        "backend": BACKEND,
        "attempt": 1,
        "job": job,
        "status": JobStatus.QUEUED,
    }
    return JobRecorded(**{**values, **changes})


def applied(commit: str) -> CommitApplied:
    return CommitApplied(at=AT, commit=commit, owner="ada")


def evaluated(items: int = 2, model: str = "ft:gpt:acme::1") -> Evaluated:
    scores = tuple(ItemScore(f"{index:012x}", 1.0, "b" * 12) for index in range(items))
    return Evaluated(
        at=AT,
        fine_tune=NAME,
        evaluation=EvaluationRecord(
            name="exact",
            digest="d" * 64,
            sent="e" * 64,
            grader="f" * 64,
            model=model,
            backend="openai",
            at=AT,
            items=scores,
        ),
    )


def preferred(items: int = 2) -> Preferred:
    said = tuple(PairItem(f"{index:012x}", 0, "b" * 12, "c" * 12, 1.0, votes=1) for index in range(items))
    return Preferred(
        at=AT,
        fine_tune=NAME,
        preferences=PreferenceRecord(
            name="exact",
            digest="d" * 64,
            candidate="ft:gpt:acme::1",
            backend="openai",
            sent="e" * 64,
            baseline="gpt",
            baseline_backend="openai",
            baseline_sent="e" * 64,
            at=AT,
            items=said,
            annotators=1,
        ),
    )
