"""Python graders in evaluations: nothing is asked that can't be graded, and how they ran stays true of the record."""

import dataclasses
import threading
from collections.abc import Mapping
from typing import Any, Literal

from test_evaluate import World, scores_of

from ftops.domain.manifest import Condition
from ftops.graders.problems import Failure, FailureKind, GradingFailed

PROGRAM = {"type": "python", "source": "def grade(sample, item): return 1.0"}


class KnownPrograms:
    """Runs no source: gives 1.0, or fails where the answer has a word of ``failing``."""

    def __init__(self, isolation: Literal["isolated", "none"] | None, *, failing: str = "none of them") -> None:
        self.isolation = isolation
        self.failing = failing
        self.ran = 0
        self._lock = threading.Lock()

    def refusal(self) -> str | None:
        return "no walls here" if self.isolation is None else None

    def run(self, source: str, sample: Mapping[str, Any], item: Mapping[str, Any]) -> float:
        assert source == PROGRAM["source"]
        assert item["messages"][-1]["content"] == sample["output_text"]
        with self._lock:
            self.ran += 1
        if self.failing in sample["output_text"]:
            raise GradingFailed(Failure(kind=FailureKind.PROGRAM, message="it failed"))
        return 1.0

    def close(self) -> None: ...


class ProgramWorld(World):
    """A world with a python grader; ``programs`` are those of the run to come."""

    programs: KnownPrograms | None = None

    def __init__(self) -> None:
        super().__init__(Condition(min=0.5), grader=PROGRAM)

    @property
    def evaluations(self) -> Any:
        return dataclasses.replace(super().evaluations, programs=self.programs)


def test_without_leave_or_walls_no_model_is_asked() -> None:
    for programs, why in ((None, "--allow-python-graders"), (KnownPrograms(None), "no walls here")):
        world = ProgramWorld()
        world.programs = programs
        (event,) = scores_of(world.evaluate())
        assert why in str(event.evaluation.error)
        assert (event.evaluation.items, event.evaluation.isolation) == ((), None)
        assert world.session.requests == []


def test_scores_of_an_unisolated_run_keep_saying_so() -> None:
    world = ProgramWorld()
    world.programs = KnownPrograms("none", failing="answer 3")
    (event,) = scores_of(world.evaluate())
    assert (event.evaluation.error, event.evaluation.isolation) == ("1 of 10 items without a score: it failed", "none")
    world.programs = KnownPrograms("isolated")
    (event,) = scores_of(world.evaluate())
    assert world.programs.ran == 1
    assert (event.evaluation.error, event.evaluation.isolation) == (None, "none")
    assert len(world.session.requests) == 10


def test_an_isolated_run_says_so() -> None:
    world = ProgramWorld()
    world.programs = KnownPrograms("isolated", failing="answer 3")
    world.evaluate()
    (event,) = scores_of(world.evaluate())
    assert event.evaluation.isolation == "isolated"
