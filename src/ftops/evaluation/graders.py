"""Graders: what turns an answer into a score, larger is better.

Owns a closed union of grader dataclasses, one for each ``type`` that this version scores with, and ``parse_grader``. Scores
are raw: a ``pass_threshold`` is applied when they are judged, so that changing it grades nothing again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from ftops.evaluation.templates import TemplateProblem, render


class GraderProblem(Exception):
    """A grader that this version does not know, or that failed on an item; never a score of 0."""


class Operation(StrEnum):
    """How ``string_check`` compares: equal, not equal, and whether input contains reference, minding case or not."""

    EQ = "eq"
    NE = "ne"
    LIKE = "like"
    ILIKE = "ilike"


@dataclass(frozen=True, kw_only=True, slots=True)
class StringCheck:
    """1 where the comparison holds, else 0. Nothing is trimmed or folded but by ``ilike``."""

    input: str
    reference: str
    operation: Operation


@dataclass(frozen=True, kw_only=True, slots=True)
class FuzzyMatch:
    """``text_similarity`` by ``fuzzy_match``: ``rapidfuzz.fuzz.ratio`` of input and reference, divided by 100.

    That is the normalised Indel similarity, 1 - (insertions + deletions) / (sum of the lengths), on the characters as they
    are: no case folding, no trimming, no reordering of words. Two empty texts score 1. OpenAI's metric of that name is made
    with rapidfuzz too, but does not say which of its ratios it takes.
    """

    input: str
    reference: str


Grader = StringCheck | FuzzyMatch


def parse_grader(declared: Mapping[str, Any]) -> Grader:
    """Gives the grader that a mapping declares; ``name`` and ``pass_threshold`` are not its own. Raises GraderProblem."""
    match declared:
        case {"type": "string_check", "input": str(text), "reference": str(reference), "operation": str(operation)}:
            if operation not in set(Operation):
                raise GraderProblem(f"string_check has no operation {operation}")
            return StringCheck(input=text, reference=reference, operation=Operation(operation))
        case {
            "type": "text_similarity",
            "input": str(text),
            "reference": str(reference),
            "evaluation_metric": "fuzzy_match",
        }:
            return FuzzyMatch(input=text, reference=reference)
        case _:
            kind = " ".join(str(declared[key]) for key in ("type", "evaluation_metric") if key in declared)
            raise GraderProblem(f"this version does not score with this grader: {kind or 'it has no type'}")


def pass_threshold_of(declared: Mapping[str, Any]) -> float | None:
    """Gives the score from which on an item passes, None where the grader states none."""
    threshold = declared.get("pass_threshold")
    return None if threshold is None else float(threshold)


def grade(grader: Grader, context: Mapping[str, Any]) -> float:
    """Scores one item, 0 to 1. ``context`` is the row's, with ``sample``. Raises GraderProblem."""
    try:
        text, reference = render(grader.input, context), render(grader.reference, context)
    except TemplateProblem as problem:
        raise GraderProblem(str(problem)) from problem
    match grader:
        case StringCheck():
            return 1.0 if _holds(grader.operation, text, reference) else 0.0
        case FuzzyMatch():
            from rapidfuzz.fuzz import ratio

            return float(ratio(text, reference)) / 100
        case _:
            assert_never(grader)


def _holds(operation: Operation, text: str, reference: str) -> bool:
    match operation:
        case Operation.EQ:
            return text == reference
        case Operation.NE:
            return text != reference
        case Operation.LIKE:
            return reference in text
        case Operation.ILIKE:
            return reference.casefold() in text.casefold()
        case _:
            assert_never(operation)
