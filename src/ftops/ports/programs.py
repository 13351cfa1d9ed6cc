"""Running python graders: somebody else's code, from the repository."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, Protocol


class ProgramMode(StrEnum):
    """How python graders may run in this run of ftops; a person says so each time, or they don't."""

    ISOLATED = "isolated"
    UNSAFE = "unsafe"


class Programs(Protocol):
    """Runs the sources of python graders. Safe to call from several threads."""

    @property
    def isolation(self) -> Literal["isolated", "none"] | None:
        """How they run, for the record; None where they can't."""
        ...

    def refusal(self) -> str | None:
        """Says why none can run here, and the remedy; None where they can. The first call may take a second."""
        ...

    def run(self, source: str, sample: Mapping[str, Any], item: Mapping[str, Any]) -> float:
        """Gives the score of ``grade(sample, item)``. Raises GradingFailed, and Interrupted when the run is to stop."""
        ...

    def close(self) -> None:
        """Ends what runs."""
        ...
