"""Curves and what is advised from them, over synthetic trainings."""

from collections.abc import Sequence
from typing import Any

import pytest

from ftops.domain.advice import Advice, Answers, Symptom, Training, advise
from ftops.domain.curves import (
    Lowest,
    StepMetrics,
    has_converged,
    is_still_falling,
    risen_from,
    train_losses,
    validation_losses,
    window_means,
)

STEPS = 100
STATED = {"n_epochs": 3, "learning_rate_multiplier": 0.1}


def curve(
    train: Sequence[float], *, valid: Sequence[float | None] = (), full: Sequence[float | None] = ()
) -> tuple[StepMetrics, ...]:
    def at(values: Sequence[float | None], place: int) -> float | None:
        return values[place] if place < len(values) else None

    return tuple(
        StepMetrics(step=place + 1, train_loss=loss, valid_loss=at(valid, place), full_valid_loss=at(full, place))
        for place, loss in enumerate(train)
    )


FLAT = [2.0 + 0.05 * (place % 3) for place in range(STEPS)]
FALLING = [2.0 * 0.98**place for place in range(STEPS)]
SETTLED = [max(0.2, 2.0 * 0.9**place) for place in range(STEPS)]
OVERFITTED = [*[None] * 19, 1.0, *[None] * 19, 0.6, *[None] * 19, 0.5, *[None] * 19, 0.7, *[None] * 19, 0.9]


def symptoms(found: Sequence[Advice]) -> list[Symptom]:
    return [one.symptom for one in found]


def advised(
    metrics: Sequence[StepMetrics], hyperparameters: dict[str, Any] | None = None, **answers: Any
) -> tuple[Advice, ...]:
    training = Training(hyperparameters=STATED if hyperparameters is None else hyperparameters, rows=500)
    return advise(metrics, training, Answers(**answers))


def test_a_sound_training_gets_no_advice() -> None:
    assert advised(curve(SETTLED, full=[*[None] * 49, 0.5, *[None] * 49, 0.4])) == ()
    assert advised(curve(SETTLED), is_withheld=True) == ()


def test_without_a_curve_nothing_is_advised_whatever_the_answers_are() -> None:
    assert advised((), is_withheld=True, count=100, commonest=1.0, commonest_reference=0.2) == ()


@pytest.mark.parametrize("count", [1, 7])
def test_of_a_few_steps_nothing_is_said(count: int) -> None:
    assert advised(curve(FLAT[:count]), is_withheld=True) == ()
    assert advised(curve(FALLING[:count], valid=[1.0, 0.5, 0.4, 2.0, 2.0, 2.0, 2.0]), is_withheld=True) == ()


def test_a_loss_that_stays_up_calls_for_a_higher_learning_rate() -> None:
    (found,) = advised(curve(FLAT))
    assert found.symptom is Symptom.NO_CONVERGENCE
    assert found.seen == "the training loss did not come down: 2.05 in the first fifth, 2.05 in the last"
    assert found.change == "raise learning_rate_multiplier, from 0.1 to 0.2 say"


def test_a_large_batch_goes_with_a_larger_learning_rate() -> None:
    (found,) = advised(curve(FLAT), {"learning_rate_multiplier": 0.1, "batch_size": 64})
    assert "a batch of 64 is large for 500 rows, and larger batches go with larger learning rates" in found.change
    (small,) = advised(curve(FLAT), {"learning_rate_multiplier": 0.1, "batch_size": 2})
    assert "batch" not in small.change


@pytest.mark.parametrize("hyperparameters", [{}, {"learning_rate_multiplier": "auto", "n_epochs": "auto"}])
def test_auto_is_never_argued_with(hyperparameters: dict[str, Any]) -> None:
    (flat,) = advised(curve(FLAT), hyperparameters)
    assert flat.change.startswith("look at the data first")
    (falling,) = advised(curve(FALLING), hyperparameters, is_withheld=True)
    assert falling.change.startswith("more examples like those that failed")
    (rising,) = advised(curve(SETTLED, full=OVERFITTED), hyperparameters)
    assert rising.change == "an earlier checkpoint: policy.checkpoints: best_validation_loss"
    (uniform,) = advised(curve(SETTLED), hyperparameters, count=50, commonest=0.9, commonest_reference=0.3)
    assert uniform.change.startswith("an earlier checkpoint")


def test_a_loss_that_still_fell_at_the_end_calls_for_more_epochs_where_a_gate_did_not_pass() -> None:
    assert advised(curve(FALLING)) == ()
    (found,) = advised(curve(FALLING), is_withheld=True)
    assert found.symptom is Symptom.DOES_NOT_FOLLOW
    assert found.change == "more epochs: n_epochs: 4 to 5 instead of 3"


def test_a_validation_loss_that_rose_calls_for_fewer_epochs_or_an_earlier_checkpoint() -> None:
    (found,) = advised(curve(FALLING, full=OVERFITTED), is_withheld=True)
    assert found.symptom is Symptom.VALIDATION_RISING
    assert found.seen == "the validation loss rose from 0.5 at step 60 to 0.9 at the end"
    assert found.change == ("fewer epochs than 3, or an earlier checkpoint: policy.checkpoints: best_validation_loss")
    (one_epoch,) = advised(curve(SETTLED, full=OVERFITTED), {"n_epochs": 1})
    assert one_epoch.change.startswith("an earlier checkpoint")


@pytest.mark.parametrize(
    ("epochs", "change"),
    [(4, "2 to 3 instead of 4"), (3, "1 to 2 instead of 3"), (2, "1 instead of 2")],
)
def test_answers_that_are_too_uniform_call_for_fewer_epochs(epochs: int, change: str) -> None:
    (found,) = advised(curve(SETTLED), {"n_epochs": epochs}, count=50, commonest=0.62, commonest_reference=0.34)
    assert found.symptom is Symptom.TOO_UNIFORM
    assert found.seen == "one answer makes up 62% of all, the commonest reference 34%"
    assert found.change == f"1 to 2 epochs fewer: n_epochs: {change}"


def test_answers_are_uniform_only_beyond_what_the_references_are_and_only_when_there_are_some() -> None:
    assert not Answers(count=19, commonest=1.0, commonest_reference=0.1).are_too_uniform
    assert Answers(count=20, commonest=1.0, commonest_reference=0.75).are_too_uniform
    assert not Answers(count=500, commonest=0.95, commonest_reference=0.9).are_too_uniform
    one_epoch = advised(curve(SETTLED), {"n_epochs": 1}, count=50, commonest=0.9, commonest_reference=0.3)
    assert one_epoch[0].change.startswith("an earlier checkpoint")


def test_several_symptoms_are_told_in_the_order_of_what_hurts_most() -> None:
    found = advised(curve(FLAT, full=OVERFITTED), count=50, commonest=0.9, commonest_reference=0.3)
    assert symptoms(found) == [Symptom.NO_CONVERGENCE, Symptom.VALIDATION_RISING, Symptom.TOO_UNIFORM]


def test_a_truth_value_is_no_number() -> None:
    assert Training(hyperparameters={"n_epochs": True}, rows=1).stated("n_epochs") is None


def test_windows_are_fifths() -> None:
    losses = [(step, float(step)) for step in range(10)]
    assert window_means(losses) == (0.5, 2.5, 4.5, 6.5, 8.5)
    assert window_means(losses[:7]) is None


@pytest.mark.parametrize(
    ("losses", "converged", "falling"),
    [(FLAT, False, False), (FALLING, True, True), (SETTLED, True, False), ([0.0] * STEPS, None, None)],
    ids=["flat", "falling", "settled", "nothing"],
)
def test_the_shape_of_a_loss(losses: list[float], converged: bool | None, falling: bool | None) -> None:
    points = train_losses(curve(losses))
    assert has_converged(points) is converged
    assert is_still_falling(points) is falling


def test_the_loss_over_all_validation_rows_goes_before_that_over_a_batch() -> None:
    once = curve([1.0] * 3, valid=[0.3, 0.2, 0.1], full=[None, 0.5])
    assert validation_losses(once) == [(1, 0.3), (2, 0.2), (3, 0.1)]
    twice = curve([1.0] * 3, valid=[0.3, 0.2, 0.1], full=[0.4, 0.5])
    assert validation_losses(twice) == [(1, 0.4), (2, 0.5)]


def test_a_rise_is_one_beyond_the_noise() -> None:
    def measured(*losses: float) -> tuple[StepMetrics, ...]:
        return tuple(StepMetrics(step=step, full_valid_loss=loss) for step, loss in enumerate(losses, 1))

    assert risen_from(measured(0.5, 0.4, 0.6)) == Lowest(step=2, loss=0.4, last=0.6)
    assert risen_from(measured(0.5, 0.4, 0.405)) is None
    assert risen_from(measured(0.5, 0.9)) is None
    assert risen_from(measured(0.0, 0.0, 0.0)) is None
    assert risen_from(measured(0.4, 0.4, 0.6)) == Lowest(step=2, loss=0.4, last=0.6)


def test_losses_of_batches_are_smoothed_before_a_rise_is_told() -> None:
    jumping = [0.5 if step % 2 else 0.9 for step in range(40)]
    assert risen_from(curve(jumping, valid=jumping)) is None
    rising = [1.0 - step / 40 for step in range(20)] + [0.5 + step / 40 for step in range(20)]
    found = risen_from(curve(rising, valid=rising))
    assert found is not None
    assert found.step == 24
    assert found.last > found.loss
