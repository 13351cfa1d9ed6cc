"""Grading on this server: judges are its own models, and a reinforcement job's rewards are grades.

Owns how a judge is asked, and what a grade that failed is worth to a job. Graders themselves are ``ftops.graders``'.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ftops.graders.grading import Grade, grade
from ftops.graders.judging import Judge, JudgeFailed, JudgeReply, JudgeRequest
from ftops.graders.kinds import Grader
from ftops.graders.problems import Failure, FailureKind, GradingFailed
from ftops.graders.prompt_kinds import JudgeSampling
from ftops.graders.rules import models_of
from ftops.graders.samples import sample_of, text_of
from ftops.server.chat import tokens
from ftops.server.engines.interface import Message, Model, Row, Sampling
from ftops.server.errors import ApiError
from ftops.server.shelf import Shelf

# Without a seed of its own a judge is asked with this one: a job that goes on after a restart must meet the same rewards.
_SEED: Final = 0


class Rewards:
    """The rewards of one job: call it with a row and the assistant message that answers the row's ``messages``.

    As at OpenAI an answer that can't be graded earns 0 where that is its own doing (it isn't the JSON that a template asks
    for), and where the judge says nothing that can be read; ``ungraded`` counts those. Safe to use from any thread.
    """

    def __init__(self, grader: Grader, *, judge: Judge) -> None:
        self.grader = grader
        self._judge = judge
        self._lock = threading.Lock()
        self._has_grades = False
        self._first_failure: Failure | None = None
        self._ungraded: Counter[FailureKind] = Counter()

    @property
    def has_grades(self) -> bool:
        """Whether any answer could be graded."""
        return self._has_grades

    @property
    def first_failure(self) -> Failure | None:
        """Why the first answer that couldn't be graded couldn't; None when there is none."""
        return self._first_failure

    @property
    def ungraded(self) -> Mapping[FailureKind, int]:
        """How many answers earned 0 because they couldn't be graded, by the reason."""
        with self._lock:
            return dict(self._ungraded)

    def __call__(self, row: Row, message: Message) -> float:
        """Gives the reward. ``GradingFailed`` where the row, the judge or the formula is at fault, so that no reward is."""
        context = {"item": row, "sample": sample_of(message)}
        outcome = grade(self.grader, context, judge=self._judge)
        if outcome.score is not None:
            self._has_grades = True
            return outcome.score
        for failure in outcome.failures:
            if not _is_worth_nothing(failure):
                raise GradingFailed(failure)
        with self._lock:
            self._first_failure = self._first_failure or outcome.failures[0]
            self._ungraded[outcome.failures[0].kind] += 1
        return 0.0


def reward_of(grader: Grader, *, judge: Judge) -> Rewards:
    """The rewards that a grader gives; ``judge`` is from ``judge_of``."""
    return Rewards(grader, judge=judge)


def grade_sample(grader: Grader, *, item: Mapping[str, Any], text: str, judge: Judge) -> Grade:
    """Grades a text as an assistant's answer."""
    sample = sample_of({"role": "assistant", "content": text})
    return grade(grader, {"item": item, "sample": sample}, judge=judge)


def require_judges(grader: Grader, shelf: Shelf, *, project: str) -> None:
    """``ApiError`` 404 unless the project has every model that the grader asks."""
    for name in models_of(grader):
        shelf.take(name, project=project)


def judge_of(shelf: Shelf, *, project: str) -> Judge:
    """Asks a project's own models."""

    def ask(request: JudgeRequest) -> JudgeReply:
        try:
            model = shelf.take(request.model, project=project)
        except ApiError as error:
            raise JudgeFailed(error.message) from error
        return _ask(model, request)

    return ask


def _is_worth_nothing(failure: Failure) -> bool:
    return failure.is_samples or failure.kind in (FailureKind.VERDICT, FailureKind.REFUSAL)


def _ask(model: Model, request: JudgeRequest) -> JudgeReply:
    messages = [{**message, "content": text_of(message) or ""} for message in request.messages]
    answer = _answer(model, messages, request)
    text = text_of(answer) or ""
    if request.sampling.max_tokens is not None:
        text = tokens.truncate(text, request.sampling.max_tokens)
    return JudgeReply(
        model=request.model,
        text=text,
        prompt_tokens=tokens.count_prompt(messages, ()),
        completion_tokens=tokens.count([text]),
        refusal=answer.get("refusal"),
    )


def _answer(model: Model, messages: Sequence[Message], request: JudgeRequest) -> Message:
    """What the model says; the likeliest readable thing it could say where it said something else.

    A model that knows nothing readable is left with what it said: that the grade has no number is then told.
    """
    sampling = _sampling(request.sampling)
    (said,) = model.answer(messages, sampling)
    if request.is_answer(text_of(said.message) or ""):
        return said.message
    readable = model.answer(messages, sampling, lambda message: request.is_answer(text_of(message) or ""))
    return readable[0].message if readable else said.message


def _sampling(given: JudgeSampling) -> Sampling:
    return Sampling(
        temperature=1.0 if given.temperature is None else given.temperature,
        top_p=1.0 if given.top_p is None else given.top_p,
        seed=_SEED if given.seed is None else given.seed,
        max_tokens=given.max_tokens,
    )
