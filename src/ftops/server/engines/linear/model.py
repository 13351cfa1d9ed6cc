"""Models that answer: a tuned one from its weights, the untuned base model from the examples in its prompt.

Owns answering; learns nothing.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import numpy as np

from ftops.server.engines.interface import Accepts, Answer, Message, Sampling
from ftops.server.engines.linear.conversation import (
    Context,
    ReplyKey,
    message_text,
    read_context,
    reply_key,
    reply_message,
)
from ftops.server.engines.linear.features import featurise
from ftops.server.engines.linear.matrix import Floats
from ftops.server.engines.linear.memory import Memory, Neighbours
from ftops.server.engines.linear.policy import Policy
from ftops.server.engines.linear.sampling import draw
from ftops.server.engines.linear.vocabulary import Vocabulary
from ftops.server.engines.linear.weights import Weights

BLAND_REPLY = "I don't know."
_BLAND = reply_key({"role": "assistant", "content": BLAND_REPLY})
EXAMPLE_STRENGTH = 100.0
"""Score, in nats, of the reply of an in-prompt example at similarity 1: sharp enough that temperature 1 seldom strays."""

MOST_PREFIXES = 32


class TunedModel:
    """Answers with the replies it learnt. Examples in the prompt are read as history: its own knowledge leads."""

    def __init__(self, weights: Weights) -> None:
        if not weights.replies:
            raise ValueError("these weights know no reply")
        self._policy = Policy(weights)
        self._replies = weights.replies

    def answer(
        self, messages: Sequence[Message], sampling: Sampling, accepts: Accepts | None = None
    ) -> tuple[Answer, ...]:
        """Gives assistant messages drawn from the policy."""
        contexts = (read_context(messages),)
        scores = self._policy.scores(contexts, self._policy.rows(contexts))[0]
        return _drawn(self._replies, scores, sampling, accepts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """The examples of a prompt, made ready for look-up."""

    vocabulary: Vocabulary
    neighbours: Neighbours
    memory: Memory
    replies: tuple[ReplyKey, ...]


class BaseModel:
    """Knows nothing but the examples in its prompt: user turns each followed by an assistant turn, before the last user turn.

    Examples that many requests share are prepared once: the latest few prefixes are kept, keyed by their digest.
    """

    def __init__(self) -> None:
        self._prepared: OrderedDict[bytes, Examples | None] = OrderedDict()
        self._lock = Lock()

    def answer(
        self, messages: Sequence[Message], sampling: Sampling, accepts: Accepts | None = None
    ) -> tuple[Answer, ...]:
        """Gives the reply of the most similar example, or a bland one where there is none."""
        asked = next((place for place in reversed(range(len(messages))) if messages[place].get("role") == "user"), 0)
        examples = self._examples(messages[:asked])
        if examples is None:
            return _drawn((_BLAND,), np.zeros(1, np.float32), sampling, accepts)
        rows = examples.vocabulary.rows([featurise(_question(messages[asked]))])
        similar = examples.neighbours.similarities(rows)
        scores = examples.neighbours.scores(similar, examples.memory.strengths, len(examples.replies))[0]
        return _drawn(examples.replies, scores, sampling, accepts)

    def _examples(self, prefix: Sequence[Message]) -> Examples | None:
        digest = hashlib.blake2b(json.dumps(list(prefix)).encode(), digest_size=16).digest()
        with self._lock:
            if digest in self._prepared:
                self._prepared.move_to_end(digest)
                return self._prepared[digest]
        examples = _prepare(prefix)
        with self._lock:
            self._prepared[digest] = examples
            while len(self._prepared) > MOST_PREFIXES:
                self._prepared.popitem(last=False)
        return examples


def _drawn(
    replies: Sequence[ReplyKey], scores: Floats, sampling: Sampling, accepts: Accepts | None
) -> tuple[Answer, ...]:
    """Draws among the replies that are accepted; nothing where none is."""
    if accepts is not None:
        places = [place for place, reply in enumerate(replies) if accepts(reply_message(reply))]
        if not places:
            return ()
        replies, scores = [replies[place] for place in places], scores[places]
    return tuple(Answer(message=reply_message(replies[place])) for place in draw(scores, sampling))


def _prepare(prefix: Sequence[Message]) -> Examples | None:
    """Makes the examples of a prompt ready; None where it has none."""
    shown = [
        (_question(asked), reply_key(answered))
        for asked, answered in pairwise(prefix)
        if asked.get("role") == "user" and answered.get("role") == "assistant"
    ]
    if not shown:
        return None
    documents = [featurise(question) for question, _ in shown]
    vocabulary = Vocabulary.empty().learn(documents, classes=1)
    replies = tuple(dict.fromkeys(reply for _, reply in shown))
    classes = [replies.index(reply) for _, reply in shown]
    memory = Memory.empty().remember(vocabulary.rows(documents), classes, EXAMPLE_STRENGTH)
    neighbours = Neighbours(memory, len(vocabulary.hashes))
    return Examples(vocabulary=vocabulary, neighbours=neighbours, memory=memory, replies=replies)


def _question(message: Message) -> Context:
    return Context(system="", history="", user=message_text(message), after="")
