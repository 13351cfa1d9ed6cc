"""A project with a past, for ``bench/plan.py``: manifests, data, a ledger at a bare remote, and a server that has every job.

Owns making it. Each fine-tune has data of its own, a gated evaluation, an alias, and a number of finished jobs: as many
revisions, each trained once and promoted in its day. The ledger is written through ftops' own events, and the
server's jobs through its own storage, as training them would take days.
"""

import json
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ftops.adapters.clock import SystemClock
from ftops.adapters.git_ledger import GitLedger
from ftops.bootstrap import load_desired
from ftops.bootstrap_place import find_place
from ftops.domain.attempts import Closed, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    BackendSeen,
    CommitApplied,
    Evaluated,
    FileUploaded,
    GatesPassed,
    Intended,
    IntentClosed,
    JobObserved,
    JobRecorded,
    RevisionDeclared,
    Started,
)
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.plan import Reason
from ftops.domain.records import DatasetRecord, FileRecord, Target
from ftops.domain.revision import revision_of
from ftops.domain.scores import EvaluationRecord, ItemScore
from ftops.evaluation.identity import grader_digest, row_digest, sent_digest, short_digest
from ftops.server import ids
from ftops.server.settings import DEFAULT_PROJECT
from ftops.server.storage import jobs, models
from ftops.server.storage.database import Database
from ftops.server.storage.jobs import JobStatus as ServerStatus
from ftops.server.storage.jobs import NewJob

PROJECT = "bench"
BACKEND = BackendName("lab")
KEY_VARIABLE = "FTOPS_BENCH_KEY"
ORGANIZATION = "org-bench"
BASE_MODEL = "gpt-4.1-mini-2025-04-14"
TRAINING_ROWS, EVALUATION_ROWS = 20, 20

_LABELS = {
    "refund": "I want my money back for order number",
    "card": "my bank card was swallowed by the machine near street",
    "login": "the password reset link fails on account",
}
_GRADER = '{type: string_check, operation: eq, input: "{{sample.output_text}}", reference: "{{reference}}"}'
_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_WRITTEN_TOGETHER = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchProject:
    """Where it lies: the clone, and the server's data folder. ``jobs`` is how many finished ones ledger and server have."""

    root: Path
    data_dir: Path
    fine_tunes: int
    jobs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trained:
    """A revision of a fine-tune with the job and the model that it came to."""

    declared: Declared
    job: str
    model: str
    intent: str
    at: datetime


def make_project(folder: Path, *, base_url: str, fine_tunes: int, jobs_each: int, scored_each: int = 1) -> BenchProject:
    """Makes all of it below ``folder``; ``base_url`` is where the server will be found.

    Of each fine-tune the newest ``scored_each`` revisions have their scores in the ledger, item by item.
    """
    root, data_dir = folder / "clone", folder / "data"
    root.mkdir()
    _git(root, "init", "-q", "-b", "main")
    _write_files(root, base_url, fine_tunes)
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "Declare")
    _git(folder, "init", "-q", "--bare", "-b", "main", "remote.git")
    _git(root, "remote", "add", "origin", str(folder / "remote.git"))
    _git(root, "push", "-q", "-u", "origin", "main")
    place = find_place(root)
    desired = load_desired(place, backend=None)
    ledger_id = secrets.token_hex(8)
    past = [tuple(_past(declared, jobs_each)) for declared in desired.fine_tunes]
    _fill_server(data_dir, ledger_id, [trained for one in past for trained in one])
    clock = SystemClock(threading.Event())
    ledger = GitLedger(
        place.top, project=PROJECT, branch="ftops-ledger", remote="origin", ftops_dir=place.ftops_dir, clock=clock
    )
    ledger.record(_first_events(ledger_id, base_url, desired.commit))
    for start in range(0, len(past), _WRITTEN_TOGETHER):
        some = past[start : start + _WRITTEN_TOGETHER]
        ledger.record(
            [event for one in some for trained in one for event in _events(root, trained, one, scored=scored_each)]
        )
    return BenchProject(root=root, data_dir=data_dir, fine_tunes=fine_tunes, jobs=fine_tunes * jobs_each)


def environment(**more: str) -> dict[str, str]:
    """The environment that ftops is run in: nothing of the caller's own settings, and the bench's key.

    Bytecode is written by the first run, as installing a package does: no command compiles its sources every time.
    """
    foreign = ("OPENAI_", "FTOPS_", "GIT_", "CI", "GITHUB_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, KEY_VARIABLE: "sk-bench", "NO_COLOR": "1", **more}


def _write_files(root: Path, base_url: str, fine_tunes: int) -> None:
    data = root / "finetunes/data"
    data.mkdir(parents=True)
    (root / ".gitignore").write_text(".ftops/\n", encoding="utf-8")
    backend = f"{{type: openai, base_url: '{base_url}', api_key_env: {KEY_VARIABLE}, settle_seconds: 3}}"
    (root / "ftops.yaml").write_text(
        f"apiVersion: ftops/v1\nkind: Project\nmetadata: {{name: {PROJECT}}}\n"
        f"spec:\n  backend: {BACKEND}\n  backends:\n    {BACKEND}: {backend}\n",
        encoding="utf-8",
    )
    for number in range(fine_tunes):
        name = f"ft-{number:04}"
        (data / f"{name}.train.jsonl").write_text(_rows(number, 0, TRAINING_ROWS), encoding="utf-8")
        (data / f"{name}.test.jsonl").write_text(_rows(number, TRAINING_ROWS, EVALUATION_ROWS), encoding="utf-8")
        (root / f"finetunes/{name}.yaml").write_text(_manifest(name, number), encoding="utf-8")


def _rows(fine_tune: int, first: int, count: int) -> str:
    lines = []
    for number in range(first, first + count):
        label, words = list(_LABELS.items())[number % len(_LABELS)]
        turns = [
            {"role": "system", "content": "Name the intent of the customer's message, and nothing else."},
            {"role": "user", "content": f"{words} {fine_tune * 1000 + number}"},
            {"role": "assistant", "content": label},
        ]
        lines.append(json.dumps({"messages": turns}) + "\n")
    return "".join(lines)


def _manifest(name: str, number: int) -> str:
    return f"""\
# yaml-language-server: $schema=../schemas/finetune.v1.json
apiVersion: ftops/v1
kind: FineTune
metadata:
  name: {name}
  description: Routes a support message of team {number} to one of {len(_LABELS)} intents
  labels: {{team: team-{number % 20}}}
spec:
  base_model: {BASE_MODEL}
  method: {{type: supervised, hyperparameters: {{n_epochs: 3, batch_size: auto}}}}
  seed: {number}
  dataset:
    train: data/{name}.train.jsonl
  evals:
    - name: intent
      dataset: data/{name}.test.jsonl
      grader: {_GRADER}
      sampling: {{temperature: 0, max_completion_tokens: 64}}
      gate:
        - {{min: 0.60, confidence: 0.95}}
  aliases:
    production: latest
  policy: {{retries: 1, min_days_to_shutdown: 30}}
"""


def _past(declared: Declared, count: int) -> Iterator[_Trained]:
    """The revisions that were trained, oldest first: earlier ones had other seeds, the last one is what is declared now."""
    for number in range(count):
        seed = (declared.fine_tune.seed or 0) + 1_000_000 * (count - 1 - number)
        fine_tune = replace(declared.fine_tune, seed=seed, spec={**declared.fine_tune.spec, "seed": seed})
        revision = revision_of(
            base_model=fine_tune.base_model,
            method=fine_tune.method,
            seed=seed,
            train_sha256=declared.train.sha256,
            validation_sha256=None,
        )
        yield _Trained(
            declared=replace(declared, fine_tune=fine_tune, revision=revision),
            job=ids.new_job_id(),
            model=ids.model_name(
                base=BASE_MODEL, organization=ORGANIZATION, suffix=declared.name, model_hash=ids.new_model_hash()
            ),
            intent=secrets.token_hex(8),
            at=_BEGAN + timedelta(days=20 * number),
        )


def _fill_server(data_dir: Path, ledger_id: str, past: Sequence[_Trained]) -> None:
    data_dir.mkdir(parents=True)
    database = Database(data_dir / "server.sqlite")
    try:
        with database.write() as connection:
            for trained in sorted(past, key=lambda one: one.at):
                job = _server_job(trained, ledger_id)
                jobs.insert(connection, job)
                jobs.change(
                    connection,
                    job,
                    expect=(ServerStatus.VALIDATING,),
                    status=ServerStatus.SUCCEEDED,
                    finished_at=job.created_at + 60,
                    resolved={"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8},
                    total_steps=60,
                    last_step=60,
                    trained_tokens=3 * trained.declared.train.tokens,
                    fine_tuned_model=trained.model,
                    result_file=ids.new_file_id(),
                )
                row = models.ModelRow(
                    name=trained.model,
                    project=DEFAULT_PROJECT,
                    created_at=job.created_at + 60,
                    base=BASE_MODEL,
                    owner=ORGANIZATION,
                    job=trained.job,
                    sha256="0" * 64,
                )
                models.insert(connection, row)
    finally:
        database.close()


def _server_job(trained: _Trained, ledger_id: str) -> NewJob:
    declared = trained.declared
    return NewJob(
        id=trained.job,
        project=DEFAULT_PROJECT,
        created_at=int(trained.at.timestamp()),
        organization_id=ORGANIZATION,
        model=BASE_MODEL,
        base=BASE_MODEL,
        model_hash=trained.model.rpartition(":")[2],
        training_file=ids.new_file_id(),
        training_sha256=declared.train.sha256,
        validation_file=None,
        validation_sha256=None,
        parent_sha256=None,
        suffix=declared.name,
        seed=declared.fine_tune.seed or 0,
        method="supervised",
        given={"n_epochs": 3},
        metadata={
            "ftops_project": PROJECT,
            "ftops_ledger": ledger_id,
            "ftops_name": declared.name,
            "ftops_revision": declared.revision,
            "ftops_intent": trained.intent,
            "ftops_attempt": "1",
        },
        integrations=(),
    )


def _first_events(ledger_id: str, base_url: str, commit: str | None) -> list[AnyEvent]:
    return [
        Started(at=_BEGAN, project=PROJECT, ledger_id=ledger_id),
        BackendSeen(at=_BEGAN, backend=BACKEND, base_url=base_url, organization=ORGANIZATION),
        CommitApplied(at=_BEGAN, commit=commit, owner="bench/1/1"),
    ]


def _events(root: Path, trained: _Trained, past: Sequence[_Trained], *, scored: int) -> Iterator[AnyEvent]:
    """What became of one revision, from its declaration to its alias."""
    declared, at = trained.declared, trained.at
    name, revision = declared.name, declared.revision
    train = declared.train
    file = FileRecord(
        id=ids.new_file_id(), name=f"{PROJECT}-{train.sha256[:12]}.jsonl", size=train.size, uploaded_at=at
    )
    if trained is past[0]:
        yield FileUploaded(at=at, backend=BACKEND, sha256=train.sha256, file=file)
    yield RevisionDeclared(
        at=at,
        fine_tune=name,
        revision=revision,
        spec=dict(declared.fine_tune.spec),
        train=DatasetRecord(path=train.path, sha256=train.sha256, rows=train.rows, tokens=train.tokens),
        commit="0" * 40,
    )
    yield from _training(trained, name, revision)
    model = trained.model
    if trained in past[-scored:]:
        yield Evaluated(at=at, fine_tune=name, evaluation=_evaluation(root, trained))
    yield GatesPassed(at=at, fine_tune=name, revision=revision, backend=BACKEND, model=model)
    before = past[past.index(trained) - 1] if trained is not past[0] else None
    yield AliasMoved(
        at=at,
        fine_tune=name,
        alias=AliasName("production"),
        target=_target(trained),
        was=_target(before) if before else None,
        reason=Reason.GATES_PASSED,
        commit="0" * 40,
    )


def _training(trained: _Trained, name: FineTuneName, revision: Revision) -> Iterator[AnyEvent]:
    of = {"fine_tune": name, "revision": revision, "backend": BACKEND, "attempt": 1}
    at, intent = trained.at, trained.intent
    yield Intended(at=at, intent=intent, owner="bench/1/1", **of)  # type: ignore[arg-type]
    yield IntentClosed(at=at, intent=intent, closed=Closed.JOB, **of)  # type: ignore[arg-type]
    yield JobRecorded(at=at, job=trained.job, status=JobStatus.QUEUED, intent=intent, created_at=at, **of)  # type: ignore[arg-type]
    yield JobObserved(
        at=at,
        job=trained.job,
        status=JobStatus.SUCCEEDED,
        model=trained.model,
        trained_tokens=3 * trained.declared.train.tokens,
        finished_at=at + timedelta(seconds=60),
        **of,  # type: ignore[arg-type]
    )


def _evaluation(root: Path, trained: _Trained) -> EvaluationRecord:
    """Every row scored, one of twenty wrong."""
    (one,) = trained.declared.evals
    rows = (root / one.dataset.path).read_text(encoding="utf-8").splitlines()
    items = tuple(
        ItemScore(
            row=row_digest(json.loads(row)),
            score=0.0 if number == 7 else 1.0,
            output=short_digest({"text": str(number), "tool_calls": []}),
        )
        for number, row in enumerate(rows)
    )
    return EvaluationRecord(
        name=one.spec.name,
        digest=one.digest,
        sent=sent_digest(one.spec),
        grader=grader_digest(one.spec.grader),
        model=trained.model,
        backend=BACKEND,
        revision=trained.declared.revision,
        at=trained.at,
        items=items,
        input_tokens=one.dataset.tokens,
        output_tokens=len(rows),
        seconds=4.0,
    )


def _target(trained: _Trained) -> Target:
    return Target(backend=BACKEND, revision=trained.declared.revision, model=trained.model)


def _git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True, env=environment())
