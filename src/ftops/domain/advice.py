"""What to change, told from the symptoms of a training that has ended and of the answers that its model gives.

Owns the rules, which are those that practitioners give (docs/evaluation.md has the table). Without curves nothing is said:
a guess before the training is worth less than the backend's own choice. A hyperparameter that is ``auto`` is never argued
with: what is advised then leaves it alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ftops.domain.curves import (
    StepMetrics,
    has_converged,
    is_still_falling,
    risen_from,
    train_losses,
    window_means,
)

# Batches beyond this share of the rows count as large: five times the rule of thumb of 0.2 %.
_LARGE_BATCH: Final = 0.01
# Answers are too uniform where the share of the commonest one exceeds that of the commonest reference by so much.
_UNIFORM: Final = 0.2
_FEWEST_ANSWERS: Final = 20


class Symptom(StrEnum):
    """What was seen."""

    NO_CONVERGENCE = "no_convergence"
    DOES_NOT_FOLLOW = "does_not_follow"
    TOO_UNIFORM = "too_uniform"
    VALIDATION_RISING = "validation_rising"


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """A symptom, what shows it in figures, and what to change."""

    symptom: Symptom
    seen: str
    change: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What the model answered under its evaluations: how many, the share of the commonest one, and of the commonest reference.

    ``is_withheld`` says that a gate did not pass.
    """

    count: int = 0
    commonest: float = 0.0
    commonest_reference: float = 0.0
    is_withheld: bool = False

    @property
    def are_too_uniform(self) -> bool:
        """Whether one answer is given far more often than any reference asks for it."""
        return self.count >= _FEWEST_ANSWERS and self.commonest - self.commonest_reference >= _UNIFORM


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What a job was trained with: hyperparameters as declared, and how many rows."""

    hyperparameters: Mapping[str, Any]
    rows: int

    def stated(self, name: str) -> float | None:
        """Gives a hyperparameter that the manifest states; None where it is ``auto`` or absent."""
        value = self.hyperparameters.get(name)
        return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def advise(metrics: Sequence[StepMetrics], training: Training, answers: Answers) -> tuple[Advice, ...]:
    """Gives what to change, what hurts most first; nothing where there is no curve, or nothing is wrong with it."""
    if not metrics:
        return ()
    found = (
        _on_convergence(metrics, training),
        _on_validation(metrics, training),
        _on_uniform_answers(training, answers),
        _on_following(metrics, training, answers),
    )
    return tuple(one for one in found if one is not None)


def _on_convergence(metrics: Sequence[StepMetrics], training: Training) -> Advice | None:
    losses = train_losses(metrics)
    means = window_means(losses)
    if has_converged(losses) is not False or means is None:
        return None
    rate, batch = training.stated("learning_rate_multiplier"), training.stated("batch_size")
    if rate is None:
        change = (
            "look at the data first: the backend chose the learning rate, and contradicting examples keep a loss up"
        )
    elif batch is not None and training.rows and batch > _LARGE_BATCH * training.rows:
        change = (
            f"raise learning_rate_multiplier, from {rate:g} to {2 * rate:g} say: a batch of {batch:g} is large for "
            f"{training.rows:,} rows, and larger batches go with larger learning rates"
        )
    else:
        change = f"raise learning_rate_multiplier, from {rate:g} to {2 * rate:g} say"
    return Advice(
        symptom=Symptom.NO_CONVERGENCE,
        seen=f"the training loss did not come down: {means[0]:.3g} in the first fifth, {means[-1]:.3g} in the last",
        change=change,
    )


def _on_validation(metrics: Sequence[StepMetrics], training: Training) -> Advice | None:
    least = risen_from(metrics)
    if least is None:
        return None
    earlier = "an earlier checkpoint: policy.checkpoints: best_validation_loss"
    epochs = training.stated("n_epochs")
    fewer = f"fewer epochs than {epochs:g}, or " if epochs is not None and epochs > 1 else ""
    return Advice(
        symptom=Symptom.VALIDATION_RISING,
        seen=f"the validation loss rose from {least.loss:.3g} at step {least.step:,} to {least.last:.3g} at the end",
        change=f"{fewer}{earlier}",
    )


def _on_uniform_answers(training: Training, answers: Answers) -> Advice | None:
    if not answers.are_too_uniform:
        return None
    epochs = training.stated("n_epochs")
    if epochs is not None and epochs > 1:
        fewer = "1" if epochs <= 2 else f"{max(1, epochs - 2):g} to {epochs - 1:g}"
        change = f"1 to 2 epochs fewer: n_epochs: {fewer} instead of {epochs:g}"
    else:
        change = "an earlier checkpoint (policy.checkpoints: evaluate), or training rows with more different replies"
    return Advice(
        symptom=Symptom.TOO_UNIFORM,
        seen=(
            f"one answer makes up {answers.commonest:.0%} of all, the commonest reference "
            f"{answers.commonest_reference:.0%}"
        ),
        change=change,
    )


def _on_following(metrics: Sequence[StepMetrics], training: Training, answers: Answers) -> Advice | None:
    losses = train_losses(metrics)
    means = window_means(losses)
    is_rising = risen_from(metrics) is not None
    if not answers.is_withheld or is_rising or means is None or is_still_falling(losses) is not True:
        return None
    epochs = training.stated("n_epochs")
    if epochs is not None:
        change = f"more epochs: n_epochs: {epochs + 1:g} to {epochs + 2:g} instead of {epochs:g}"
    else:
        change = "more examples like those that failed: the backend chose the number of epochs"
    return Advice(
        symptom=Symptom.DOES_NOT_FOLLOW,
        seen=(
            "a gate did not pass, and the training loss was still coming down at the end: "
            f"{means[-2]:.3g} to {means[-1]:.3g}"
        ),
        change=change,
    )
