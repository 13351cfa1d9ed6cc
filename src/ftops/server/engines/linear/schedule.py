"""Makes ``auto`` concrete and counts steps.

Owns the choice of epochs, batch size and step. Found by experiment on sets of 10 to 10,003 rows with 2 to 77 labels: what
matters is the step per example (step / batch size), and 4 to 8 is good throughout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftops.server.engines.interface import NothingToLearn, Prepared, Row, TrainingSpec
from ftops.server.engines.linear.conversation import read_targets
from ftops.server.engines.linear.tokens import count_tokens

MOST_BATCH = 24
ROWS_PER_BATCH = 64
MOST_AUTO_MULTIPLIER = 8.0
DEFAULT_BETA = 0.1

STEP_PER_EXAMPLE: Mapping[str, float] = {"supervised": 6.0, "dpo": 6.0, "reinforcement": 12.0}

SAMPLES = 16
"""Answers drawn for a row each time it comes up in reinforcement, by default."""
LEAST_SAMPLES = 2
"""A single answer has no others to be compared with."""
EFFORT: Mapping[str, float] = {"default": 1.0, "low": 0.5, "medium": 1.0, "high": 2.0}
"""What ``reasoning_effort`` multiplies them by: this engine doesn't reason, all it can do is to try more answers."""
EVALUATIONS = 10
"""Measurements of the whole validation file in a run of reinforcement, by default, besides those at the ends of epochs."""

MEASUREMENTS = 200
"""Measurements of a validation batch in a run of the other methods; shorter runs measure at every step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """How a run walks over its rows. ``step_size`` is the first step's; it falls linearly to nothing.

    ``eval_interval`` is there for reinforcement only, whose rewards may cost too much to be measured all the time.
    """

    seed: int
    n_rows: int
    batch_size: int
    n_epochs: int
    step_size: float
    eval_interval: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass, the last one perhaps short."""
        return -(-self.n_rows // self.batch_size)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_per_epoch * self.n_epochs

    def is_batch_due(self, step: int) -> bool:
        """Whether a validation batch is measured after a step."""
        interval = max(1, self.total_steps // MEASUREMENTS)
        return self.eval_interval is None and (step % interval == 0 or self._ends_epoch(step))

    def is_full_due(self, step: int) -> bool:
        """Whether the whole validation file is measured after a step."""
        is_interval = self.eval_interval is not None and step % self.eval_interval == 0
        return is_interval or self._ends_epoch(step)

    def _ends_epoch(self, step: int) -> bool:
        return step % self.steps_per_epoch == 0


def trainable(rows: Sequence[Row], method: str) -> tuple[Row, ...]:
    """Gives the rows that have something to learn: of the supervised ones those with a target of a weight other than 0."""
    return tuple(row for row in rows if method != "supervised" or read_targets(row))


def prepare(spec: TrainingSpec) -> Prepared:
    """Makes ``auto`` concrete. Raises NothingToLearn where there is nothing to train on.

    An explicit batch size leaves the step per example as it is, if the multiplier is ``auto``.
    """
    rows = trainable(spec.train_rows, spec.method)
    if not rows:
        raise NothingToLearn("no row has an assistant turn to train on")
    given = {name: value for name, value in spec.hyperparameters.items() if value != "auto"}
    n_epochs = int(given.get("n_epochs", auto_epochs(len(rows), spec.method)))
    batch_size = min(int(given.get("batch_size", auto_batch(len(rows)))), len(rows))
    auto_multiplier = min(MOST_AUTO_MULTIPLIER, batch_size / auto_batch(len(rows)))
    total_steps = -(-len(rows) // batch_size) * n_epochs
    hyperparameters: dict[str, float | str] = {
        "n_epochs": n_epochs,
        "batch_size": int(given.get("batch_size", batch_size)),
        "learning_rate_multiplier": float(given.get("learning_rate_multiplier", auto_multiplier)),
    }
    if spec.method == "dpo":
        hyperparameters["beta"] = float(given.get("beta", DEFAULT_BETA))
    if spec.method == "reinforcement":
        hyperparameters |= {
            "compute_multiplier": float(given.get("compute_multiplier", 1.0)),
            "reasoning_effort": str(given.get("reasoning_effort", "default")),
            "eval_interval": int(given.get("eval_interval", max(1, total_steps // EVALUATIONS))),
            "eval_samples": int(given.get("eval_samples", 1)),
        }
    return Prepared(
        hyperparameters=hyperparameters,
        n_epochs=n_epochs,
        total_steps=total_steps,
        trained_tokens=count_tokens(spec.train_rows) * n_epochs,
    )


def schedule_of(spec: TrainingSpec, prepared: Prepared, n_rows: int) -> Schedule:
    """Gives the walk that prepared hyperparameters mean for ``n_rows`` rows."""
    multiplier = float(prepared.hyperparameters["learning_rate_multiplier"])
    interval = prepared.hyperparameters.get("eval_interval")
    return Schedule(
        seed=spec.seed,
        n_rows=n_rows,
        batch_size=min(int(prepared.hyperparameters["batch_size"]), n_rows),
        n_epochs=prepared.n_epochs,
        step_size=STEP_PER_EXAMPLE[spec.method] * auto_batch(n_rows) * multiplier,
        eval_interval=None if interval is None else int(interval),
    )


def samples_of(prepared: Prepared) -> int:
    """Gives how many answers reinforcement draws for a row."""
    effort = EFFORT[str(prepared.hyperparameters["reasoning_effort"])]
    return max(LEAST_SAMPLES, round(SAMPLES * float(prepared.hyperparameters["compute_multiplier"]) * effort))


def auto_epochs(n: int, method: str = "supervised") -> int:
    """OpenAI's published rule of thumb: 3, but at least 100 and at most 25,000 examples in all, within 1 to 25 passes.

    Twice as many for reinforcement, which isn't shown the right answers but has to find them.
    """
    if method == "reinforcement":
        return 2 * auto_epochs(n)
    if 3 * n < 100:
        return min(25, 100 // n)
    if 3 * n > 25_000:
        return max(1, 25_000 // n)
    return 3


def auto_batch(n: int) -> int:
    """One 64th of the rows, from 1 to 24: enough steps to learn from few rows, few enough to read from many."""
    return max(1, min(MOST_BATCH, n // ROWS_PER_BATCH))
