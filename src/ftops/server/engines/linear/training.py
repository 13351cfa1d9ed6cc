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

MEASUREMENTS = 200
"""A validation batch is measured at about so many steps of a run, and at every step of shorter ones."""

CHUNK = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Sums over targets: loss in nats, targets predicted right, and how many there were."""

    loss: float
    right: float
    count: int

    def __add__(self, other: "Score") -> "Score":
        return Score(loss=self.loss + other.loss, right=self.right + other.right, count=self.count + other.count)

    @property
    def means(self) -> tuple[float, float]:
        """Mean loss and accuracy; zeros where nothing was counted."""
        return self.loss / max(1, self.count), self.right / max(1, self.count)


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

    def learn(self, rows: Indices, step_size: float) -> Score:
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
            step = before + batch + 1
            step_size = schedule.step_size * (1 - (step - 1) / schedule.total_steps)
            # A run that diverges is found by its losses and weights, whichever operation was the first to overflow.
            with np.errstate(over="ignore", invalid="ignore"):
                metrics = _measure(learner, schedule, step, learner.learn(rows, step_size))
            _require_finite(metrics)
            yield metrics
        yield Checkpoint(step=step, epoch=epoch, weights=dump(learner.weights()), metrics=metrics)


def _require_finite(metrics: StepMetrics) -> None:
    losses = (metrics.train_loss, metrics.valid_loss, metrics.full_valid_loss)
    if not all(loss is None or math.isfinite(loss) for loss in losses):
        raise TrainingDiverged(f"the loss of step {metrics.step} is no number any more")


def _measure(learner: Learner, schedule: Schedule, step: int, trained: Score) -> StepMetrics:
    """Gives the metrics of a step, with validation where it is due."""
    train_loss, train_accuracy = trained.means
    valid_loss = valid_accuracy = full_loss = full_accuracy = None
    n, is_last = learner.n_validation_rows, step % schedule.steps_per_epoch == 0
    if n and (is_last or step % max(1, schedule.total_steps // MEASUREMENTS) == 0):
        batch = (np.arange(min(n, schedule.batch_size)) + (step - 1) * schedule.batch_size) % n
        valid_loss, valid_accuracy = learner.validate(batch).means
    if n and is_last:
        chunks = [learner.validate(np.arange(start, min(n, start + CHUNK))) for start in range(0, n, CHUNK)]
        full_loss, full_accuracy = sum(chunks, Score(loss=0.0, right=0.0, count=0)).means
    return StepMetrics(
        step=step,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        valid_loss=valid_loss,
        valid_accuracy=valid_accuracy,
        full_valid_loss=full_loss,
        full_valid_accuracy=full_accuracy,
    )
