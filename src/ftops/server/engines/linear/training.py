"""The loop that all methods share: epochs, shuffled batches, metrics, checkpoints.

Owns the order of rows and what is measured when. How a batch is learnt is the learner's.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ftops.server.engines.interface import Checkpoint, StepMetrics, TrainingDiverged
from ftops.server.engines.linear.matrix import Indices
from ftops.server.engines.linear.schedule import Schedule
from ftops.server.engines.linear.weights import Weights, dump, parse

CHUNK = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of a run: its number, from 1 over all epochs, and how far it goes."""

    number: int
    size: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Sums over ``count`` targets or answers: loss in nats, predictions that are right, rewards; None is not measured."""

    count: int
    loss: float | None = None
    right: float | None = None
    reward: float | None = None

    def __add__(self, other: "Score") -> "Score":
        return Score(
            count=self.count + other.count,
            loss=_sum(self.loss, other.loss),
            right=_sum(self.right, other.right),
            reward=_sum(self.reward, other.reward),
        )

    def mean(self, total: float | None) -> float | None:
        """Gives the mean of one of the sums; 0 where nothing was counted."""
        return None if total is None else total / max(1, self.count)


class Learner(Protocol):
    """Holds the data and the weights of a run."""

    @property
    def n_rows(self) -> int:
        """Rows to train on."""
        ...

    @property
    def n_validation_rows(self) -> int:
        """Rows to validate on, perhaps none."""
        ...

    def learn(self, rows: Indices, step: Step) -> Score:
        """Takes one step on a batch and gives the score of its forward pass, that is before the step."""
        ...

    def validate(self, rows: Indices) -> Score:
        """Measures validation rows."""
        ...

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        ...

    def restore(self, weights: Weights) -> None:
        """Puts weights of this very run back. Raises ValueError where they are another run's."""
        ...


def run(learner: Learner, schedule: Schedule, resume: Checkpoint | None) -> Iterator[StepMetrics | Checkpoint]:
    """Trains to the end, from the beginning or from the end of an epoch.

    The step falls linearly, and the order of rows depends on seed and epoch alone: nothing but the weights has to be kept for
    a run to go on as if never interrupted. Raises TrainingDiverged as soon as a loss isn't finite, and at an epoch's end where
    the weights aren't.
    """
    if resume is not None:
        learner.restore(parse(resume.weights))
    done = resume.epoch if resume is not None else 0
    for epoch in range(done + 1, schedule.n_epochs + 1):
        order = np.random.default_rng([schedule.seed & (1 << 64) - 1, epoch]).permutation(schedule.n_rows)
        before = (epoch - 1) * schedule.steps_per_epoch
        for batch in range(schedule.steps_per_epoch):
            rows = order[batch * schedule.batch_size : (batch + 1) * schedule.batch_size]
            number = before + batch + 1
            step = Step(number=number, size=schedule.step_size * (1 - (number - 1) / schedule.total_steps))
            # A run that diverges is found by its losses and weights, whichever operation was the first to overflow.
            with np.errstate(over="ignore", invalid="ignore"):
                metrics = _measure(learner, schedule, number, learner.learn(rows, step))
            _require_finite(metrics)
            yield metrics
        yield Checkpoint(step=number, epoch=epoch, weights=dump(learner.weights()), metrics=metrics)


def _require_finite(metrics: StepMetrics) -> None:
    losses = (metrics.train_loss, metrics.valid_loss, metrics.full_valid_loss)
    if not all(loss is None or math.isfinite(loss) for loss in losses):
        raise TrainingDiverged(f"the loss of step {metrics.step} is no number any more")


def _measure(learner: Learner, schedule: Schedule, step: int, trained: Score) -> StepMetrics:
    """Gives the metrics of a step, with validation where it is due."""
    n = learner.n_validation_rows
    valid = full = Score(count=0)
    if n and schedule.is_batch_due(step):
        valid = learner.validate((np.arange(min(n, schedule.batch_size)) + (step - 1) * schedule.batch_size) % n)
    if n and schedule.is_full_due(step):
        first, *others = (learner.validate(np.arange(start, min(n, start + CHUNK))) for start in range(0, n, CHUNK))
        full = sum(others, first)
    return StepMetrics(
        step=step,
        train_loss=trained.mean(trained.loss) or 0.0,
        train_accuracy=trained.mean(trained.right),
        train_reward=trained.mean(trained.reward),
        valid_loss=valid.mean(valid.loss),
        valid_accuracy=valid.mean(valid.right),
        full_valid_loss=full.mean(full.loss),
        full_valid_accuracy=full.mean(full.right),
        full_valid_reward=full.mean(full.reward),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
