"""Rules for evaluations that compare two answers, checked before anything is called: labels, variables, metrics.

Owns the places and words of what is wrong; what makes a grader pairwise is ``evaluation.pairwise``'s.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ftops.adapters.grader_templates import IN_EVALS, IN_PAIRS, template_findings
from ftops.adapters.plain_values import member
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import WIN_RATE
from ftops.evaluation.pairwise import is_pairwise, pairwise_faults

Finding = tuple[str, str, str | None]


def known_variables(entry: Any) -> tuple[str, ...]:
    """Gives the variables that templates of an evaluation's grader may name."""
    grader = member(entry, "grader")
    return IN_PAIRS if isinstance(grader, Mapping) and is_pairwise(grader) else IN_EVALS


def pairwise_findings(entry: Any, pointer: str, conditions: list[tuple[str, Any]]) -> Iterator[Finding]:
    """Gives (JSON pointer, what was expected, hint) for what can't work in an evaluation whose grader compares answers.

    ``conditions`` are those of its gate, each with its pointer.
    """
    grader = member(entry, "grader")
    if not isinstance(grader, Mapping) or not is_pairwise(grader):
        return
    is_told = any(template_findings(grader, pointer, IN_PAIRS))  # where a variable is, rather than in which field
    for field, expected in pairwise_faults(grader):
        if field != "input" or not is_told:
            yield f"{pointer}/grader/{field}", expected, None
    if not conditions:
        hint = f"gate: {{metric: {WIN_RATE}, min: 0.5, confidence: 0.95}}"
        yield f"{pointer}/gate", f"expected a condition on {WIN_RATE}: this grader compares two answers", hint
    for place, condition in conditions:
        metric = member(condition, "metric")
        if metric != WIN_RATE:
            got = "none" if metric is None else visible(str(metric))
            yield f"{place}/metric", f"expected {WIN_RATE} of a grader that compares two answers, got {got}", None
    if member(entry, "select") is True:
        yield f"{pointer}/select", "expected a grader that scores single answers: this one compares two", None
