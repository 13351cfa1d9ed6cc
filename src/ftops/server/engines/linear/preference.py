"""What DPO learns, and reinforcement over many replies: a linear score of a reply, alone and crossed with its prompt.

Owns the features of replies (n-grams, length, manner) and their crossing with the prompt's words, all hashed into one space.
The scores generalise to prompts and replies never seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.linear.conversation import Context, ReplyKey, message_text, reply_message
from ftops.server.engines.linear.features import Hashes, hash_text, stable_hash, tokenise
from ftops.server.engines.linear.matrix import Batch, Floats, Indices, Rows

BITS = 18
DIMENSIONS = 1 << BITS

TOPICS, MANNERS = 8, 8
CROSS_WEIGHT = 0.5
REPLY_SALT = np.uint32(0x27D4EB2F)
SPREAD, SPREAD_MANNER = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B)


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """The learnt weights of features: ``features`` ascending, each with its value; all others are 0."""

    features: Indices
    values: Floats

    @classmethod
    def empty(cls) -> "Preference":
        """Knows no preference."""
        return cls(features=np.empty(0, np.int64), values=np.empty(0, np.float32))

    @classmethod
    def of(cls, dense: Floats) -> "Preference":
        """Keeps what isn't 0."""
        features = np.flatnonzero(dense)
        return cls(features=features.astype(np.int64), values=dense[features])

    def dense(self) -> Floats:
        """Gives the weights of all features."""
        weights = np.zeros(DIMENSIONS, np.float32)
        weights[self.features] = self.values
        return weights


class ReplyTable:
    """The features of all replies of a model, made ready for scoring, and for learning."""

    def __init__(self, replies: Sequence[ReplyKey]) -> None:
        texts = [message_text(reply_message(reply)) for reply in replies]
        self._features = Batch.of(Rows.stack([_reply_features(text) for text in texts]))
        self.manners = np.stack([_manners(text) for text in texts])

    def scores(self, weights: Floats, contexts: Sequence[Context]) -> Floats:
        """Gives a line of scores, in nats, for each context."""
        return self.alone(weights) + np.stack([crossed_scores(weights, self.manners, context) for context in contexts])

    def alone(self, weights: Floats) -> Floats:
        """Gives the scores of replies apart from any prompt."""
        return self._features.times(weights[:, None])[:, 0]

    def descend(self, weights: Floats, contexts: Sequence[Context], gradient: Floats, step_size: float) -> None:
        """Moves ``weights`` in place against the gradient of the scores, which few replies have: those drawn."""
        self._features.descend(weights[:, None], gradient.sum(axis=0)[:, None], step_size)
        for context, line in zip(contexts, gradient, strict=True):
            places = np.flatnonzero(line)
            features, value = _cross(_topics(context), self.manners[places])
            changes = np.float32(step_size) * value * line[places]
            np.subtract.at(weights, features, np.broadcast_to(changes[:, None, None], features.shape))


class Scorer:
    """Scores all replies of a model at once, by weights that don't change."""

    def __init__(self, preference: Preference, replies: Sequence[ReplyKey]) -> None:
        table = ReplyTable(replies)  # not kept: its features are many
        self._weights = preference.dense()
        self._alone = table.alone(self._weights)
        self._manners = table.manners

    def scores(self, contexts: Sequence[Context]) -> Floats:
        """Gives a line of scores, in nats, for each context."""
        return np.stack([self._alone + crossed_scores(self._weights, self._manners, context) for context in contexts])


def crossed_scores(weights: Floats, manners: Hashes, context: Context) -> Floats:
    """Gives what a prompt adds to the scores of replies, of whose manners there is a line each."""
    features, value = _cross(_topics(context), manners)
    summed: Floats = weights[features].sum(axis=(1, 2)) * value
    return summed


def pair_features(context: Context, reply: ReplyKey) -> tuple[Indices, Floats]:
    """Gives the features, with their values, of a reply to a context."""
    text = message_text(reply_message(reply))
    features, values = _reply_features(text)
    crossed, value = _cross(_topics(context), _manners(text)[None])
    return (
        np.concatenate([features, crossed.ravel()]),
        np.concatenate([values, np.full(crossed.size, value, np.float32)]),
    )


def difference_rows(contexts: Sequence[Context], pairs: Sequence[tuple[ReplyKey, ReplyKey]]) -> Rows:
    """Gives, for each context, the features of the first reply minus those of the second."""
    rows = []
    for context, (first, second) in zip(contexts, pairs, strict=True):
        plus, minus = pair_features(context, first), pair_features(context, second)
        features, places = np.unique(np.concatenate([plus[0], minus[0]]), return_inverse=True)
        values = np.bincount(places, weights=np.concatenate([plus[1], -minus[1]]), minlength=len(features))
        rows.append((features, values.astype(np.float32)))
    return Rows.stack(rows)


def _reply_features(text: str) -> tuple[Indices, Floats]:
    """Gives what a reply is, apart from its prompt."""
    grams = hash_text(text)
    words = tokenise(text)
    measures = {
        "words": 0.5 * np.log1p(len(words)),
        "lines": 0.25 * np.log1p(text.count("\n")),
        "exclamations": 0.25 * np.log1p(text.count("!")),
        "questions": 0.25 * np.log1p(text.count("?")),
        "capitals": sum(map(str.isupper, text)) / (len(text) + 1),
        f"opens {' '.join(words[:2])}": 0.3,
        f"opens {' '.join(words[:3])}": 0.3,
    }
    named = np.array([stable_hash(f"\x03{name}") for name in measures], np.uint32)
    return (
        _fold(np.concatenate([grams.hashes ^ REPLY_SALT, named])),
        np.concatenate([grams.values, np.array(list(measures.values()), np.float32)]),
    )


def _topics(context: Context) -> Hashes:
    """Gives what a prompt is about: its longest words, which stand in for the rarest."""
    return _longest(context.user, TOPICS)


def _manners(text: str) -> Hashes:
    """Gives the manner of a reply, padded to a fixed number: its length, its opening, its longest words."""
    words = tokenise(text)
    marks = [f"length {len(words).bit_length()}", f"opens {' '.join(words[:2])}"]
    hashed = [stable_hash(mark) for mark in marks] + list(_longest(text, MANNERS - len(marks)))
    return np.array((hashed + [0] * MANNERS)[:MANNERS], np.uint32)


def _longest(text: str, count: int) -> Hashes:
    words = sorted(set(tokenise(text)), key=lambda word: (-len(word), word))
    return np.array([stable_hash(word) for word in words[:count]], np.uint32)


def _cross(topics: Hashes, manners: NDArray[np.uint32]) -> tuple[Indices, np.float32]:
    """Crosses every topic with every manner of each line; gives features (lines, topics, manners) and their common value."""
    mixed = (topics[None, :, None] * SPREAD) ^ (manners[:, None, :] * SPREAD_MANNER)
    return _fold(mixed), np.float32(CROSS_WEIGHT / np.sqrt(max(1, len(topics)) * MANNERS))


def _fold(hashes: NDArray[np.uint32]) -> Indices:
    """Maps hashes to features, by their highest bits after mixing."""
    return ((hashes * SPREAD) >> np.uint32(32 - BITS)).astype(np.int64)
