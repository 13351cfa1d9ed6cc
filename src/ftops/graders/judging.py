"""Scores that a model gives: the question to it, and what is read from its answer.

Owns the forms of answers, ``{"result": …, "steps": […]}`` or the bare value, and the port by which callers plug in their
models. What is no answer in these forms is a failure, never a score.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ftops.graders.kinds import LabelModel, ScoreModel
from ftops.graders.problems import Failure, FailureKind, GradingFailed
from ftops.graders.prompt_kinds import JudgeSampling
from ftops.graders.prompts import fill_in

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER: Final = 400


class JudgeFailed(Exception):
    """Raised by a judge that could give no answer at all; the message goes into the result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeRequest:
    """What a model is asked. ``messages`` are those of a chat completion; ``is_answer`` tells whether a text can be read.

    ``response_format`` is the chat completion's field of that name that holds a model to ``{"steps": […], "result": …}``, as
    OpenAI's own graders do.
    """

    model: str
    messages: tuple[Mapping[str, Any], ...]
    sampling: JudgeSampling
    is_answer: Callable[[str], bool]
    response_format: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeReply:
    """What came back. ``model`` is the one that answered; ``refusal`` is set where it declined to."""

    model: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    refusal: str | None = None


Judge = Callable[[JudgeRequest], JudgeReply]
"""Asks a model; raises JudgeFailed where it can't be asked or doesn't answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """A judge, None where there is none, and the replies that it gave, failed or not."""

    judge: Judge | None
    replies: list[JudgeReply]


def ask_for_score(grader: ScoreModel, context: Mapping[str, Any], asking: Asking) -> float:
    """Gives the judge's number, cut to the grader's range. Raises GradingFailed, TemplateProblem."""
    number = ask_for_number(grader.model, fill_in(grader.input, context), asking, sampling=grader.sampling)
    return min(grader.highest, max(grader.lowest, number))


def ask_for_label(grader: LabelModel, context: Mapping[str, Any], asking: Asking) -> str:
    """Gives the judge's label. Raises GradingFailed, TemplateProblem."""
    return ask_for_choice(grader.model, fill_in(grader.input, context), grader.labels, asking, sampling=JudgeSampling())


def ask_for_number(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    asking: Asking,
    *,
    sampling: JudgeSampling,
    scale: tuple[int, int] | None = None,
) -> float:
    """Gives a judge's number; with a scale the judge is asked for one of its whole numbers, and one beyond it is no answer.

    Raises GradingFailed.
    """
    lowest, highest = scale or (-math.inf, math.inf)
    result = {"type": "number"} if scale is None else {"type": "integer", "enum": [*range(scale[0], scale[1] + 1)]}

    def number_in(text: str) -> float | None:
        number = read_number(text)
        return number if number is not None and lowest <= number <= highest else None

    text = _ask(model, messages, asking, sampling, result, is_answer=lambda text: number_in(text) is not None)
    number = number_in(text)
    if number is None:
        raise GradingFailed(Failure(kind=FailureKind.VERDICT, message="the judge's answer has no number for a result"))
    return number


def ask_for_choice(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    choices: tuple[str, ...],
    asking: Asking,
    *,
    sampling: JudgeSampling,
) -> str:
    """Gives the one of ``choices`` that a judge says. Raises GradingFailed."""
    result = {"type": "string", "enum": [str(choice) for choice in choices]}
    text = _ask(model, messages, asking, sampling, result, is_answer=lambda text: read_label(text, choices) is not None)
    choice = read_label(text, choices)
    if choice is None:
        raise GradingFailed(Failure(kind=FailureKind.VERDICT, message="the judge's answer is none of the labels"))
    return choice


def read_number(text: str) -> float | None:
    """The number in a judge's answer; None where there is none that is finite."""
    bare = text.strip()
    if len(bare) <= _LONGEST_NUMBER and _NUMBER.fullmatch(bare):
        return _finite(float(bare))
    result = _result(text)
    if isinstance(result, bool) or not isinstance(result, int | float):
        return None
    try:
        return _finite(float(result))
    except OverflowError:
        return None


def read_label(text: str, labels: tuple[str, ...]) -> str | None:
    """The label in a judge's answer; None where it is none of these."""
    bare = text.strip()
    for label in labels:
        if bare in (label, label.strip()):
            return label
    result = _result(text)
    return result if isinstance(result, str) and result in labels else None


def _ask(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    asking: Asking,
    sampling: JudgeSampling,
    result: Mapping[str, Any],
    *,
    is_answer: Callable[[str], bool],
) -> str:
    """Gives a judge's answer; ``result`` is the schema of what it is asked for."""
    if asking.judge is None:
        raise GradingFailed(Failure(kind=FailureKind.JUDGE, message="there is no model here to judge"))
    request = JudgeRequest(
        model=model,
        messages=tuple(messages),
        sampling=sampling,
        is_answer=is_answer,
        response_format=_response_format(result),
    )
    try:
        reply = asking.judge(request)
    except JudgeFailed as error:
        raise GradingFailed(Failure(kind=FailureKind.JUDGE, message=str(error))) from error
    asking.replies.append(reply)
    if reply.refusal is not None:
        raise GradingFailed(Failure(kind=FailureKind.REFUSAL, message="the judge refused to answer"))
    return reply.text


def _response_format(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The steps come first: a verdict that is written before its reasons is not made by them."""
    step = _closed_object({"description": {"type": "string"}, "conclusion": {"type": "string"}})
    schema = _closed_object({"steps": {"type": "array", "items": step}, "result": result})
    return {"type": "json_schema", "json_schema": {"name": "grade", "strict": True, "schema": schema}}


def _closed_object(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _result(text: str) -> Any:
    """The ``result`` of an answer in JSON, or the whole answer where it is a JSON string; None where it isn't JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value.get("result") if isinstance(value, dict) else value


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
