"""The server without a process: the application called directly, with an engine that does what a test asks for."""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2

from ftops.server.app import Service, open_service
from ftops.server.engines.interface import (
    Accepts,
    Answer,
    Checkpoint,
    Message,
    Model,
    Prepared,
    Sampling,
    StepMetrics,
    Tool,
    TrainingSpec,
)
from ftops.server.settings import Settings

STEPS_PER_EPOCH = 4
ROW: Mapping[str, Any] = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}
PREFERENCE: Mapping[str, Any] = {
    "input": {"messages": [{"role": "user", "content": "hi"}]},
    "preferred_output": [{"role": "assistant", "content": "good"}],
    "non_preferred_output": [{"role": "assistant", "content": "bad"}],
}


def jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@dataclass
class ScriptedEngine:
    """Weights are a hash over the steps so far; before each step it calls ``before_step``."""

    before_step: Callable[[int], None] = lambda step: None
    reply: Message = field(default_factory=lambda: {"role": "assistant", "content": "one two three four five"})
    asked: list[tuple[Sequence[Message], Sampling]] = field(default_factory=list)
    specs: list[TrainingSpec] = field(default_factory=list)
    resumed_from: list[int | None] = field(default_factory=list)
    resolve_error: Exception | None = None

    @property
    def name(self) -> str:
        return "scripted"

    @property
    def methods(self) -> frozenset[str]:
        return frozenset({"supervised", "dpo", "reinforcement"})

    def prepare(self, spec: TrainingSpec) -> Prepared:
        if self.resolve_error is not None:
            raise self.resolve_error
        epochs = int(spec.hyperparameters.get("n_epochs", 3))
        known = {"n_epochs": float(epochs), "batch_size": 2.0, "learning_rate_multiplier": 0.5}
        return Prepared(
            hyperparameters={**known, **spec.hyperparameters},
            n_epochs=epochs,
            total_steps=epochs * STEPS_PER_EPOCH,
            trained_tokens=100 * epochs,
        )

    def estimate(self, spec: TrainingSpec, prepared: Prepared) -> float:
        return float(prepared.total_steps)

    def train(
        self, spec: TrainingSpec, prepared: Prepared, resume: Checkpoint | None = None
    ) -> Iterator[StepMetrics | Checkpoint]:
        self.specs.append(spec)
        self.resumed_from.append(None if resume is None else resume.step)
        weights = b"" if resume is None else resume.weights
        for step in range(1 if resume is None else resume.step + 1, prepared.total_steps + 1):
            self.before_step(step)
            weights = hashlib.sha256(weights + bytes([step % 256]) + (spec.parent or b"")).digest()
            ends_epoch = step % STEPS_PER_EPOCH == 0
            metrics = StepMetrics(
                step=step,
                train_loss=1 / step,
                train_accuracy=1.0,
                valid_loss=0.25 if spec.validation_rows else None,
                valid_accuracy=0.5 if spec.validation_rows else None,
                full_valid_loss=0.125 if spec.validation_rows and ends_epoch else None,
                full_valid_accuracy=0.75 if spec.validation_rows and ends_epoch else None,
                train_reward=self.reward(spec, spec.train_rows),
                full_valid_reward=self.reward(spec, spec.validation_rows) if ends_epoch else None,
            )
            yield metrics
            if ends_epoch:
                yield Checkpoint(step=step, epoch=step // STEPS_PER_EPOCH, weights=weights, metrics=metrics)

    def reward(self, spec: TrainingSpec, rows: Sequence[Mapping[str, Any]]) -> float | None:
        """The mean reward of the one reply it knows."""
        if spec.reward is None:
            return None
        return sum(spec.reward(row, self.reply) for row in rows) / len(rows)

    def load(self, base: str, weights: bytes | None) -> Model:
        return _ScriptedModel(self)


@dataclass
class _ScriptedModel:
    engine: ScriptedEngine

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        self.engine.asked.append((messages, sampling))
        if accepts is not None and not accepts(self.engine.reply):
            return ()
        return (Answer(message=self.engine.reply),) * sampling.n


class Server:
    """An open service and ways to ask it. ``close`` ends it as SIGTERM would."""

    def __init__(self, data_dir: Path, engine: ScriptedEngine | None = None, **settings: Any) -> None:
        data_dir.mkdir(exist_ok=True)
        self.engine = engine or ScriptedEngine()
        self.settings = replace(Settings(data_dir=data_dir, workers=1), **settings)
        self.service: Service = open_service(self.settings, self.engine)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()

    def ask(self, method: str, path: str, *, host: str = "127.0.0.1:8400", **options: Any) -> httpx2.Response:
        async def ask() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.service.app, raise_app_exceptions=True)
            async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path: str, **options: Any) -> Any:
        response = self.ask("GET", path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def upload(self, content: bytes, *, purpose: str = "fine-tune", name: str = "rows.jsonl") -> str:
        response = self.ask("POST", "/v1/files", files={"file": (name, content)}, data={"purpose": purpose})
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    def create_job(self, rows: Sequence[Mapping[str, Any]] = (ROW,) * 10, **body: Any) -> str:
        given = {"model": "gpt-4o-mini-2024-07-18", **body}
        if "training_file" not in given:
            given["training_file"] = self.upload(jsonl(rows))
        response = self.ask("POST", "/v1/fine_tuning/jobs", json=given)
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    def job(self, job_id: str) -> Any:
        return self.get(f"/v1/fine_tuning/jobs/{job_id}")

    def wait(self, job_id: str, *statuses: str) -> Any:
        expected = statuses or ("succeeded", "failed", "cancelled")
        deadline = time.monotonic() + 30
        while (job := self.job(job_id))["status"] not in expected:
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    def messages(self, job_id: str) -> list[str]:
        """The texts of a job's events, oldest first."""
        page = self.get(f"/v1/fine_tuning/jobs/{job_id}/events?limit=100")
        return [event["message"] for event in reversed(page["data"])]


def wait_for_batch(server: Server, batch_id: str) -> Any:
    """A batch once it has ended."""
    deadline = time.monotonic() + 30
    while (batch := server.get(f"/v1/batches/{batch_id}"))["status"] not in (
        "completed",
        "failed",
        "expired",
        "cancelled",
    ):
        assert time.monotonic() < deadline, batch
        time.sleep(0.01)
    return batch


class Pause:
    """For ``before_step``: training stops before one step until it is let on."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.reached = threading.Event()
        self._may_go_on = threading.Event()

    def __call__(self, step: int) -> None:
        if step == self._at:
            self.reached.set()
            assert self._may_go_on.wait(30)

    def let_on(self) -> None:
        self._may_go_on.set()
