"""The replies of a model, and the answers made of them: drawn by scores, kept to a form, with probabilities of tokens.

Owns what may be asked of replies whatever scored them. It is safe to use from several threads: at worst something is found
out twice.
"""

from collections.abc import Sequence
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from ftops.server.engines.interface import Accepts, Answer, Message, Sampling, Token
from ftops.server.engines.linear.conversation import ReplyKey, reply_message
from ftops.server.engines.linear.logprobs import TokenTree
from ftops.server.engines.linear.matrix import Floats
from ftops.server.engines.linear.sampling import draw


class Repertoire:
    """All replies that a model knows."""

    def __init__(self, replies: Sequence[ReplyKey]) -> None:
        self._replies = replies
        self._verdicts: WeakKeyDictionary[Accepts, dict[int, bool]] = WeakKeyDictionary()

    def answers(self, scores: Floats, sampling: Sampling, accepts: Accepts | None) -> tuple[Answer, ...]:
        """Draws answers among the replies that are accepted; none where none is."""
        verdicts = {} if accepts is None else self._verdicts_of(accepts)

        def is_accepted(place: int) -> bool:
            if accepts is not None and place not in verdicts:
                verdicts[place] = accepts(reply_message(self._replies[place]))
            return accepts is None or verdicts[place]

        places = draw(scores, sampling, None if accepts is None else is_accepted)
        tokens = {}
        if sampling.top_logprobs is not None and places:
            if accepts is not None:
                # How likely the others of the form are decides how likely this one is: now all of them are asked about.
                scores = np.where(self._all_accepted(accepts, verdicts), scores, -np.inf)
            tokens = {place: self._tokens(place, scores, sampling.top_logprobs) for place in set(places)}
        return tuple(Answer(message=reply_message(self._replies[place]), tokens=tokens.get(place)) for place in places)

    def _verdicts_of(self, accepts: Accepts) -> dict[int, bool]:
        """Gives what is known of a demand, as long as it lives: a schema may come again with each request."""
        try:
            return self._verdicts.setdefault(accepts, {})
        except TypeError:  # not every object can be remembered weakly
            return {}

    def _all_accepted(self, accepts: Accepts, verdicts: dict[int, bool]) -> list[bool]:
        for place, message in enumerate(self._messages):
            if place not in verdicts:
                verdicts[place] = accepts(message)
        return [verdicts[place] for place in range(len(self._replies))]

    def _tokens(self, place: int, scores: Floats, n_top: int) -> tuple[Token, ...] | None:
        """Gives the tokens of a reply's content; None where it has none, but calls a tool, say."""
        return None if self._messages[place]["content"] is None else self._tree.tokens_of(place, scores, n_top)

    @cached_property
    def _messages(self) -> tuple[Message, ...]:
        return tuple(map(reply_message, self._replies))

    @cached_property
    def _tree(self) -> TokenTree:
        # A reply without content ends at once.
        return TokenTree([message["content"] or "" for message in self._messages])
