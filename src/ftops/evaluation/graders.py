"""Graders as evaluations declare them: which of them this version scores with, and what evaluations add to OpenAI's.

Owns the difference: ``name`` may be left out, templates know a row's reference, and a ``pass_threshold`` is applied when
scores are judged, so that changing it grades nothing again. The graders themselves are those of ``ftops.graders``.
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

_VARIABLES: Final = frozenset({"reference", "reference_tools", "rejected", "rejected_tools"})


def parse_grader(declared: Mapping[str, Any]) -> "Grader":
    """Gives the grader that a mapping declares; ``name`` and ``pass_threshold`` are not its own. Raises GraderProblem."""
    from ftops.graders import reading

    match declared:
        case {"type": "string_check"} | {"type": "text_similarity", "evaluation_metric": "fuzzy_match"}:
            own = {key: value for key, value in declared.items() if key not in ("name", "pass_threshold")}
            return reading.parse_grader({**own, "name": declared["type"]}, also=_VARIABLES)
        case _:
            kind = " ".join(str(declared[key]) for key in ("type", "evaluation_metric") if key in declared)
            raise GraderProblem(f"this version does not score with this grader: {kind or 'it has no type'}")


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
