"""Scores that a model gives: the question to it, and what is read from its answer.

Owns the forms of answers, ``{"result": …, "steps": […]}`` or the bare value, and the port by which callers plug in their
models. What is no answer in these forms is a failure, never a score.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ftops.graders.kinds import JudgeSampling, LabelModel, ScoreModel
from ftops.graders.problems import Failure, FailureKind, GradingFailed
from ftops.graders.prompts import fill_in

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER: Final = 400


class JudgeFailed(Exception):
    """Raised by a judge that could give no answer at all; the message goes into the result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeRequest:
    """What a model is asked. ``messages`` are those of a chat completion; ``is_answer`` tells whether a text can be read."""

    model: str
    messages: tuple[Mapping[str, Any], ...]
    sampling: JudgeSampling
    is_answer: Callable[[str], bool]


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


def ask_for_score(grader: ScoreModel, context: Mapping[str, Any], judge: Judge, replies: list[JudgeReply]) -> float:
    """Gives the judge's number, cut to the grader's range; ``replies`` takes its reply. Raises GradingFailed."""
    text = _ask(grader, context, judge, replies, grader.sampling, is_answer=lambda text: read_number(text) is not None)
    number = read_number(text)
    if number is None:
        raise GradingFailed(Failure(kind=FailureKind.VERDICT, message="the judge's answer has no number for a result"))
    return min(grader.highest, max(grader.lowest, number))


def ask_for_label(grader: LabelModel, context: Mapping[str, Any], judge: Judge, replies: list[JudgeReply]) -> float:
    """Gives 1 where the judge's label is a passing one, else 0; ``replies`` takes its reply. Raises GradingFailed."""

    def label_in(text: str) -> str | None:
        return read_label(text, grader.labels)

    text = _ask(grader, context, judge, replies, JudgeSampling(), is_answer=lambda text: label_in(text) is not None)
    label = label_in(text)
    if label is None:
        raise GradingFailed(Failure(kind=FailureKind.VERDICT, message="the judge's answer is none of the labels"))
    return 1.0 if label in grader.passing_labels else 0.0


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
    grader: ScoreModel | LabelModel,
    context: Mapping[str, Any],
    judge: Judge,
    replies: list[JudgeReply],
    sampling: JudgeSampling,
    *,
    is_answer: Callable[[str], bool],
) -> str:
    messages = fill_in(grader.input, context)
    try:
        reply = judge(JudgeRequest(model=grader.model, messages=messages, sampling=sampling, is_answer=is_answer))
    except JudgeFailed as error:
        raise GradingFailed(Failure(kind=FailureKind.JUDGE, message=str(error))) from error
    replies.append(reply)
    if reply.refusal is not None:
        raise GradingFailed(Failure(kind=FailureKind.REFUSAL, message="the judge refused to answer"))
    return reply.text


def _result(text: str) -> Any:
    """The ``result`` of an answer in JSON, or the whole answer where it is a JSON string; None where it isn't JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value.get("result") if isinstance(value, dict) else value


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
