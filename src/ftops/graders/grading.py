"""Grades one answer.

Owns what a grade is made of, and what becomes of a multi grader when one of its parts fails. Where there is no score there
is a failure; no failure is ever a score of 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from ftops.graders.formula import FormulaProblem
from ftops.graders.judging import Asking, Judge, JudgeReply, ask_for_label, ask_for_score
from ftops.graders.kinds import (
    Grader,
    LabelModel,
    Multi,
    Operation,
    Python,
    ScoreModel,
    SingleGrader,
    StringCheck,
    TextSimilarity,
)
from ftops.graders.marks import Scored
from ftops.graders.own_grading import score_own
from ftops.graders.own_kinds import JsonSchema, Label, Numeric, Outcome, Regex, Scorecard, ToolCall
from ftops.graders.problems import Failure, FailureKind, Fault, GraderProblem, GradingFailed
from ftops.graders.programs import RunProgram
from ftops.graders.similarity import Embed, similarity
from ftops.graders.templates import TemplateProblem, render


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """What came of grading: a finite ``score``, or else ``failures``.

    ``sub_scores`` are those of a multi grader's parts, by key, as far as they have one. ``replies`` are the judges', in the
    order they were asked, failed or not. ``mark`` is what a grader says besides the score: the class that it read the answer
    as, an outcome, or the code of what is wrong with tool calls; ``expected`` is the class of the reference. A multi grader's
    are those of its only part that has some.
    """

    score: float | None
    failures: tuple[Failure, ...] = ()
    sub_scores: Mapping[str, float] = field(default_factory=dict)
    replies: tuple[JudgeReply, ...] = ()
    mark: str | None = None
    expected: str | None = None

    @property
    def why(self) -> str:
        """Why there is no score, in words; "" where there is one."""
        return "; ".join(failure.message for failure in self.failures)


def grade(
    grader: Grader,
    context: Mapping[str, Any],
    *,
    judge: Judge | None = None,
    embed: Embed | None = None,
    run_program: RunProgram | None = None,
) -> Grade:
    """Grades one answer.

    ``context`` is what templates know: ``item``, ``sample`` (see ``samples``), and whatever else the grader was parsed with.
    ``judge`` asks models, ``embed`` gives a text's embedding by a model, ``run_program`` runs a python grader; graders that
    need one which isn't there fail. Raises GraderProblem for a python grader that nothing runs.
    """
    asking = Asking(judge=judge, replies=[])
    run = _Run(context=context, asking=asking, embed=embed, run_program=run_program)
    if isinstance(grader, Multi):
        return _grade_all(grader, run)
    scored, failure = run.try_to_score(grader)
    return Grade(
        score=None if scored is None else scored.score,
        failures=() if failure is None else (failure,),
        replies=tuple(asking.replies),
        mark=None if scored is None else scored.mark,
        expected=None if scored is None else scored.expected,
    )


def _grade_all(grader: Multi, run: "_Run") -> Grade:
    found: dict[str, Scored] = {}
    failures: list[Failure] = []
    for part in grader.parts:
        scored, failure = run.try_to_score(part.grader)
        if scored is not None:
            found[part.key] = scored
        if failure is not None:
            failures.append(failure)
    scores = {key: scored.score for key, scored in found.items()}
    total: float | None = None
    if not failures:
        try:
            total = grader.formula.compute({**scores, **{alias: scores[key] for alias, key in grader.aliases}})
        except FormulaProblem as problem:
            failures.append(Failure(kind=FailureKind.FORMULA, message=f"calculate_output: {problem}"))
    marked = [scored for scored in found.values() if scored.mark is not None]
    only = marked[0] if len(marked) == 1 and total is not None else None
    return Grade(
        score=total,
        failures=tuple(failures),
        sub_scores=scores,
        replies=tuple(run.asking.replies),
        mark=None if only is None else only.mark,
        expected=None if only is None else only.expected,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One answer on its way to a grade."""

    context: Mapping[str, Any]
    asking: Asking
    embed: Embed | None
    run_program: RunProgram | None

    def try_to_score(self, grader: SingleGrader) -> tuple[Scored | None, Failure | None]:
        try:
            return self._score(grader), None
        except TemplateProblem as problem:
            return None, self._template_failure(problem)
        except GradingFailed as problem:
            return None, problem.failure

    def _score(self, grader: SingleGrader) -> Scored:
        match grader:
            case StringCheck():
                text, reference = self._texts(grader)
                return Scored(score=1.0 if _holds(grader.operation, text, reference) else 0.0)
            case TextSimilarity():
                model = grader.embedding_model
                score = similarity(grader.metric, *self._texts(grader), embed=self.embed, embedding_model=model)
                return Scored(score=score)
            case ScoreModel():
                return Scored(score=ask_for_score(grader, self.context, self.asking))
            case LabelModel():
                label = ask_for_label(grader, self.context, self.asking)
                return Scored(score=1.0 if label in grader.passing_labels else 0.0, mark=label)
            case Python():
                if self.run_program is None:
                    raise GraderProblem("python graders aren't run by this version", fault=Fault.UNSUPPORTED)
                sample, item = self.context.get("sample", {}), self.context.get("item", {})
                return Scored(score=self.run_program(grader.source, sample, item))
            case Regex() | JsonSchema() | Numeric() | ToolCall() | Label() | Outcome() | Scorecard():
                return score_own(grader, self.context, self.asking)
            case _:
                assert_never(grader)

    def _texts(self, grader: StringCheck | TextSimilarity) -> tuple[str, str]:
        return render(grader.input, self.context), render(grader.reference, self.context)

    def _template_failure(self, problem: TemplateProblem) -> Failure:
        if problem.path is None:
            return Failure(kind=FailureKind.OTHER, message=str(problem))
        is_samples = problem.path.startswith("sample")
        is_unparsed = problem.path.startswith("sample.output_json") and "output_json" not in self.context.get(
            "sample", {}
        )
        kind = FailureKind.SAMPLE if is_unparsed else FailureKind.VARIABLE
        return Failure(kind=kind, message=str(problem), is_samples=is_samples)


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
