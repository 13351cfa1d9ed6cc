"""Grades one answer.

Owns what a grade is made of, and what becomes of a multi grader when one of its parts fails. Where there is no score there
is a failure; no failure is ever a score of 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from ftops.graders.formula import FormulaProblem
from ftops.graders.judging import Judge, JudgeReply, ask_for_label, ask_for_score
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
from ftops.graders.problems import Failure, FailureKind, Fault, GraderProblem, GradingFailed
from ftops.graders.programs import RunProgram
from ftops.graders.similarity import Embed, similarity
from ftops.graders.templates import TemplateProblem, render


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """What came of grading: a finite ``score``, or else ``failures``.

    ``sub_scores`` are those of a multi grader's parts, by key, as far as they have one. ``replies`` are the judges', in the
    order they were asked, failed or not. ``mark`` is what a grader says besides the score: the class that it read the answer
    as, an outcome, or the code of what is wrong with tool calls; ``expected`` is the class of the reference.
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
    ``judge`` asks models, ``embed`` gives a text's embedding, ``run_program`` runs a python grader; graders that need one
    which isn't there fail. Raises GraderProblem for a python grader that nothing runs.
    """
    replies: list[JudgeReply] = []
    run = _Run(context=context, judge=judge, embed=embed, run_program=run_program, replies=replies)
    if not isinstance(grader, Multi):
        score, failure = run.try_to_score(grader)
        return Grade(score=score, failures=() if failure is None else (failure,), replies=tuple(replies))
    scores: dict[str, float] = {}
    failures: list[Failure] = []
    for part in grader.parts:
        score, failure = run.try_to_score(part.grader)
        if score is not None:
            scores[part.key] = score
        if failure is not None:
            failures.append(failure)
    total: float | None = None
    if not failures:
        try:
            total = grader.formula.compute({**scores, **{alias: scores[key] for alias, key in grader.aliases}})
        except FormulaProblem as problem:
            failures.append(Failure(kind=FailureKind.FORMULA, message=f"calculate_output: {problem}"))
    return Grade(score=total, failures=tuple(failures), sub_scores=scores, replies=tuple(replies))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One answer on its way to a grade."""

    context: Mapping[str, Any]
    judge: Judge | None
    embed: Embed | None
    run_program: RunProgram | None
    replies: list[JudgeReply]

    def try_to_score(self, grader: SingleGrader) -> tuple[float | None, Failure | None]:
        try:
            return self._score(grader), None
        except TemplateProblem as problem:
            return None, self._template_failure(problem)
        except GradingFailed as problem:
            return None, problem.failure

    def _score(self, grader: SingleGrader) -> float:
        match grader:
            case StringCheck():
                text, reference = render(grader.input, self.context), render(grader.reference, self.context)
                return 1.0 if _holds(grader.operation, text, reference) else 0.0
            case TextSimilarity():
                text, reference = render(grader.input, self.context), render(grader.reference, self.context)
                return similarity(grader.metric, text, reference, embed=self.embed)
            case ScoreModel():
                return ask_for_score(grader, self.context, self._judge(), self.replies)
            case LabelModel():
                return ask_for_label(grader, self.context, self._judge(), self.replies)
            case Python():
                if self.run_program is None:
                    raise GraderProblem("python graders aren't run by this version", fault=Fault.UNSUPPORTED)
                return self.run_program(grader.source, self.context.get("sample", {}), self.context.get("item", {}))
            case _:
                assert_never(grader)

    def _judge(self) -> Judge:
        if self.judge is None:
            raise GradingFailed(Failure(kind=FailureKind.JUDGE, message="there is no model here to judge"))
        return self.judge

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
