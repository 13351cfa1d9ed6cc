"""Scores of the graders that ftops adds.

Owns what each of them is given: its texts, filled in, and of a row what no template names.
"""

from collections.abc import Mapping
from typing import Any, Final, assert_never

from ftops.graders.call_references import ExpectedCall, read_reference
from ftops.graders.call_types import read_tools
from ftops.graders.classes import compare_classes
from ftops.graders.json_schemas import fits
from ftops.graders.judging import Asking
from ftops.graders.kinds import OwnGrader
from ftops.graders.marks import Scored
from ftops.graders.numbers import compare_numbers
from ftops.graders.outcomes import ask_for_outcome, compare_outcome
from ftops.graders.own_kinds import JsonSchema, Label, Numeric, Outcome, Regex, Scorecard, ToolCall
from ftops.graders.patterns import is_found
from ftops.graders.problems import Failure, FailureKind, GradingFailed
from ftops.graders.scorecards import ask_for_ratings
from ftops.graders.templates import TemplateProblem, look_up, render
from ftops.graders.tool_calls import compare_calls

_TOOLS: Final = ("item.tools", "item.input.tools")


def score_own(grader: OwnGrader, context: Mapping[str, Any], asking: Asking) -> Scored:
    """Gives an answer's score. Raises GradingFailed and TemplateProblem where there is none."""
    match grader:
        case Regex():
            return Scored(score=float(is_found(grader.pattern, render(grader.input, context))))
        case JsonSchema():
            return Scored(score=float(fits(grader.schema, render(grader.input, context))))
        case Numeric():
            text, reference = render(grader.input, context), render(grader.reference, context)
            score = compare_numbers(text, reference, absolute=grader.absolute, relative=grader.relative)
            return Scored(score=score)
        case ToolCall():
            return _compare_calls(grader, context)
        case Label():
            return compare_classes(render(grader.input, context), render(grader.reference, context), grader.labels)
        case Outcome():
            if grader.model is not None:
                return ask_for_outcome(grader.model, grader, context, asking)
            return compare_outcome(grader, render(grader.input, context), render(grader.reference, context))
        case Scorecard():
            return Scored(score=ask_for_ratings(grader, context, asking))
        case _:
            assert_never(grader)


def _compare_calls(grader: ToolCall, context: Mapping[str, Any]) -> Scored:
    said = context.get("sample", {}).get("output_tools", ())
    try:
        return compare_calls(said, _expected_calls(grader, context), read_tools(_declared_tools(context)))
    except RecursionError as error:
        message = "tool calls nest too deep to be compared"
        raise GradingFailed(Failure(kind=FailureKind.OTHER, message=message)) from error


def _expected_calls(grader: ToolCall, context: Mapping[str, Any]) -> tuple[ExpectedCall, ...]:
    """Gives the calls that the reference makes: none where it is a text alone."""
    try:
        text = render(grader.reference, context)
    except TemplateProblem as problem:
        if problem.path == "reference_tools" and "reference" in context:
            return ()
        raise
    return read_reference(text)


def _declared_tools(context: Mapping[str, Any]) -> Any:
    """Gives the tools of a chat row, or of a preference row's input; None where there are none."""
    for path in _TOOLS:
        try:
            return look_up(path, context)
        except TemplateProblem:
            continue
    return None
