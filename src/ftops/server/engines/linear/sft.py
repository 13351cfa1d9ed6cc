"""Supervised fine-tuning: a softmax over distinct replies, by stochastic gradient descent on the cross-entropy.

Owns the two learners: dense (a weight for every feature and reply), and nearest neighbour where there are too many replies.
The latter learns how strongly each remembered context speaks for its reply. Its losses and accuracies are those of that
policy, but which neighbour is nearest can't be learnt, so hyperparameters change its losses more than its answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ftops.server.engines.interface import TrainingSpec
from ftops.server.engines.linear.matrix import Batch, Floats, Indices
from ftops.server.engines.linear.memory import Memory, Neighbours
from ftops.server.engines.linear.policy import Policy
from ftops.server.engines.linear.schedule import trainable
from ftops.server.engines.linear.targets import (
    UNSEEN,
    TargetRows,
    Targets,
    is_dense,
    starting_weights,
)
from ftops.server.engines.linear.training import Score
from ftops.server.engines.linear.weights import Weights

LEAST_PROBABILITY = 1e-6
"""What any reply is given at least: a validation reply never seen in training costs 13.8 nats, not infinity."""

Descend = Callable[[Floats, float], None]


def supervised_learner(spec: TrainingSpec, parent: Weights) -> "SupervisedLearner":
    """Gives the learner that the number of distinct replies asks for."""
    targets = Targets.read(trainable(spec.train_rows))
    start = starting_weights(parent, targets)
    train = TargetRows.of(targets, start)
    validation = TargetRows.of(Targets.read(trainable(spec.validation_rows)), start)
    kind = DenseLearner if is_dense(parent, targets) else NeighbourLearner
    return kind(start, train, validation)


class SupervisedLearner(ABC):
    """What both learners share: scoring batches. Parts of the policy that aren't trained still count in every score."""

    def __init__(self, start: Weights, fixed: Weights, train: TargetRows, validation: TargetRows) -> None:
        self._start = start
        self._fixed = Policy(fixed)
        self._train = train
        self._validation = validation

    @property
    def n_rows(self) -> int:
        """Rows to train on."""
        return len(self._train.starts) - 1

    @property
    def n_validation_rows(self) -> int:
        """Rows to validate on."""
        return len(self._validation.starts) - 1

    def learn(self, rows: Indices, step_size: float) -> Score:
        """Takes a gradient step on the mean cross-entropy of a batch's targets."""
        batch = self._train.take(rows)
        scores, descend = self._score(batch)
        probabilities = _softmax(scores)
        score = _sum_up(scores, probabilities, batch.labels)
        probabilities[np.arange(len(batch.labels)), batch.labels] -= 1
        descend(probabilities / np.float32(len(batch.labels)), step_size)
        return score

    def validate(self, rows: Indices) -> Score:
        """Measures validation rows under the weights as they are."""
        batch = self._validation.take(rows)
        scores, _ = self._score(batch)
        return _sum_up(scores, _softmax(scores), batch.labels)

    def _score(self, batch: TargetRows) -> tuple[Floats, Descend]:
        """Gives the scores of the whole policy, and the step to take on them."""
        scores, descend = self._forward(batch)
        if not self._fixed.is_constant:
            scores = scores + self._fixed.scores(batch.contexts, batch.rows)
        return scores, descend

    @abstractmethod
    def weights(self) -> Weights:
        """Gives the weights as they are."""

    @abstractmethod
    def restore(self, weights: Weights) -> None:
        """Puts weights of this run back. Raises ValueError where they are another run's."""

    @abstractmethod
    def _forward(self, batch: TargetRows) -> tuple[Floats, Descend]:
        """Gives the trained part's scores, and what takes a step, given their gradient and its size."""


class DenseLearner(SupervisedLearner):
    """Trains a weight for every feature and reply."""

    def __init__(self, start: Weights, train: TargetRows, validation: TargetRows) -> None:
        super().__init__(start, replace(start, dense=start.dense[:, :0]), train, validation)
        self._dense = start.dense.copy()

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return replace(self._start, dense=self._dense)

    def restore(self, weights: Weights) -> None:
        """Puts the dense layer back."""
        if weights.replies != self._start.replies or weights.dense.shape != self._dense.shape:
            raise ValueError("the checkpoint belongs to another run")
        self._dense = weights.dense.copy()

    def _forward(self, batch: TargetRows) -> tuple[Floats, Descend]:
        compact = Batch.of(batch.rows)

        def descend(gradient: Floats, step_size: float) -> None:
            compact.descend(self._dense, gradient, step_size)

        return compact.times(self._dense), descend


class NeighbourLearner(SupervisedLearner):
    """Trains how strongly each remembered context speaks for its reply."""

    def __init__(self, start: Weights, train: TargetRows, validation: TargetRows) -> None:
        super().__init__(start, replace(start, memory=Memory.empty()), train, validation)
        self._neighbours = Neighbours(start.memory, len(start.vocabulary.hashes))
        self._strengths = start.memory.strengths.copy()

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return replace(self._start, memory=replace(self._start.memory, strengths=self._strengths))

    def restore(self, weights: Weights) -> None:
        """Puts the strengths back."""
        if weights.replies != self._start.replies or weights.memory.strengths.shape != self._strengths.shape:
            raise ValueError("the checkpoint belongs to another run")
        self._strengths = weights.memory.strengths.copy()

    def _forward(self, batch: TargetRows) -> tuple[Floats, Descend]:
        similar = self._neighbours.similarities(batch.rows)

        def descend(gradient: Floats, step_size: float) -> None:
            self._strengths -= np.float32(step_size) * self._neighbours.gradient(similar, gradient)

        return self._neighbours.scores(similar, self._strengths, len(self._start.replies)), descend


def _softmax(scores: Floats) -> Floats:
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Floats = odds / odds.sum(axis=1, keepdims=True)
    return probabilities


def _sum_up(scores: Floats, probabilities: Floats, labels: Indices) -> Score:
    """Gives cross-entropy and hits; an unseen reply is never hit and has the least probability."""
    chosen = np.where(labels == UNSEEN, 0, probabilities[np.arange(len(labels)), labels])
    losses = -np.log(np.maximum(chosen.astype(np.float64), LEAST_PROBABILITY))
    return Score(loss=float(losses.sum()), right=float((scores.argmax(axis=1) == labels).sum()), count=len(labels))
