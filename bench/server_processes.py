"""The servers that ``bench/server.py`` measures, and data folders for them to begin with.

Owns starting and stopping processes, and filling a folder through the server's own storage, which is a thousand times faster
than training as many jobs.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import psutil

from ftops.server import ids
from ftops.server.settings import DEFAULT_PROJECT
from ftops.server.storage import jobs, models
from ftops.server.storage.database import Database
from ftops.server.storage.jobs import JobStatus, NewJob

BASE_MODEL = "gpt-4.1-mini-2025-04-14"
COMMON, RARE = ("team", "bench"), ("tier", "nightly")
"""Metadata that every job filled in bears, and one in a hundred."""

_RARE_EVERY = 100
_START_SECONDS = 60.0
_TRAINING_SECONDS = 120.0
_INTENTS = ("billing", "delivery", "refund", "password", "opening hours")
_ORGANIZATION = "org-bench"


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A server process that answers at ``url``."""

    url: str
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """What it has used of the processor so far, all threads together."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def resident(self) -> int:
        """Its memory that isn't swapped out, in bytes."""
        return int(self.process.memory_info().rss)

    def sdk(self) -> openai.OpenAI:
        """A client, for what is not measured."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0)


@contextlib.contextmanager
def run_ftops(data_dir: Path, *options: str) -> Iterator[Running]:
    """``ftops serve`` on a data folder, as a user starts it."""
    command = [sys.executable, "-m", "ftops.server", "--port", "0", "--data-dir", str(data_dir), "--org", _ORGANIZATION]
    with _run([*command, *options], data_dir / "server.json") as running:
        yield running


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """What the bare application answers at a path: always the same, or what the model of some weights says."""

    answer: Any
    weights: Path | None


@contextlib.contextmanager
def run_bare(folder: Path, peers: Mapping[str, Peer]) -> Iterator[Running]:
    """The bare Starlette application, with what it answers by paths."""
    given, announcement = folder / "answers.json", folder / "bare.json"
    answers = {
        path: {"answer": peer.answer, "weights": None if peer.weights is None else str(peer.weights)}
        for path, peer in peers.items()
    }
    given.write_text(json.dumps(answers), encoding="utf-8")
    program = Path(__file__).with_name("bare_starlette.py")
    with _run([sys.executable, str(program), str(given), str(announcement)], announcement) as running:
        yield running


def fill_jobs(data_dir: Path, count: int) -> None:
    """Writes jobs that have succeeded into a folder without a server, in one transaction."""
    data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(data_dir / "server.sqlite")
    try:
        with database.write() as connection:
            for number in range(count):
                job = _job(number, is_rare=number % _RARE_EVERY == 0)
                jobs.insert(connection, job)
                jobs.change(
                    connection,
                    job,
                    expect=(JobStatus.VALIDATING,),
                    status=JobStatus.SUCCEEDED,
                    finished_at=job.created_at + 60,
                    resolved={"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 1.8},
                    total_steps=300,
                    last_step=300,
                    trained_tokens=20_000 + number,
                    fine_tuned_model=ids.model_name(
                        base=job.base, organization=_ORGANIZATION, suffix=job.suffix, model_hash=job.model_hash
                    ),
                    result_file=ids.new_file_id(),
                )
    finally:
        database.close()


def train_model(client: openai.OpenAI) -> str:
    """Trains a small classifier of made-up questions; gives its name."""
    rows = [
        {"messages": [*question(intent, number), {"role": "assistant", "content": intent}]}
        for intent in _INTENTS
        for number in range(20)
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = client.files.create(file=("train.jsonl", content), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model=BASE_MODEL, training_file=file.id, suffix="bench", seed=1)
    deadline = time.monotonic() + _TRAINING_SECONDS
    while job.finished_at is None and job.status not in ("failed", "cancelled"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{job.id} is {job.status} after {_TRAINING_SECONDS:g} s")
        time.sleep(0.1)
        job = client.fine_tuning.jobs.retrieve(job.id)
    if job.fine_tuned_model is None:
        raise RuntimeError(f"{job.id} is {job.status}: {job.error}")
    return job.fine_tuned_model


def weights_of(data_dir: Path, model: str) -> Path:
    """Where a server keeps a model's weights."""
    database = Database(data_dir / "server.sqlite")
    try:
        with database.read() as connection:
            row = models.find(connection, model, project=DEFAULT_PROJECT)
    finally:
        database.close()
    if row is None:
        raise LookupError(model)
    return data_dir / "blobs" / row.sha256[:2] / row.sha256


def question(topic: str, number: int) -> list[dict[str, str]]:
    """A prompt as a classifier of intents gets it."""
    return [
        {"role": "system", "content": "Name the intent of the customer's message, and nothing else."},
        {"role": "user", "content": f"Hello, this is order {number:06}: I have a question about my {topic}, please."},
    ]


def _job(number: int, *, is_rare: bool) -> NewJob:
    return NewJob(
        id=ids.new_job_id(),
        project=DEFAULT_PROJECT,
        created_at=1_700_000_000 + number,
        organization_id=_ORGANIZATION,
        model=BASE_MODEL,
        base=BASE_MODEL,
        model_hash=ids.new_model_hash(),
        training_file=ids.new_file_id(),
        training_sha256="0" * 64,
        validation_file=None,
        validation_sha256=None,
        parent_sha256=None,
        suffix="bench",
        seed=number,
        method="supervised",
        given={"n_epochs": 3},
        metadata=dict((COMMON, RARE) if is_rare else (COMMON,)),
        integrations=(),
    )


@contextlib.contextmanager
def _run(command: list[str], announcement: Path) -> Iterator[Running]:
    log = announcement.with_suffix(".log")
    with log.open("wb") as output, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=output) as process:
        try:
            yield Running(url=_url(process, announcement, log), process=psutil.Process(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def _url(process: "subprocess.Popen[bytes]", announcement: Path, log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text(encoding='utf-8')}")
        with contextlib.suppress(OSError, ValueError):  # not there yet, or half written
            return str(json.loads(announcement.read_text(encoding="utf-8"))["url"])
        if time.monotonic() > deadline:
            raise TimeoutError(f"the server has announced nothing within {_START_SECONDS:g} s")
        time.sleep(0.02)
