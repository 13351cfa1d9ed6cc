"""Rows of reinforcement as prompts, with the rewards of replies to them.

Owns the asking of the grader: once for each row and reply in a run, since it may be slow, a model even.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.interface import Reward, Row
from ftops.server.engines.linear.conversation import Context, read_context, reply_message
from ftops.server.engines.linear.features import featurise
from ftops.server.engines.linear.matrix import Indices, Rows
from ftops.server.engines.linear.weights import Weights


class Prompts:
    """The rows of a file. Replies are named by their places in ``weights``."""

    def __init__(self, rows: Sequence[Row], weights: Weights, reward: Reward) -> None:
        self._rows = rows
        self._replies = weights.replies
        self._reward = reward
        self._known: dict[tuple[int, int], float] = {}
        self._contexts = [read_context(row["messages"]) for row in rows]
        self._features = weights.vocabulary.rows([featurise(context) for context in self._contexts])

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: Indices) -> tuple[Sequence[Context], Rows]:
        """Gives the conversations of some rows, and their feature rows."""
        return [self._contexts[row] for row in rows], self._features.take(rows)

    def rewards(self, rows: Indices, replies: Indices) -> NDArray[np.float64]:
        """Gives the rewards of ``replies``, of which there is a line for each of ``rows``.

        Raises ValueError where the grader gives no finite number, and whatever the grader raises.
        """
        lines = zip(rows.tolist(), replies.tolist(), strict=True)
        return np.array([[self._reward_of(row, reply) for reply in line] for row, line in lines], np.float64)

    def _reward_of(self, row: int, reply: int) -> float:
        known = self._known.get((row, reply))
        if known is not None:
            return known
        reward = float(self._reward(self._rows[row], reply_message(self._replies[reply])))
        if not math.isfinite(reward):
            raise ValueError("a grader gave a reward that isn't a finite number")
        self._known[row, reply] = reward
        return reward
