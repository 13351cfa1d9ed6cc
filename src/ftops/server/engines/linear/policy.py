"""The policy: log-probabilities, up to a constant, of all known replies to a conversation.

Owns how the three learnt parts add up: the dense softmax layer (SFT), remembered contexts (SFT with many replies, and the
topics of DPO's replies), and the preference (DPO).
"""

from collections.abc import Sequence

import numpy as np

from ftops.server.engines.linear.conversation import Context
from ftops.server.engines.linear.features import featurise
from ftops.server.engines.linear.matrix import Floats, Rows, product
from ftops.server.engines.linear.memory import Neighbours
from ftops.server.engines.linear.preference import Scorer
from ftops.server.engines.linear.weights import Weights


class Policy:
    """Weights made ready for scoring. Safe to use from several threads: nothing changes after construction."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        width = len(weights.vocabulary.hashes)
        self._neighbours = Neighbours(weights.memory, width) if len(weights.memory.rows) else None
        self._scorer = Scorer(weights.preference, weights.replies) if len(weights.preference.features) else None

    @property
    def is_constant(self) -> bool:
        """Whether all replies score alike, whatever the conversation."""
        return not (self._weights.dense.shape[1] or self._neighbours or self._scorer)

    def rows(self, contexts: Sequence[Context]) -> Rows:
        """Gives the feature rows of conversations."""
        return self._weights.vocabulary.rows([featurise(context) for context in contexts])

    def scores(self, contexts: Sequence[Context], rows: Rows) -> Floats:
        """Gives a line of scores, in nats, for each of at least one conversation, whose rows are given too."""
        scores = np.zeros((len(rows), len(self._weights.replies)), np.float32)
        n_dense = self._weights.dense.shape[1]
        if n_dense:
            scores[:, :n_dense] += product(rows, self._weights.dense)
        if self._neighbours:
            similar = self._neighbours.similarities(rows)
            scores += self._neighbours.scores(similar, self._weights.memory.strengths, scores.shape[1])
        if self._scorer:
            scores += self._scorer.scores(contexts)
        return scores
