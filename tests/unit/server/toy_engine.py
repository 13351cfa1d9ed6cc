"""A second engine, to see that the server needs no change for one: learns replies by heart, and writes word by word."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
    UnknownBase,
)

Knowledge = Mapping[str, Mapping[str, int]]
"""For each question its replies, and how often each was shown."""


@dataclass
class ToyEngine:
    """Stands for base models called ``toy-`` something. ``loaded`` and ``resumed_from`` tell what was asked of it."""

    before_step: Callable[[int], None] = lambda step: None
    loaded: list[tuple[str, bool]] = field(default_factory=list)
    resumed_from: list[int | None] = field(default_factory=list)
    words_written: int = 0
    heeds_stops: bool = True

    @property
    def name(self) -> str:
        return "toy"

    @property
    def methods(self) -> frozenset[str]:
        return frozenset({"supervised"})

    def prepare(self, spec: TrainingSpec) -> Prepared:
        _require(spec.base)
        epochs = int(spec.hyperparameters.get("n_epochs", 2))
        return Prepared(
            hyperparameters={"batch_size": 1, "learning_rate_multiplier": 1.0, "n_epochs": epochs},
            n_epochs=epochs,
            total_steps=epochs * len(spec.train_rows),
            trained_tokens=epochs * sum(len(row["messages"][-1]["content"].split()) for row in spec.train_rows),
        )

    def estimate(self, spec: TrainingSpec, prepared: Prepared) -> float:
        return 3600.0

    def train(
        self, spec: TrainingSpec, prepared: Prepared, resume: Checkpoint | None = None
    ) -> Iterator[StepMetrics | Checkpoint]:
        self.resumed_from.append(None if resume is None else resume.step)
        rows, first = spec.train_rows, 1 if resume is None else resume.step + 1
        known: dict[str, dict[str, int]] = json.loads(spec.parent or b"{}" if resume is None else resume.weights)
        for step in range(first, prepared.total_steps + 1):
            self.before_step(step)
            *_, question, reply = rows[(step - 1) % len(rows)]["messages"]
            counts = known.setdefault(question["content"], {})
            counts[reply["content"]] = counts.get(reply["content"], 0) + 1
            metrics = StepMetrics(step=step, train_loss=1 / step)
            yield metrics
            if step % len(rows) == 0:
                weights = json.dumps(known, sort_keys=True).encode()
                yield Checkpoint(step=step, epoch=step // len(rows), weights=weights, metrics=metrics)

    def load(self, base: str, weights: bytes | None) -> Model:
        _require(base)
        self.loaded.append((base, weights is not None))
        return ToyModel(self, base, json.loads(weights or b"{}"))


@dataclass
class ToyModel:
    """Says the reply that it was shown most often; of other questions, that its base model knows nothing of them."""

    engine: ToyEngine
    base: str
    known: Knowledge

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        counts = self.known.get(str(messages[-1]["content"]))
        if counts is None and tools:
            call = {"id": "call", "type": "function", "function": {"name": _first_name(tools), "arguments": "{}"}}
            answer = Answer(message={"role": "assistant", "content": None, "tool_calls": [call]})
        else:
            text = (
                f"{self.base} knows nothing of that" if counts is None else max(counts, key=lambda each: counts[each])
            )
            answer = self._write(text, sampling)
        return (answer,) * sampling.n if accepts is None or answer.is_cut or accepts(answer.message) else ()

    def _write(self, text: str, sampling: Sampling) -> Answer:
        """Goes no further than anybody reads. A word is at least a token."""
        written = ""
        for place, word in enumerate(text.split()):
            if place == sampling.max_tokens:
                return Answer(message={"role": "assistant", "content": written}, is_cut=True)
            written = f"{written} {word}" if written else word
            self.engine.words_written += 1
            if self.engine.heeds_stops and any(stop in written for stop in sampling.stops):
                break
        return Answer(message={"role": "assistant", "content": written})


def _require(base: str) -> None:
    if not base.startswith("toy-"):
        raise UnknownBase(base)


def _first_name(tools: Sequence[Tool]) -> str:
    return str(tools[0]["function"]["name"])
