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

from ftops.server.engines.interface import Accepts, Answer, Message, Sampling, Tool
from ftops.server.engines.linear.conversation import Context, message_text, read_context, reply_key
from ftops.server.engines.linear.features import featurise
from ftops.server.engines.linear.memory import Memory, Neighbours
from ftops.server.engines.linear.policy import Policy
from ftops.server.engines.linear.repertoire import Repertoire
from ftops.server.engines.linear.vocabulary import Vocabulary
from ftops.server.engines.linear.weights import Weights

BLAND_REPLY = "I don't know."
_BLAND = Repertoire([reply_key({"role": "assistant", "content": BLAND_REPLY})])
_BLAND_SCORES = np.zeros(1, np.float32)
EXAMPLE_STRENGTH = 100.0
"""Score, in nats, of the reply of an in-prompt example at similarity 1: sharp enough that temperature 1 seldom strays."""

MOST_PREFIXES = 32


class TunedModel:
    """Answers with the replies it learnt. Examples in the prompt are read as history: its own knowledge leads."""

    def __init__(self, weights: Weights) -> None:
        if not weights.replies:
            raise ValueError("these weights know no reply")
        self._policy = Policy(weights)
        self._repertoire = Repertoire(weights.replies)

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        """Gives assistant messages drawn from the policy, whose calls ``accepts`` judges: definitions of tools aren't read."""
        contexts = (read_context(messages),)
        scores = self._policy.scores(contexts, self._policy.rows(contexts))[0]
        return self._repertoire.answers(scores, sampling, accepts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """The examples of a prompt, made ready for look-up."""

    vocabulary: Vocabulary
    neighbours: Neighbours
    memory: Memory
    n_replies: int
    repertoire: Repertoire


class BaseModel:
    """Knows nothing but the examples in its prompt: user turns each followed by an assistant turn, before the last user turn.

    Examples that many requests share are prepared once: the latest few prefixes are kept, keyed by their digest.
    """

    def __init__(self) -> None:
        self._prepared: OrderedDict[bytes, Examples | None] = OrderedDict()
        self._lock = Lock()

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        """Gives the reply of the most similar example, or a bland one where there is none."""
        asked = next((place for place in reversed(range(len(messages))) if messages[place].get("role") == "user"), 0)
        examples = self._examples(messages[:asked])
        if examples is None:
            return _BLAND.answers(_BLAND_SCORES, sampling, accepts)
        rows = examples.vocabulary.rows([featurise(_question(messages[asked]))])
        similar = examples.neighbours.similarities(rows)
        scores = examples.neighbours.scores(similar, examples.memory.strengths, examples.n_replies)[0]
        return examples.repertoire.answers(scores, sampling, accepts)

    def _examples(self, prefix: Sequence[Message]) -> Examples | None:
        if not any(message.get("role") == "assistant" for message in prefix):
            return None
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
    return Examples(
        vocabulary=vocabulary,
        neighbours=neighbours,
        memory=memory,
        n_replies=len(replies),
        repertoire=Repertoire(replies),
    )


def _question(message: Message) -> Context:
    return Context(system="", history="", user=message_text(message), after="")
