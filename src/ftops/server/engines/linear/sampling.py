"""Draws replies from scores.

Owns temperature, nucleus sampling, the use of the seed, and how a form that is demanded narrows the draw. Whether a reply has
the form may take long to say (a schema to check), so it is asked only of replies that may be drawn.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.interface import Sampling
from ftops.server.engines.linear.matrix import Floats, Indices

SEED_MASK = (1 << 64) - 1

COLDEST = 1e-6
"""Below that a temperature is as good as 0, and dividing by it would overflow."""

_UNSEEDED = np.random.default_rng()
"""One for all threads: it locks itself, and a new one asks the system for its seed, which takes longer than a draw."""

IsAccepted = Callable[[int], bool]
"""Whether the reply in a place may be drawn."""


def softmax(scores: Floats) -> Floats:
    """Gives the probabilities of each line of scores."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Floats = odds / odds.sum(axis=1, keepdims=True)
    return probabilities


def draw(scores: Floats, sampling: Sampling, is_accepted: IsAccepted | None = None) -> tuple[int, ...]:
    """Gives ``sampling.n`` places in ``scores``, drawn independently from softmax(scores / temperature).

    With ``is_accepted`` the rest is as if it weren't there, ``top_p`` counting what is left; gives no place where none is.
    """
    if len(scores) == 1:  # nothing to draw: the untuned model's one reply
        return (0,) * sampling.n if is_accepted is None or is_accepted(0) else ()
    if sampling.temperature <= 0:
        place = _highest(scores, is_accepted)
        return () if place is None else (place,) * sampling.n
    logits = (scores.astype(np.float64) - scores.max()) / max(sampling.temperature, COLDEST)
    places = None
    if sampling.top_p < 1:
        places = _nucleus(logits, sampling.top_p, is_accepted)
        logits, is_accepted = logits[places], None
    generator = _UNSEEDED if sampling.seed is None else np.random.default_rng(sampling.seed & SEED_MASK)
    drawn = []
    for _ in range(sampling.n if len(logits) else 0):
        # Where the highest logit plus Gumbel noise is, is distributed as their softmax; and the highest of some of them as
        # the softmax of those. So what isn't accepted is passed over, without asking whether the others would be.
        place = _highest(logits + generator.gumbel(size=len(logits)), is_accepted)
        if place is None:
            return ()
        drawn.append(place if places is None else int(places[place]))
    return tuple(drawn)


def _highest(values: NDArray[np.floating], is_accepted: IsAccepted | None) -> int | None:
    """Gives the place of the highest value, of those accepted, the first of equal ones; None where none is accepted."""
    if is_accepted is None:
        return int(values.argmax())
    return next((place for place in _descending(values) if is_accepted(place)), None)


def _nucleus(logits: NDArray[np.float64], top_p: float, is_accepted: IsAccepted | None) -> Indices:
    """Gives the smallest set of the likeliest whose probability reaches ``top_p``; at least one, if any is accepted."""
    odds = np.exp(logits)
    order = np.argsort(-odds, kind="stable")
    cumulated = np.cumsum(odds[order])
    if is_accepted is None:
        return order[: int(np.searchsorted(cumulated, top_p * cumulated[-1])) + 1]
    kept: list[int] = []
    masses: list[float] = []
    least = most = 0
    for place, passed in zip(map(int, order), cumulated, strict=True):
        if is_accepted(place):
            kept.append(place)
            masses.append((masses[-1] if masses else 0.0) + float(odds[place]))
        if masses:
            # All that hasn't been asked about may be accepted, or nothing of it: once both end the set in the same place,
            # there is nothing left to ask.
            least = bisect_left(masses, top_p * masses[-1])
            most = bisect_left(masses, top_p * (masses[-1] + float(cumulated[-1] - passed)))
            if least == most < len(masses):
                break
    return np.array(kept[: least + 1], np.int64)


def _descending(values: NDArray[np.floating]) -> Iterator[int]:
    """Gives the places of values from the highest to the lowest. Sorts them only when the first doesn't do."""
    yield int(values.argmax())
    yield from map(int, np.argsort(-values, kind="stable")[1:])
