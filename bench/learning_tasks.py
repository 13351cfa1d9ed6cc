"""The tasks that learning is measured on, and one training run on each: real rows in, held-out measures out."""

import csv
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftops.server.engines.interface import Checkpoint, Message, Row, Sampling, StepMetrics, TrainingSpec
from ftops.server.engines.linear import LinearEngine

ENGINE = LinearEngine()
HELD_OUT_PAIRS = 84
SYSTEM = {"role": "system", "content": "Sort the customer's message."}


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """Rows to learn from, and rows to measure on, which no training row comes from."""

    method: str
    train: Sequence[Row]
    held_out: Sequence[Row]
    parent: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What a run came to."""

    metrics: Sequence[StepMetrics]
    weights: bytes

    @property
    def last(self) -> StepMetrics:
        """The metrics of the last step, which measures the whole of the held-out rows."""
        return self.metrics[-1]


def data_folder() -> Path:
    """Where the data sets are: they aren't part of the project."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("FTOPS_SHARED_DATA", beside))


def banking77(seed: int, n_rows: int | None = None) -> Task:
    """Messages to a bank, each to be answered with one of 77 labels; all 3,080 held-out ones are measured."""
    train, held_out = (_labelled(data_folder() / "banking77" / f"{part}.csv") for part in ("train", "test"))
    return Task(method="supervised", train=_sample(train, n_rows, seed), held_out=held_out)


def orca(seed: int, n_rows: int | None = None) -> Task:
    """Pairs of replies, of which one is preferred; 84 are held out, others for each seed."""
    lines = (data_folder() / "orca-dpo" / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    rows = _sample([json.loads(line) for line in lines], None, seed)
    return Task(method="dpo", train=rows[HELD_OUT_PAIRS:][:n_rows], held_out=rows[:HELD_OUT_PAIRS])


def rewarded(task: Task, parent: bytes | None = None) -> Task:
    """Makes a labelling task one of reinforcement: the label is there for the grader alone."""
    return Task(method="reinforcement", train=_graded(task.train), held_out=_graded(task.held_out), parent=parent)


def train(task: Task, seed: int, hyperparameters: Mapping[str, float | str]) -> Run:
    """Trains, with the held-out rows for validation."""
    spec = TrainingSpec(
        base="gpt-4o",
        method=task.method,
        train_rows=task.train,
        validation_rows=task.held_out,
        seed=seed,
        hyperparameters=hyperparameters,
        parent=task.parent,
        reward=is_label,
    )
    items = list(ENGINE.train(spec, ENGINE.prepare(spec)))
    weights = next(item.weights for item in reversed(items) if isinstance(item, Checkpoint))
    return Run(metrics=[item for item in items if isinstance(item, StepMetrics)], weights=weights)


def is_label(row: Row, message: Message) -> float:
    """The reward: 1 for the label of the row, 0 for all else."""
    return float(message["content"] == row["label"])


def mean_reward(weights: bytes | None, rows: Sequence[Row]) -> float:
    """Draws an answer for each row, at temperature 1, and gives their mean reward; without weights it is the base model's."""
    model = ENGINE.load("gpt-4o", weights)
    drawn = [model.answer(row["messages"], Sampling(seed=place))[0].message for place, row in enumerate(rows)]
    return sum(map(is_label, rows, drawn)) / len(rows)


def share_shorter(pairs: Sequence[Row]) -> float:
    """How often the shorter reply of a pair is the preferred one: a rule that learns nothing."""

    def length(row: Row, output: str) -> int:
        return len(row[output][-1]["content"])

    return sum(length(row, "preferred_output") < length(row, "non_preferred_output") for row in pairs) / len(pairs)


def _labelled(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            {
                "messages": [
                    SYSTEM,
                    {"role": "user", "content": row["text"]},
                    {"role": "assistant", "content": row["category"]},
                ]
            }
            for row in csv.DictReader(lines)
        ]


def _graded(rows: Sequence[Row]) -> list[Row]:
    return [{"messages": row["messages"][:-1], "label": row["messages"][-1]["content"]} for row in rows]


def _sample(rows: Sequence[Any], count: int | None, seed: int) -> list[Any]:
    return random.Random(seed).sample(rows, len(rows) if count is None else count)
