"""The contract between the server and whatever trains inside it.

Owns the words that both sides share. An engine knows nothing of HTTP, SQLite, job ids or files: it takes rows that the server
has validated, yields progress and checkpoints, and answers conversations. A further engine is one more folder beside
``linear``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = Mapping[str, Any]
Message = Mapping[str, Any]


class TrainingDiverged(Exception):
    """Losses or weights have left the range of numbers, so that no model can come of this run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSpec:
    """What determines a training run: equal specs give equal weights, bit for bit.

    ``train_rows`` and ``validation_rows`` are parsed rows in OpenAI's training formats, already checked. ``hyperparameters``
    holds only what was given as a number; whatever is missing is ``auto``. ``parent`` is the weights that training continues
    from, None for a base model.
    """

    method: str
    train_rows: Sequence[Row]
    validation_rows: Sequence[Row]
    seed: int
    hyperparameters: Mapping[str, float]
    parent: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The hyperparameters in force (``auto`` made concrete), the number of steps, and the tokens that will be billed."""

    hyperparameters: Mapping[str, float]
    n_epochs: int
    total_steps: int
    trained_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMetrics:
    """Measured after a step, which counts from 1. Losses in nats; accuracies from 0 to 1.

    ``valid_*`` is measured on one validation batch, ``full_valid_*`` on the whole validation file; None where not measured.
    """

    step: int
    train_loss: float
    train_accuracy: float
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_accuracy: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The weights at the end of an epoch. Training resumed from one ends in the same weights as training undisturbed."""

    step: int
    epoch: int
    weights: bytes
    metrics: StepMetrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How to draw answers. ``temperature`` 0 takes the likeliest; equal seeds give equal answers."""

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None


class Model(Protocol):
    """A model that answers; safe to call from several threads."""

    def answer(self, messages: Sequence[Message], sampling: Sampling) -> tuple[Message, ...]:
        """Gives ``sampling.n`` assistant messages (``content``, and ``tool_calls`` where the reply learnt had some)."""
        ...


class Engine(Protocol):
    """Trains and answers."""

    @property
    def methods(self) -> frozenset[str]:
        """The training methods this engine knows."""
        ...

    def resolve(self, spec: TrainingSpec) -> Resolved:
        """Makes ``auto`` concrete and counts steps and tokens, without training."""
        ...

    def train(
        self, spec: TrainingSpec, resolved: Resolved, resume: Checkpoint | None = None
    ) -> Iterator[StepMetrics | Checkpoint]:
        """Trains step by step: metrics after each step, then a checkpoint at each epoch's end, the last one being the model.

        The caller may stop iterating at any time (cancel), and may start again with the last checkpoint it kept.
        ``TrainingDiverged`` when the steps are too long for the run to come to anything.
        """
        ...

    def load(self, weights: bytes | None) -> Model:
        """Makes a model of a checkpoint's weights; None is the untuned base model."""
        ...
