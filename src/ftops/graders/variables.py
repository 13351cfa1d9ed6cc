"""Which variables a grader's templates may name, checked when the grader is read.

Owns the two namespaces of OpenAI's graders, ``item`` and ``sample``; whoever knows more variables names them.
"""

from typing import Final

from ftops.graders.problems import GraderProblem
from ftops.graders.samples import VARIABLES
from ftops.graders.templates import TemplateProblem, paths_in, steps_of

NAMESPACES: Final = frozenset({"item", "sample"})


def check_template(text: str, *, at: str, namespaces: frozenset[str]) -> None:
    """Raises GraderProblem at the first variable that is malformed, or that can't be there for any row and sample."""
    try:
        for path in paths_in(text):
            _check_path(path, at, namespaces)
    except TemplateProblem as problem:
        raise GraderProblem(f"Invalid '{at}': {problem}.", at) from problem


def item_path(path: str) -> tuple[str, ...] | None:
    """The steps of a path within the item; None for the path of something else."""
    namespace, *rest = steps_of(path)
    return tuple(rest) if namespace == "item" else None


def _check_path(path: str, at: str, namespaces: frozenset[str]) -> None:
    namespace, *rest = steps_of(path)
    shown = path if len(path) <= 100 else path[:100] + "…"
    if namespace not in namespaces:
        known = " and ".join(sorted(namespaces))
        raise GraderProblem(f"Invalid '{at}': {{{{{shown}}}}} is in none of the namespaces {known}.", at)
    if namespace in NAMESPACES and not rest:
        raise GraderProblem(f"Invalid '{at}': {{{{{shown}}}}} names no variable of '{namespace}'.", at)
    if namespace == "sample" and rest[0] not in VARIABLES:
        listed = ", ".join(VARIABLES)
        raise GraderProblem(f"Invalid '{at}': {{{{{shown}}}}} doesn't exist; a sample has {listed}.", at)
