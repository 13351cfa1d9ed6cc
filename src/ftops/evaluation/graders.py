"""Graders as evaluations declare them.

Owns what of a declaration is not the grader's own: its ``name``, and the ``pass_threshold``, which is applied when scores are
judged, so that changing it grades nothing again. The graders themselves are those of ``ftops.graders``.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from ftops.graders.problems import GraderProblem

# The graders themselves are imported where they grade: a plan judges by scores that are known.
if TYPE_CHECKING:
    from ftops.graders.grading import Grade
    from ftops.graders.judging import Judge
    from ftops.graders.kinds import Grader, SingleGrader
    from ftops.graders.own_kinds import Label
    from ftops.graders.programs import RunProgram
    from ftops.graders.similarity import Embed

__all__ = ["GraderProblem", "grade", "needs_classes", "parse_grader", "pass_threshold_of", "with_classes"]

_NOT_ITS_OWN: Final = frozenset({"name", "pass_threshold"})


def parse_grader(declared: Mapping[str, Any]) -> "Grader":
    """Gives the grader that a mapping declares; ``name`` and ``pass_threshold`` are not its own. Raises GraderProblem."""
    from ftops.graders import reading
    from ftops.graders.dialects import EVALUATION

    own = {key: value for key, value in declared.items() if key not in _NOT_ITS_OWN}
    return reading.parse_grader(own, dialect=EVALUATION)


def needs_classes(grader: "Grader | None") -> bool:
    """Whether a grader, or a part of one, is to tell classes apart that its declaration doesn't list."""
    return any(_lacks_labels(each) for each in _singles(grader))


def with_classes(grader: "Grader", contexts: Iterable[Mapping[str, Any]]) -> "Grader":
    """Gives label graders without labels those of all rows' references; any other grader as it is.

    An answer of another row's class is then marked with that class: else it would be a false answer of none, and every
    class's precision, and with it F1, would come out too high. Of several spellings of a class the least one counts, so that
    the order of rows doesn't matter. ``contexts`` are the rows', without a sample; rows without a reference have no class.
    """
    from ftops.graders.kinds import Multi

    templates = {each.reference for each in _singles(grader) if _lacks_labels(each)}
    if not templates:
        return grader
    labels = _labels_by_template(templates, contexts)

    def completed(each: "SingleGrader") -> "SingleGrader":
        return dataclasses.replace(each, labels=labels[each.reference]) if _lacks_labels(each) else each

    if isinstance(grader, Multi):
        parts = tuple(dataclasses.replace(part, grader=completed(part.grader)) for part in grader.parts)
        return dataclasses.replace(grader, parts=parts)
    return completed(grader)


def _singles(grader: "Grader | None") -> "tuple[SingleGrader, ...]":
    from ftops.graders.rules import single_graders

    return () if grader is None else tuple(each for _, each in single_graders(grader))


def _lacks_labels(grader: "SingleGrader") -> "TypeGuard[Label]":
    from ftops.graders import own_kinds

    return isinstance(grader, own_kinds.Label) and not grader.labels


def _labels_by_template(templates: set[str], contexts: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    from ftops.graders.classes import class_of
    from ftops.graders.marks import NO_CLASS
    from ftops.graders.templates import TemplateProblem, render

    spelt: dict[str, dict[str, str]] = {template: {} for template in templates}
    for context in contexts:
        for template, known in spelt.items():
            try:
                text = render(template, context).strip()
            except TemplateProblem:
                continue  # the item's error, once it is graded
            form = class_of(text)
            if form is not None:
                said = form if text == NO_CLASS else text
                known[form] = min(known.get(form, said), said)
    return {template: tuple(sorted(known.values())) for template, known in spelt.items()}


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
