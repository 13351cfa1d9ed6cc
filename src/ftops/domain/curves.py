"""What a training measured step by step, and what its shape says: whether it converged, still fell, or learnt by heart.

Owns the shapes and the tests on them. ``domain.advice`` says what to change; reading curves is the adapters' business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

# Losses of single batches jump: what is compared are means over windows, and of fewer steps nothing is said.
FEWEST_STEPS: Final = 8
_WINDOWS: Final = 5
# A loss that lost less than this share from its first window to its last did not come down.
_CONVERGED: Final = 0.10
# One that lost this share of all that it lost over its last two windows was still coming down.
_FALLING: Final = 0.05
# A validation loss this share above its least has risen.
_RISEN: Final = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMetrics:
    """What was measured at one step; None was not measured. ``valid_loss`` is over one batch, ``full_valid_loss`` over all."""

    step: int
    train_loss: float | None = None
    valid_loss: float | None = None
    full_valid_loss: float | None = None
    train_reward: float | None = None
    valid_reward: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lowest:
    """Where a validation loss was least, and what it came to at the end."""

    step: int
    loss: float
    last: float


Curve = Sequence[tuple[int, float]]
"""Values by their steps, steps rising."""


def train_losses(metrics: Sequence[StepMetrics]) -> Curve:
    """Gives the training loss, step by step."""
    return [(one.step, one.train_loss) for one in metrics if one.train_loss is not None]


def validation_losses(metrics: Sequence[StepMetrics]) -> Curve:
    """Gives the loss over all validation rows where it was measured twice or more, else that over batches of them."""
    full = [(one.step, one.full_valid_loss) for one in metrics if one.full_valid_loss is not None]
    if len(full) > 1:
        return full
    return [(one.step, one.valid_loss) for one in metrics if one.valid_loss is not None]


def has_converged(losses: Curve) -> bool | None:
    """Whether a training loss came down by a tenth or more; None where there are too few steps to tell."""
    means = window_means(losses)
    if means is None or means[0] <= 0:
        return None
    return means[-1] <= (1 - _CONVERGED) * means[0]


def is_still_falling(losses: Curve) -> bool | None:
    """Whether a training loss lost a twentieth or more of all that it lost over its last two fifths.

    None where there are too few steps to tell.
    """
    means = window_means(losses)
    if means is None or means[0] <= 0:
        return None
    lost = means[0] - means[-1]
    return lost > 0 and means[-2] - means[-1] >= _FALLING * lost


def risen_from(metrics: Sequence[StepMetrics]) -> Lowest | None:
    """Gives the least validation loss where the last one is at least 2 % above it; None where it did not rise.

    Three measurements over the whole validation set are enough to tell. Losses of single batches are smoothed first, over as
    many steps as a fifth of them.
    """
    losses = validation_losses(metrics)
    is_full = any(one.full_valid_loss is not None for one in metrics) and len(losses) > 1
    if not is_full:
        losses = _smoothed(losses)
    if len(losses) < 3:
        return None
    step, least = min(losses, key=lambda point: (point[1], -point[0]))
    last = losses[-1][1]
    if last <= least * (1 + _RISEN) or last <= least:
        return None
    return Lowest(step=step, loss=least, last=last)


def window_means(losses: Curve) -> tuple[float, ...] | None:
    """Gives the means over five windows of equal length; None where there are fewer than eight steps."""
    if len(losses) < FEWEST_STEPS:
        return None
    edges = [round(number * len(losses) / _WINDOWS) for number in range(_WINDOWS + 1)]
    parts = ([loss for _, loss in losses[start:end]] for start, end in pairwise(edges))
    return tuple(sum(part) / len(part) for part in parts)


def _smoothed(losses: Curve) -> Curve:
    """Gives the mean over each fifth, at the last step of it; nothing where there are too few."""
    means = window_means(losses)
    if means is None:
        return []
    ends = [losses[round((number + 1) * len(losses) / _WINDOWS) - 1][0] for number in range(_WINDOWS)]
    return list(zip(ends, means, strict=True))
