"""The replies of a model, and the answers made of them: drawn by scores, kept to a form, with probabilities of tokens.

Owns what may be asked of replies whatever scored them. It is safe to use from several threads: at worst something is found
out twice.
"""

from collections.abc import Sequence
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from ftops.server.engines.interface import Accepts, Answer, Sampling, Token
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
        form = None if accepts is None else Form(self._replies, self._verdicts_of(accepts), accepts)
        places = draw(scores, sampling, None if form is None else form.is_met)
        tokens = {}
        if sampling.top_logprobs is not None and places:
            possible = scores if form is None else np.where(form.all_met(), scores, -np.inf)
            tokens = {place: self._tokens(place, possible, sampling.top_logprobs) for place in set(places)}
        return tuple(Answer(message=reply_message(self._replies[place]), tokens=tokens.get(place)) for place in places)

    def _verdicts_of(self, accepts: Accepts) -> dict[int, bool]:
        """Gives what is known of a demand, as long as it lives: a schema may come again with each request."""
        try:
            return self._verdicts.setdefault(accepts, {})
        except TypeError:  # not every object can be remembered weakly
            return {}

    def _tokens(self, place: int, scores: Floats, n_top: int) -> tuple[Token, ...] | None:
        """Gives the tokens of a reply's content; None where it has none, but calls a tool, say."""
        if reply_message(self._replies[place])["content"] is None:
            return None
        return self._tree.tokens_of(place, scores, n_top)

    @cached_property
    def _tree(self) -> TokenTree:
        # A reply without content ends at once.
        return TokenTree([reply_message(reply)["content"] or "" for reply in self._replies])


class Form:
    """Which replies have a form that requests demand. Each is asked about at most once."""

    def __init__(self, replies: Sequence[ReplyKey], verdicts: dict[int, bool], accepts: Accepts) -> None:
        self._replies = replies
        self._verdicts = verdicts
        self._accepts = accepts

    def is_met(self, place: int) -> bool:
        """Whether a reply has the form."""
        verdict = self._verdicts.get(place)
        if verdict is None:
            verdict = self._verdicts[place] = self._accepts(reply_message(self._replies[place]))
        return verdict

    def all_met(self) -> list[bool]:
        """Whether they have the form, for all replies."""
        return [self.is_met(place) for place in range(len(self._replies))]
