"""Makes ``auto`` concrete and counts steps.

Owns the choice of epochs, batch size and step. Found by experiment on sets of 10 to 10,003 rows with 2 to 77 labels: what
matters is the step per example (step / batch size), and 4 to 8 is good throughout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftops.server.engines.interface import Prepared, Row, TrainingSpec
from ftops.server.engines.linear.conversation import read_targets
from ftops.server.engines.linear.tokens import count_tokens

MOST_BATCH = 24
ROWS_PER_BATCH = 64
MOST_AUTO_MULTIPLIER = 8.0
DEFAULT_BETA = 0.1

STEP_PER_EXAMPLE: Mapping[str, float] = {"supervised": 6.0, "dpo": 6.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """How a run walks over its rows. ``step_size`` is the first step's; it falls linearly to nothing."""

    seed: int
    n_rows: int
    batch_size: int
    n_epochs: int
    step_size: float

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass, the last one perhaps short."""
        return -(-self.n_rows // self.batch_size)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_per_epoch * self.n_epochs


def trainable(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Gives the rows that have something to learn: a pair, or a supervised target of a weight other than 0."""
    return tuple(row for row in rows if "input" in row or read_targets(row))


def prepare(spec: TrainingSpec) -> Prepared:
    """Makes ``auto`` concrete. Raises ValueError where there is nothing to train on.

    An explicit batch size leaves the step per example as it is, if the multiplier is ``auto``.
    """
    rows = trainable(spec.train_rows)
    if not rows:
        raise ValueError("no row has an assistant turn to train on")
    given = spec.hyperparameters
    n_epochs = int(given.get("n_epochs", auto_epochs(len(rows))))
    batch_size = min(int(given.get("batch_size", auto_batch(len(rows)))), len(rows))
    auto_multiplier = min(MOST_AUTO_MULTIPLIER, batch_size / auto_batch(len(rows)))
    hyperparameters: dict[str, float | str] = {
        "n_epochs": n_epochs,
        "batch_size": int(given.get("batch_size", batch_size)),
        "learning_rate_multiplier": float(given.get("learning_rate_multiplier", auto_multiplier)),
    }
    if spec.method == "dpo":
        hyperparameters["beta"] = float(given.get("beta", DEFAULT_BETA))
    return Prepared(
        hyperparameters=hyperparameters,
        n_epochs=n_epochs,
        total_steps=-(-len(rows) // batch_size) * n_epochs,
        trained_tokens=count_tokens(spec.train_rows) * n_epochs,
    )


def schedule_of(spec: TrainingSpec, prepared: Prepared, n_rows: int) -> Schedule:
    """Gives the walk that prepared hyperparameters mean for ``n_rows`` rows."""
    multiplier = float(prepared.hyperparameters["learning_rate_multiplier"])
    return Schedule(
        seed=spec.seed,
        n_rows=n_rows,
        batch_size=min(int(prepared.hyperparameters["batch_size"]), n_rows),
        n_epochs=prepared.n_epochs,
        step_size=STEP_PER_EXAMPLE[spec.method] * auto_batch(n_rows) * multiplier,
    )


def auto_epochs(n: int) -> int:
    """OpenAI's published rule of thumb: 3, but at least 100 and at most 25,000 examples in all, within 1 to 25 passes."""
    if 3 * n < 100:
        return min(25, 100 // n)
    if 3 * n > 25_000:
        return max(1, 25_000 // n)
    return 3


def auto_batch(n: int) -> int:
    """One 64th of the rows, from 1 to 24: enough steps to learn from few rows, few enough to read from many."""
    return max(1, min(MOST_BATCH, n // ROWS_PER_BATCH))
