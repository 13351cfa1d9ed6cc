"""The engine's front: prepares, estimates, trains and loads.

Owns the choice of learner and model. The one thing it holds is the base model, which is the same by every name.
"""

from collections.abc import Iterator
from typing import Final

from ftops.server.engines.interface import Checkpoint, Model, Prepared, StepMetrics, TrainingSpec
from ftops.server.engines.linear import schedule
from ftops.server.engines.linear.dpo import PreferenceLearner
from ftops.server.engines.linear.model import BaseModel, TunedModel
from ftops.server.engines.linear.reinforcement import ReinforcementLearner, known_replies
from ftops.server.engines.linear.sft import SupervisedLearner
from ftops.server.engines.linear.training import Learner, run
from ftops.server.engines.linear.weights import Weights, parse

SECONDS_PER_TOKEN: Final = 4e-6
"""To read a row, once a run. Measured, as what follows, with one core of a 2-core virtual machine on Banking77 and orca-dpo
pairs, which took between a half and twice the estimate. Reinforcement over more than 256 replies takes several times that."""

SECONDS_PER_ROW: Final = {"supervised": 7e-5, "dpo": 2.5e-4, "reinforcement": 1.1e-4}
"""To learn from a row, each time it comes up, or to measure it; without the grader's own time."""

METHODS: Final = frozenset(SECONDS_PER_ROW)


class LinearEngine:
    """Implements ``Engine`` with a linear policy over hashed n-grams."""

    def __init__(self) -> None:
        self._base = BaseModel()

    @property
    def name(self) -> str:
        """Gives ``linear``."""
        return "linear"

    @property
    def methods(self) -> frozenset[str]:
        """Gives ``supervised``, ``dpo`` and ``reinforcement``."""
        return METHODS

    def prepare(self, spec: TrainingSpec) -> Prepared:
        """Makes ``auto`` concrete. Raises NothingToLearn where the rows don't serve, ValueError for an unknown method."""
        if spec.method not in METHODS:
            raise ValueError(f"engine linear does not train by {spec.method!r}")
        prepared = schedule.prepare(spec)
        if spec.method == "reinforcement":
            known_replies(spec, _parent(spec))
        return prepared

    def estimate(self, spec: TrainingSpec, prepared: Prepared) -> float:
        """Seconds, by the tokens to be read, and by how often rows come up; the grader's own time is not in it."""
        n, n_validation = len(spec.train_rows), len(spec.validation_rows)
        tokens = prepared.trained_tokens / prepared.n_epochs * (1 + n_validation / n)
        measurements = prepared.n_epochs
        if spec.method == "reinforcement":
            measurements += prepared.total_steps // int(prepared.hyperparameters["eval_interval"])
        comings = n * prepared.n_epochs + n_validation * measurements
        return tokens * SECONDS_PER_TOKEN + comings * SECONDS_PER_ROW[spec.method]

    def train(
        self, spec: TrainingSpec, prepared: Prepared, resume: Checkpoint | None = None
    ) -> Iterator[StepMetrics | Checkpoint]:
        """Trains, with metrics after each step and a checkpoint after each epoch.

        Resuming from the last epoch's checkpoint yields nothing: there is nothing left to do. Raises ValueError where the
        parent or the checkpoint isn't this engine's, or the checkpoint is another run's.
        """
        parent = _parent(spec)
        learner: Learner
        match spec.method:
            case "dpo":
                learner = PreferenceLearner(spec, parent, float(prepared.hyperparameters["beta"]))
            case "reinforcement":
                learner = ReinforcementLearner(spec, prepared, parent)
            case _:
                learner = SupervisedLearner(spec, parent)
        yield from run(learner, schedule.schedule_of(spec, prepared, learner.n_rows), resume)

    def load(self, base: str, weights: bytes | None) -> Model:
        """Makes a model of weights, whatever the base is called. ValueError where they are damaged or another engine's."""
        return self._base if weights is None else TunedModel(parse(weights))


def _parent(spec: TrainingSpec) -> Weights:
    return Weights.empty() if spec.parent is None else parse(spec.parent)
