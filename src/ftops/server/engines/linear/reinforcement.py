"""Reinforcement: draws replies, asks the grader for their rewards, and makes the better ones likelier.

Owns the gradient, REINFORCE (Williams, 1992): the mean of -advantage · ∇ ln π(reply). The advantage compares a reply with the
others drawn for the same row, as GRPO does (Shao et al., 2024): reward less their mean, divided by their standard deviation.
From it goes ``KL_WEIGHT`` times how much likelier, in nats, the reply has become than it was under the parent, which bounds
how far the policy strays; without a parent that is where all replies are as likely, and the bound keeps it trying.
Draws are on-policy, one step for each: there is no ratio to clip.
"""

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.interface import NothingToLearn, Prepared, TrainingSpec
from ftops.server.engines.linear.candidates import candidate_replies
from ftops.server.engines.linear.conversation import ReplyKey, read_context
from ftops.server.engines.linear.features import featurise
from ftops.server.engines.linear.matrix import Floats, Indices
from ftops.server.engines.linear.parts import DensePart, Part, PreferencePart
from ftops.server.engines.linear.policy import Policy
from ftops.server.engines.linear.prompts import Prompts
from ftops.server.engines.linear.sampling import SEED_MASK, softmax
from ftops.server.engines.linear.schedule import samples_of
from ftops.server.engines.linear.targets import grow, is_dense
from ftops.server.engines.linear.training import Score, Step
from ftops.server.engines.linear.weights import Weights

KL_WEIGHT = 0.2
"""In units of the advantage. Of 0 to 0.5 the best for a fifth of Banking77's training file, learnt from the rest: with less,
77 labels are not tried enough; with more, answers stay vague."""

LEAST_DEVIATION = 1e-4
"""Added to the standard deviation of rewards: equal rewards must not be blown up by the rounding of their mean."""

LEAST_PROBABILITY = 1e-30


def known_replies(spec: TrainingSpec, parent: Weights) -> tuple[ReplyKey, ...]:
    """Gives the replies that may be drawn: the parent's, then those that the rows suggest.

    Raises NothingToLearn where there are fewer than two.
    """
    replies = tuple(dict.fromkeys((*parent.replies, *sorted(candidate_replies(spec.train_rows)))))
    if len(replies) < 2:
        raise NothingToLearn(
            "there are no replies to choose from: the model knows fewer than two, and the rows have no further fields "
            "with short values"
        )
    return replies


def starting_weights(spec: TrainingSpec, parent: Weights) -> Weights:
    """Gives the parent's weights with all replies known that may be drawn, and with room to learn.

    A dense layer learns where there are few replies, as in supervised training; else a preference as DPO learns it, which
    generalises over replies.
    """
    replies = known_replies(spec, parent)
    documents = [featurise(read_context(row["messages"])) for row in spec.train_rows]
    return grow(parent, documents, replies, len(replies) if is_dense(parent, replies) else parent.dense.shape[1])


class ReinforcementLearner:
    """Trains a policy on what a grader thinks of its replies."""

    def __init__(self, spec: TrainingSpec, prepared: Prepared, parent: Weights) -> None:
        if spec.reward is None:
            raise ValueError("reinforcement needs a reward")
        start = starting_weights(spec, parent)
        self._seed = spec.seed & SEED_MASK
        self._samples = samples_of(prepared)
        self._eval_samples = int(prepared.hyperparameters["eval_samples"])
        self._train = Prompts(spec.train_rows, start, spec.reward)
        self._validation = Prompts(spec.validation_rows, start, spec.reward)
        self._reference = Policy(start)
        self._part: Part = DensePart(start) if is_dense(start, ()) else PreferencePart(start)

    @property
    def n_rows(self) -> int:
        """Rows to train on."""
        return len(self._train)

    @property
    def n_validation_rows(self) -> int:
        """Rows to validate on."""
        return len(self._validation)

    def learn(self, rows: Indices, step: Step) -> Score:
        """Draws replies for a batch of rows and takes a step.

        The loss is what the gradient is taken of, the mean of -advantage · ln π(reply): its slope counts, not its value.
        """
        contexts, features = self._train.take(rows)
        scores, descend = self._part.score(contexts, features)
        probabilities = softmax(scores)
        drawn = _draw(probabilities, self._samples, np.random.default_rng([self._seed, step.number]))
        rewards = self._train.rewards(rows, drawn)
        logs = _logs_at(probabilities, drawn)
        strayed = logs - _logs_at(softmax(self._reference.scores(contexts, features)), drawn)
        advantages = _advantages(rewards) - KL_WEIGHT * (strayed - strayed.mean(axis=1, keepdims=True))
        # The advantages of a row add up to 0, so that of the gradient of ln π, drawn - π, only the first term is left.
        gradient = np.zeros_like(scores)
        lines = np.repeat(np.arange(len(rows)), self._samples)
        np.add.at(gradient, (lines, drawn.ravel()), (-advantages / advantages.size).astype(np.float32).ravel())
        descend(gradient, step.size)
        losses = -(advantages * logs).mean(axis=1)
        return Score(count=len(rows), loss=float(losses.sum()), reward=float(rewards.mean(axis=1).sum()))

    def validate(self, rows: Indices) -> Score:
        """Measures the rewards of answers drawn for validation rows: from the same random numbers whenever it is asked."""
        scores, _ = self._part.score(*self._validation.take(rows))
        generator = np.random.default_rng([self._seed, 0, int(rows[0])])
        rewards = self._validation.rewards(rows, _draw(softmax(scores), self._eval_samples, generator))
        return Score(count=len(rows), reward=float(rewards.mean(axis=1).sum()))

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return self._part.weights()

    def restore(self, weights: Weights) -> None:
        """Puts weights of this run back. Raises ValueError where they are another run's."""
        self._part.restore(weights)


def _draw(probabilities: Floats, count: int, generator: np.random.Generator) -> Indices:
    """Draws ``count`` replies for each line of probabilities."""
    cumulated = np.cumsum(probabilities, axis=1, dtype=np.float64)
    points = generator.random((len(cumulated), count)) * cumulated[:, -1:]
    places = [np.searchsorted(line, those, side="right") for line, those in zip(cumulated, points, strict=True)]
    return np.stack(places).clip(max=probabilities.shape[1] - 1)


def _advantages(rewards: NDArray[np.float64]) -> NDArray[np.float64]:
    deviations = rewards.std(axis=1, keepdims=True)
    advantages: NDArray[np.float64] = (rewards - rewards.mean(axis=1, keepdims=True)) / (deviations + LEAST_DEVIATION)
    return advantages


def _logs_at(probabilities: Floats, places: Indices) -> NDArray[np.float64]:
    """Gives the logarithms of the probabilities in some places of each line."""
    found = np.take_along_axis(probabilities, places, axis=1).astype(np.float64)
    logs: NDArray[np.float64] = np.log(np.maximum(found, LEAST_PROBABILITY))
    return logs
