"""The parts of a policy that are trained: scores that follow weights, and the step to take on them.

Owns the weights while they change. A part says nothing of what is learnt: supervised training and reinforcement drive the same
ones. What of the policy isn't trained still counts in every score.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ftops.server.engines.linear.conversation import Context
from ftops.server.engines.linear.matrix import Batch, Floats, Rows
from ftops.server.engines.linear.memory import Memory, Neighbours
from ftops.server.engines.linear.policy import Policy
from ftops.server.engines.linear.preference import Preference, ReplyTable
from ftops.server.engines.linear.weights import Weights

Descend = Callable[[Floats, float], None]
"""Takes a step of the size given against the gradient of the scores."""

ANOTHER_RUN = "the checkpoint belongs to another run"


class Part(ABC):
    """Weights under training, ``start`` being the policy that training begins with and ``fixed`` that without this part."""

    def __init__(self, start: Weights, fixed: Weights) -> None:
        self._start = start
        self._fixed = Policy(fixed)

    def score(self, contexts: Sequence[Context], rows: Rows) -> tuple[Floats, Descend]:
        """Gives the scores of the whole policy, a line for each conversation, and the step to take on them."""
        scores, descend = self._forward(contexts, rows)
        if not self._fixed.is_constant:
            scores = scores + self._fixed.scores(contexts, rows)
        return scores, descend

    def restore(self, weights: Weights) -> None:
        """Puts weights of this run back. Raises ValueError where they are another run's."""
        if weights.replies != self._start.replies:
            raise ValueError(ANOTHER_RUN)
        self._restore(weights)

    @abstractmethod
    def weights(self) -> Weights:
        """Gives the weights as they are."""

    @abstractmethod
    def _forward(self, contexts: Sequence[Context], rows: Rows) -> tuple[Floats, Descend]:
        """Gives the scores of this part alone, and the step."""

    @abstractmethod
    def _restore(self, weights: Weights) -> None: ...


class DensePart(Part):
    """A weight for every feature and reply."""

    def __init__(self, start: Weights) -> None:
        super().__init__(start, replace(start, dense=start.dense[:, :0]))
        self._dense = start.dense.copy()

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return replace(self._start, dense=self._dense)

    def _restore(self, weights: Weights) -> None:
        if weights.dense.shape != self._dense.shape:
            raise ValueError(ANOTHER_RUN)
        self._dense = weights.dense.copy()

    def _forward(self, contexts: Sequence[Context], rows: Rows) -> tuple[Floats, Descend]:
        compact = Batch.of(rows)

        def descend(gradient: Floats, step_size: float) -> None:
            compact.descend(self._dense, gradient, step_size)

        return compact.times(self._dense), descend


class NeighbourPart(Part):
    """How strongly each remembered context speaks for its reply."""

    def __init__(self, start: Weights) -> None:
        super().__init__(start, replace(start, memory=Memory.empty()))
        self._neighbours = Neighbours(start.memory, len(start.vocabulary.hashes))
        self._strengths = start.memory.strengths.copy()

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return replace(self._start, memory=replace(self._start.memory, strengths=self._strengths))

    def _restore(self, weights: Weights) -> None:
        if weights.memory.strengths.shape != self._strengths.shape:
            raise ValueError(ANOTHER_RUN)
        self._strengths = weights.memory.strengths.copy()

    def _forward(self, contexts: Sequence[Context], rows: Rows) -> tuple[Floats, Descend]:
        similar = self._neighbours.similarities(rows)

        def descend(gradient: Floats, step_size: float) -> None:
            self._strengths -= np.float32(step_size) * self._neighbours.gradient(similar, gradient)

        return self._neighbours.scores(similar, self._strengths, len(self._start.replies)), descend


class PreferencePart(Part):
    """What a reply is like, alone and crossed with its prompt: replies alike share what is learnt of one of them."""

    def __init__(self, start: Weights) -> None:
        super().__init__(start, replace(start, preference=Preference.empty()))
        self._table = ReplyTable(start.replies)
        self._weights = start.preference.dense()

    def weights(self) -> Weights:
        """Gives the weights as they are."""
        return replace(self._start, preference=Preference.of(self._weights))

    def _restore(self, weights: Weights) -> None:
        self._weights = weights.preference.dense()

    def _forward(self, contexts: Sequence[Context], rows: Rows) -> tuple[Floats, Descend]:
        def descend(gradient: Floats, step_size: float) -> None:
            self._table.descend(self._weights, contexts, gradient, step_size)

        return self._table.scores(self._weights, contexts), descend
