"""Pairwise judgements: a model says which of two answers to one row is better, in both orders, and that becomes a win or none.

Owns what makes a grader pairwise, what its templates know, and how two judgements become one. It asks nobody
(``application.pairwise`` does) and reaches no verdict.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ftops.domain.foreign_text import quoted
from ftops.domain.preferences import Pair
from ftops.domain.scores import ItemScore
from ftops.graders.problems import GraderProblem
from ftops.graders.templates import TemplateProblem, paths_in, steps_of

if TYPE_CHECKING:
    from ftops.graders.grading import Grade
    from ftops.graders.kinds import LabelModel

METRIC: Final = "win_rate"
FIRST: Final = "first"
SECOND: Final = "second"
TIE: Final = "tie"

_SIDES: Final = frozenset({FIRST, SECOND})
_OF_AN_ANSWER: Final = ("output_text", "output_json", "output_tools")
_LABELS: Final = ({FIRST, SECOND}, {FIRST, SECOND, TIE})


def is_pairwise(declared: Mapping[str, Any]) -> bool:
    """Whether a declared grader compares two answers: a ``label_model`` whose templates name ``first`` or ``second``."""
    return declared.get("type") == "label_model" and not _SIDES.isdisjoint(_namespaces(declared.get("input")))


def pairwise_faults(declared: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Gives (field, what was expected) for what keeps a pairwise grader from comparing; its shape is checked elsewhere."""
    named = set(_namespaces(declared.get("input")))
    missing = sorted(_SIDES - named)
    if missing:
        yield "input", f"expected both {{{{first.…}}}} and {{{{second.…}}}}, {{{{{missing[0]}.…}}}} is missing"
    for path in _paths(declared.get("input")):
        space, *rest = steps_of(path)
        if space in _SIDES and (not rest or rest[0] not in _OF_AN_ANSWER):
            yield "input", f"expected one of {', '.join(_OF_AN_ANSWER)} of {space}, got {quoted(path)}"
    if "sample" in named:
        yield "input", "expected {{first.…}} and {{second.…}}: in a comparison no answer is the sample"
    labels = declared.get("labels")
    if isinstance(labels, Sequence) and set(map(str, labels)) not in _LABELS:
        yield "labels", "expected [first, second] or [first, second, tie] of a grader that compares two answers"
    passing = declared.get("passing_labels")
    if isinstance(passing, Sequence) and list(passing) != [FIRST]:
        yield "passing_labels", "expected [first] of a grader that compares two answers"


def parse_pairwise(declared: Mapping[str, Any]) -> "LabelModel":
    """Gives a pairwise grader as a value. Raises GraderProblem."""
    from ftops.graders import dialects, reading
    from ftops.graders.kinds import LabelModel

    for field, expected in pairwise_faults(declared):
        raise GraderProblem(f"Invalid 'grader.{field}': {expected}.", f"grader.{field}")
    known = dialects.EVALUATION.namespaces | _SIDES
    dialect = dataclasses.replace(dialects.EVALUATION, types=("label_model",), namespaces=known)
    grader = reading.parse_grader(declared, dialect=dialect)
    if not isinstance(grader, LabelModel):  # pragma: no cover  (``is_pairwise`` has looked at its type)
        raise GraderProblem("Invalid 'grader.type': expected label_model.", "grader.type")
    return grader


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What a judge is shown of one pair: ``straight`` has the candidate's answer first, ``turned`` the baseline's."""

    straight: Mapping[str, Any]
    turned: Mapping[str, Any]


def both_orders(context: Mapping[str, Any], *, candidate: Mapping[str, Any], baseline: Mapping[str, Any]) -> Orders:
    """Gives both orders of two samples (see ``graders.samples``) in a row's context."""
    return Orders(
        straight={**context, FIRST: candidate, SECOND: baseline},
        turned={**context, FIRST: baseline, SECOND: candidate},
    )


def label_of(grade: "Grade", labels: tuple[str, ...]) -> str | None:
    """Gives the label that a judge's last answer holds; None where it failed."""
    from ftops.graders.judging import read_label

    if grade.score is None or not grade.replies:
        return None
    return read_label(grade.replies[-1].text, labels)


def win_of(straight: str, turned: str) -> tuple[float, bool]:
    """Gives what two judgements of one pair come to, and whether the order made the difference.

    1 where the candidate is preferred in both orders, 0 where the baseline is, else 0.5: a judge that prefers what stands
    first, whatever it is, prefers neither.
    """
    ours = {FIRST: 1.0, SECOND: 0.0}.get(straight, 0.5)
    theirs = {FIRST: 0.0, SECOND: 1.0}.get(turned, 0.5)
    return (ours, False) if ours == theirs else (0.5, True)


def recorded_pairs(candidate: Sequence[ItemScore], baseline: Sequence[ItemScore]) -> tuple[Pair, ...]:
    """Gives the pairs of answers that two models have to the same rows, in the candidate's order, each once.

    A row that only one of them has was in the other's training set. A row that stands twice was answered alike.
    """
    theirs = {(item.row, item.repeat): item.output for item in baseline}
    pairs: dict[Pair, None] = {}
    for item in candidate:
        other = theirs.get((item.row, item.repeat))
        if item.output is not None and other is not None:
            pairs[Pair(row=item.row, repeat=item.repeat, candidate=item.output, baseline=other)] = None
    return tuple(pairs)


def _namespaces(value: Any) -> Iterator[str]:
    return (steps_of(path)[0] for path in _paths(value))


def _paths(value: Any) -> Iterator[str]:
    """Gives the path of every variable in the texts below ``value``; what is no template is passed over."""
    if isinstance(value, str):
        try:
            yield from tuple(paths_in(value))
        except TemplateProblem:
            return
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _paths(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _paths(item)
