"""Supervised fine-tuning: a softmax over distinct replies, by stochastic gradient descent on the cross-entropy.

Owns the loss, and which part of the policy learns: the dense one (a weight for every feature and reply), or the nearest
neighbours where there are too many replies. The latter learns how strongly each remembered context speaks for its reply. Its
losses and accuracies are those of that policy, but which neighbour is nearest can't be learnt, so hyperparameters change its
losses more than its answers.
"""

import numpy as np

from ftops.server.engines.interface import TrainingSpec
from ftops.server.engines.linear.matrix import Floats, Indices
from ftops.server.engines.linear.parts import DensePart, NeighbourPart, Part
from ftops.server.engines.linear.sampling import softmax
from ftops.server.engines.linear.schedule import trainable
from ftops.server.engines.linear.targets import (
    UNSEEN,
    TargetRows,
    Targets,
    is_dense,
    starting_weights,
)
from ftops.server.engines.linear.training import Score, Step
from ftops.server.engines.linear.weights import Weights

LEAST_PROBABILITY = 1e-6
"""What any reply is given at least: a validation reply never seen in training costs 13.8 nats, not infinity."""


class SupervisedLearner:
    """Trains the part that the number of distinct replies asks for."""

    def __init__(self, spec: TrainingSpec, parent: Weights) -> None:
        targets = Targets.read(trainable(spec.train_rows, spec.method))
        start = starting_weights(parent, targets)
        self._train = TargetRows.of(targets, start)
        self._validation = TargetRows.of(Targets.read(trainable(spec.validation_rows, spec.method)), start)
        self._part: Part = DensePart(start) if is_dense(parent, targets.replies) else NeighbourPart(start)

    @property
    def n_rows(self) -> int:
        """Rows to train on."""
        return len(self._train.starts) - 1

    @property
    def n_validation_rows(self) -> int:
        """Rows to validate on."""
        return len(self._validation.starts) - 1

    def learn(self, rows: Indices, step: Step) -> Score:
        """Takes a gradient step on the mean cross-entropy of a batch's targets."""
        batch = self._train.take(rows)
        scores, descend = self._part.score(batch.contexts, batch.rows)
        probabilities = softmax(scores)
        score = _sum_up(scores, probabilities, batch.labels)
        probabilities[np.arange(len(batch.labels)), batch.labels] -= 1
        descend(probabilities / np.float32(len(batch.labels)), step.size)
        return score

    def validate(self, rows: Indices) -> Score:
        """Measures validation rows under the weights as they are."""
        batch = self._validation.take(rows)
        scores, _ = self._part.score(batch.contexts, batch.rows)
        return _sum_up(scores, softmax(scores), batch.labels)

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return self._part.weights()

    def restore(self, weights: Weights) -> None:
        """Puts weights of this run back. Raises ValueError where they are another run's."""
        self._part.restore(weights)


def _sum_up(scores: Floats, probabilities: Floats, labels: Indices) -> Score:
    """Gives cross-entropy and hits; an unseen reply is never hit and has the least probability."""
    chosen = np.where(labels == UNSEEN, 0, probabilities[np.arange(len(labels)), labels])
    losses = -np.log(np.maximum(chosen.astype(np.float64), LEAST_PROBABILITY))
    return Score(loss=float(losses.sum()), right=float((scores.argmax(axis=1) == labels).sum()), count=len(labels))
