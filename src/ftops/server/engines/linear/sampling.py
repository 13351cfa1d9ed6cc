"""Draws replies from scores.

Owns temperature, nucleus sampling and the use of the seed.
"""

import numpy as np

from ftops.server.engines.interface import Sampling
from ftops.server.engines.linear.matrix import Floats

SEED_MASK = (1 << 64) - 1

COLDEST = 1e-6
"""Below that a temperature is as good as 0, and dividing by it would overflow."""


def draw(scores: Floats, sampling: Sampling) -> tuple[int, ...]:
    """Gives ``sampling.n`` places in ``scores``, drawn independently from softmax(scores / temperature)."""
    if sampling.temperature <= 0:
        return (int(scores.argmax()),) * sampling.n
    scaled = (scores.astype(np.float64) - scores.max()) / max(sampling.temperature, COLDEST)
    odds = np.exp(scaled)
    order = np.argsort(-odds, kind="stable")
    cumulated = np.cumsum(odds[order])
    # The smallest set of the likeliest whose probability reaches top_p; at least one.
    kept = int(np.searchsorted(cumulated, sampling.top_p * cumulated[-1])) + 1
    cumulated = cumulated[:kept]
    seed = None if sampling.seed is None else sampling.seed & SEED_MASK
    points = np.random.default_rng(seed).random(sampling.n) * cumulated[-1]
    places = np.searchsorted(cumulated, points, side="right").clip(max=len(cumulated) - 1)
    return tuple(int(order[place]) for place in places)
