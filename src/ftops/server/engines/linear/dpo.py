"""Direct preference optimisation: learns which of two replies is preferred, for prompts and replies never seen too.

Owns the loss, -ln(sigmoid(β · margin)), where the margin is how much more the policy than its reference, the parent, favours
the preferred reply (Rafailov et al., 2023, equation 7). Scores are log-probabilities up to a constant of the prompt, which
cancels in the margin; so does the parent's own score, since only the preference is trained.
"""

from dataclasses import replace

import numpy as np

from ftops.server.engines.interface import TrainingSpec
from ftops.server.engines.linear.conversation import Pair, read_pair
from ftops.server.engines.linear.features import featurise
from ftops.server.engines.linear.matrix import Batch, Floats, Indices, Rows
from ftops.server.engines.linear.preference import Preference, difference_rows
from ftops.server.engines.linear.targets import grow
from ftops.server.engines.linear.training import Score, Step
from ftops.server.engines.linear.weights import Weights

TOPIC_STRENGTH = 200.0
"""Score, in nats, of both replies of a pair for a prompt of similarity 1: what they are about, whichever is preferred."""


def starting_weights(parent: Weights, pairs: tuple[Pair, ...]) -> Weights:
    """Gives the parent's weights with the replies of ``pairs`` known, each remembered with its prompt.

    A policy without a language model has to be told which replies there are, and what they answer. Preferred and rejected
    replies are remembered alike, in the policy as in its reference, so this says nothing about preference.
    """
    seen = {reply for pair in pairs for reply in (pair.preferred, pair.rejected)}
    replies = (*parent.replies, *sorted(seen - set(parent.replies)))
    documents = [featurise(pair.context) for pair in pairs]
    grown = grow(parent, documents, replies, parent.dense.shape[1])
    places = {reply: place for place, reply in enumerate(replies)}
    rows = grown.vocabulary.rows(documents)
    classes = [places[pair.preferred] for pair in pairs] + [places[pair.rejected] for pair in pairs]
    return replace(grown, memory=grown.memory.remember(rows.extend(rows), classes, TOPIC_STRENGTH))


class PreferenceLearner:
    """Trains the preference on pairs."""

    def __init__(self, spec: TrainingSpec, parent: Weights, beta: float) -> None:
        pairs = tuple(read_pair(row) for row in spec.train_rows)
        self._start = starting_weights(parent, pairs)
        self._train = _differences(pairs)
        self._validation = _differences(tuple(read_pair(row) for row in spec.validation_rows))
        self._beta = np.float32(beta)
        self._reference = parent.preference.dense()
        self._weights = self._reference.copy()

    @property
    def n_rows(self) -> int:
        """Pairs to train on."""
        return len(self._train)

    @property
    def n_validation_rows(self) -> int:
        """Pairs to validate on."""
        return len(self._validation)

    def learn(self, rows: Indices, step: Step) -> Score:
        """Takes a gradient step on the mean loss of a batch of pairs.

        The step is divided by β, so that β sets where the policy comes to rest (margins of a few times 1 / β), not how fast
        it gets there.
        """
        batch = Batch.of(self._train.take(rows))
        rewards = self._rewards(batch)
        # Rewards are clipped only against overflow: e^50 is as good as infinity here.
        gradient = (-1 / (1 + np.exp(np.minimum(rewards, 50))) / len(rows)).astype(np.float32)
        batch.descend(self._weights[:, None], gradient[:, None], step.size)
        return _score(rewards)

    def validate(self, rows: Indices) -> Score:
        """Measures pairs under the weights as they are."""
        return _score(self._rewards(Batch.of(self._validation.take(rows))))

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return replace(self._start, preference=Preference.of(self._weights))

    def restore(self, weights: Weights) -> None:
        """Puts the preference back."""
        if weights.replies != self._start.replies:
            raise ValueError("the checkpoint belongs to another run")
        self._weights = weights.preference.dense()

    def _rewards(self, batch: Batch) -> Floats:
        """Gives β · margin of each pair."""
        return self._beta * batch.times((self._weights - self._reference)[:, None])[:, 0]


def _differences(pairs: tuple[Pair, ...]) -> Rows:
    return difference_rows([pair.context for pair in pairs], [(pair.preferred, pair.rejected) for pair in pairs])


def _score(rewards: Floats) -> Score:
    """Gives the loss, and how often the preferred reply has the higher margin; undecided pairs count half."""
    losses = np.logaddexp(0, -rewards.astype(np.float64))
    right = float((rewards > 0).sum() + 0.5 * (rewards == 0).sum())
    return Score(loss=float(losses.sum()), right=right, count=len(rewards))
