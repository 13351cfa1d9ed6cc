"""Graders as evaluations declare them.

Owns what of a declaration is not the grader's own: its ``name``, and the ``pass_threshold``, which is applied when scores are
judged, so that changing it grades nothing again. The graders themselves are those of ``ftops.graders``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ftops.graders.problems import GraderProblem

# The graders themselves are imported where they grade: a plan judges by scores that are known.
if TYPE_CHECKING:
    from ftops.graders.grading import Grade
    from ftops.graders.judging import Judge
    from ftops.graders.kinds import Grader
    from ftops.graders.programs import RunProgram
    from ftops.graders.similarity import Embed

__all__ = ["GraderProblem", "grade", "parse_grader", "pass_threshold_of"]

_NOT_ITS_OWN: Final = frozenset({"name", "pass_threshold"})


def parse_grader(declared: Mapping[str, Any]) -> "Grader":
    """Gives the grader that a mapping declares; ``name`` and ``pass_threshold`` are not its own. Raises GraderProblem."""
    from ftops.graders import reading
    from ftops.graders.dialects import EVALUATION

    own = {key: value for key, value in declared.items() if key not in _NOT_ITS_OWN}
    return reading.parse_grader(own, dialect=EVALUATION)


def pass_threshold_of(declared: Mapping[str, Any]) -> float | None:
    """Gives the score from which on an item passes, None where the grader states none."""
    threshold = declared.get("pass_threshold")
    return None if threshold is None else float(threshold)


def grade(
    grader: "Grader",
    context: Mapping[str, Any],
    *,
    judge: "Judge | None" = None,
    embed: "Embed | None" = None,
    run_program: "RunProgram | None" = None,
) -> "Grade":
    """Grades one answer; ``context`` is the row's, with ``sample``. Where there is no score there are failures, never a 0.

    ``judge``, ``embed`` and ``run_program`` are what model graders, cosine and python graders need.
    """
    from ftops.graders import grading

    return grading.grade(grader, context, judge=judge, embed=embed, run_program=run_program)
