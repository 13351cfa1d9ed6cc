"""What a grader needs, and what it may be used for.

Owns OpenAI's restrictions on the graders of reinforcement jobs, and what this version can't run.
"""

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from ftops.graders.kinds import (
    Grader,
    LabelModel,
    Metric,
    Multi,
    Python,
    ScoreModel,
    SingleGrader,
    StringCheck,
    TextSimilarity,
)
from ftops.graders.own_kinds import JsonSchema, Label, Numeric, Outcome, Regex, Scorecard, ToolCall
from ftops.graders.problems import Fault, GraderProblem
from ftops.graders.prompts import templates_in
from ftops.graders.templates import TemplateProblem, look_up, paths_in, steps_of
from ftops.graders.variables import item_path


def models_of(grader: Grader) -> tuple[str, ...]:
    """The models that judge, each once, in the order they are asked."""
    asked = (_model_of(each) for _, each in single_graders(grader))
    return tuple(dict.fromkeys(model for model in asked if model is not None))


def embedding_models_of(grader: Grader) -> tuple[str, ...]:
    """The models that embed texts, each once."""
    asked = (each.embedding_model for _, each in single_graders(grader) if isinstance(each, TextSimilarity))
    return tuple(dict.fromkeys(model for model in asked if model is not None))


def names_variable(grader: Grader, namespace: str) -> bool:
    """Whether a template names a variable of this namespace, ``reference`` for example."""
    return any(steps_of(path)[0] == namespace for path in _paths(grader))


def references(grader: Grader) -> tuple[str, ...]:
    """The paths within a row that templates name (``answer``, ``meta.label``), each once, in order.

    A python grader names none: what its program reads of the item can't be seen.
    """
    return tuple(dict.fromkeys(".".join(steps) for path in _paths(grader) if (steps := item_path(path)) is not None))


def missing_reference(grader: Grader, item: Mapping[str, Any]) -> str | None:
    """The first path that ``references`` gives and that leads nowhere in this item, None when all are there."""
    for path in references(grader):
        try:
            look_up(f"item.{path}", {"item": item})
        except TemplateProblem:
            return path
    return None


def require_usable_in_reinforcement(grader: Grader, *, at: str = "grader") -> None:
    """Raises GraderProblem where a reinforcement job can't have this grader.

    Jobs take string_check, text_similarity but for cosine, score_model, python, multi, and label_model inside multi; none of
    them with a pass_threshold, which belongs to evaluations.
    """
    if isinstance(grader, LabelModel):
        raise GraderProblem(
            "Invalid value: 'label_model'. In fine-tuning a label_model grader stands inside a multi grader only.",
            f"{at}.type",
        )
    if isinstance(grader, Multi):
        _refuse_threshold(grader.pass_threshold, at)
    for place, each in single_graders(grader, at=at):
        if isinstance(each, TextSimilarity | ScoreModel | Python):
            _refuse_threshold(each.pass_threshold, place)
        if isinstance(each, TextSimilarity) and each.metric is Metric.COSINE:
            raise GraderProblem(
                "Invalid value: 'cosine'. This metric is available in evaluations only.", f"{place}.evaluation_metric"
            )


def require_runnable(grader: Grader, *, at: str = "grader") -> None:
    """Raises GraderProblem where this version can't run the grader: python needs an isolation that isn't there."""
    for place, each in single_graders(grader, at=at):
        if isinstance(each, Python):
            raise GraderProblem("python graders aren't run by this version", f"{place}.type", fault=Fault.UNSUPPORTED)


def single_graders(grader: Grader, *, at: str = "grader") -> Iterator[tuple[str, SingleGrader]]:
    """The graders that score, with the places where they were declared: of a multi its parts, else the grader itself."""
    if isinstance(grader, Multi):
        for part in grader.parts:
            yield part.at, part.grader
    else:
        yield at, grader


def _model_of(grader: SingleGrader) -> str | None:
    match grader:
        case ScoreModel() | LabelModel() | Scorecard() | Outcome():
            return grader.model
        case _:
            return None


def _refuse_threshold(threshold: float | None, at: str) -> None:
    if threshold is not None:
        raise GraderProblem(
            f"Unknown parameter: '{at}.pass_threshold'. Thresholds belong to evaluations.",
            f"{at}.pass_threshold",
            fault=Fault.UNKNOWN,
        )


def _paths(grader: Grader) -> Iterator[str]:
    for _, each in single_graders(grader):
        for template in _templates(each):
            yield from paths_in(template)


def _templates(grader: SingleGrader) -> tuple[str, ...]:
    match grader:
        case StringCheck() | TextSimilarity() | Numeric() | Label() | Outcome():
            return grader.input, grader.reference
        case ScoreModel() | LabelModel():
            return templates_in(grader.input)
        case Regex() | JsonSchema():
            return (grader.input,)
        case ToolCall():
            return (grader.reference,)
        case Scorecard():
            return (grader.input,) if grader.reference is None else (grader.input, grader.reference)
        case Python():
            return ()
        case _:
            assert_never(grader)
