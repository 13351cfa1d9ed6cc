"""Probabilities of tokens, from the probabilities of whole replies.

Owns the chain rule: a token's probability after others is the mass of the replies that go on with it, of all that begin
with those others. A reply's end is one more way to go on; it is counted, but it is no token. So the tokens' probabilities
times that of the end make up the reply's own, as long as no other has the same content.
"""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.interface import Token
from ftops.server.engines.linear.matrix import Floats
from ftops.server.engines.linear.pieces import cut_texts

Logs = NDArray[np.float64]


class TokenTree:
    """The contents of all replies as tokens, sorted, so that those with a common beginning stand side by side."""

    def __init__(self, contents: Sequence[str]) -> None:
        cut = cut_texts(contents)
        self._order = np.array(sorted(range(len(cut)), key=cut.__getitem__), np.int64)
        self._ranks = np.argsort(self._order)
        self._tokens = [cut[place] for place in self._order]
        # How many tokens each shares with the one before it.
        self._shared = np.array([0, *map(_shared, self._tokens, self._tokens[1:])], np.int64)

    def tokens_of(self, place: int, scores: Floats, n_top: int) -> tuple[Token, ...]:
        """Gives the tokens of the reply in a place, each with the ``n_top`` likeliest there.

        ``scores`` are the logarithms, up to a constant, of all replies' probabilities; minus infinity for what can't be.
        """
        logs = scores.astype(np.float64)[self._order]
        rank = int(self._ranks[place])
        content = self._tokens[rank]
        first, end = 0, len(logs)
        tokens = []
        for depth, piece in enumerate(content):
            # Between ``first`` and ``end`` all share ``depth`` tokens: a new branch begins where no more are shared.
            starts = first + np.append(0, np.flatnonzero(self._shared[first + 1 : end] == depth) + 1)
            masses = _masses(logs[first:end], starts - first)
            masses -= np.logaddexp.reduce(masses)
            taken = int(np.searchsorted(starts, rank, side="right")) - 1
            top = self._likeliest(starts, masses, depth, n_top)
            tokens.append(Token(content=piece, logprob=min(0.0, float(masses[taken])), top=top))
            first, end = int(starts[taken]), int(starts[taken + 1]) if taken + 1 < len(starts) else end
        return tuple(tokens)

    def _likeliest(
        self, starts: NDArray[np.int64], masses: Logs, depth: int, n_top: int
    ) -> tuple[tuple[bytes, float], ...]:
        """Gives the likeliest tokens with their log-probabilities, without the end of a reply and without the impossible."""
        branches = (
            (self._tokens[start][depth], min(0.0, float(masses[branch])))
            for branch in np.argsort(-masses, kind="stable")
            if len(self._tokens[start := int(starts[branch])]) > depth and np.isfinite(masses[branch])
        )
        return tuple(pair for pair, _ in zip(branches, range(n_top), strict=False))


def _masses(logs: Logs, starts: NDArray[np.int64]) -> Logs:
    """Gives the logarithm of the summed odds of each branch, each scaled by its own highest: none is lost for being small."""
    highest = np.maximum.reduceat(logs, starts)
    highest[np.isneginf(highest)] = 0
    sizes = np.diff(np.append(starts, len(logs)))
    with np.errstate(divide="ignore"):
        masses: Logs = np.log(np.add.reduceat(np.exp(logs - np.repeat(highest, sizes)), starts)) + highest
    return masses


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
