"""Supervised targets as arrays, and the weights that supervised training starts from.

Owns which replies become dense classes and which contexts are remembered. It learns nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ftops.server.engines.interface import Row
from ftops.server.engines.linear.conversation import Context, ReplyKey, read_targets
from ftops.server.engines.linear.features import Features, featurise
from ftops.server.engines.linear.matrix import Indices, Rows
from ftops.server.engines.linear.vocabulary import Vocabulary
from ftops.server.engines.linear.weights import Weights

MOST_DENSE_REPLIES = 256
"""With more replies than that the dense matrix would get heavy, and each would have few examples to learn from."""

UNSEEN = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """What the rows of a file have to teach: the targets of row i are from ``starts[i]`` to ``starts[i + 1]``."""

    starts: Indices
    contexts: tuple[Context, ...]
    replies: tuple[ReplyKey, ...]
    documents: tuple[Features, ...]

    @classmethod
    def read(cls, rows: Sequence[Row]) -> Self:
        """Reads and featurises supervised rows."""
        by_row = [read_targets(row) for row in rows]
        targets = [target for several in by_row for target in several]
        return cls(
            starts=np.cumsum([0, *map(len, by_row)], dtype=np.int64),
            contexts=tuple(target.context for target in targets),
            replies=tuple(target.reply for target in targets),
            documents=tuple(featurise(target.context) for target in targets),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetRows:
    """Targets in the columns of a vocabulary; a label is the place of a known reply, or ``UNSEEN``."""

    starts: Indices
    contexts: tuple[Context, ...]
    labels: Indices
    rows: Rows

    @classmethod
    def of(cls, targets: Targets, weights: Weights) -> Self:
        """Looks features and replies up."""
        places = {reply: place for place, reply in enumerate(weights.replies)}
        return cls(
            starts=targets.starts,
            contexts=targets.contexts,
            labels=np.array([places.get(reply, UNSEEN) for reply in targets.replies], np.int64),
            rows=weights.vocabulary.rows(targets.documents),
        )

    def take(self, rows: Indices) -> Self:
        """Gives the targets of some rows."""
        places = np.concatenate([np.arange(self.starts[row], self.starts[row + 1]) for row in rows])
        return type(self)(
            starts=np.arange(len(places) + 1),
            contexts=tuple(self.contexts[place] for place in places),
            labels=self.labels[places],
            rows=self.rows.take(places),
        )


def is_dense(parent: Weights, replies: Iterable[ReplyKey]) -> bool:
    """Whether the replies of a parent and of its training set are few enough for a dense layer."""
    return len({*parent.replies, *replies}) <= MOST_DENSE_REPLIES


def starting_weights(parent: Weights, targets: Targets) -> Weights:
    """Gives the parent's weights with room for what ``targets`` bring: replies, features, contexts to remember.

    All that the parent knew scores as before. Where it remembers contexts (after DPO, or with many replies) the new ones are
    remembered as strongly: otherwise no training could win over the parent's replies to similar prompts.
    """
    known = set(parent.replies)
    replies = (*parent.replies, *sorted(set(targets.replies) - known))
    dense = is_dense(parent, targets.replies)
    n_dense = len(replies) if dense else parent.dense.shape[1]
    grown = grow(parent, targets.documents, replies, n_dense)
    if dense and not len(parent.memory.rows):
        return grown
    strength = float(parent.memory.strengths.max(initial=0))
    new = TargetRows.of(targets, grown)
    return Weights(
        vocabulary=grown.vocabulary,
        replies=replies,
        dense=grown.dense,
        memory=grown.memory.remember(new.rows, new.labels, strength),
        preference=grown.preference,
    )


def grow(parent: Weights, documents: Sequence[Features], replies: tuple[ReplyKey, ...], n_dense: int) -> Weights:
    """Gives the parent's weights with a vocabulary that knows ``documents``, more replies, and ``n_dense`` dense classes."""
    vocabulary: Vocabulary = parent.vocabulary.learn(documents, n_dense)
    columns = vocabulary.places_of(parent.vocabulary)
    dense = np.zeros((len(vocabulary.hashes), n_dense), np.float32)
    dense[columns, : parent.dense.shape[1]] = parent.dense
    return Weights(
        vocabulary=vocabulary,
        replies=replies,
        dense=dense,
        memory=parent.memory.rename(columns),
        preference=parent.preference,
    )
