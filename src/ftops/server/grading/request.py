"""Reads graders from requests: those of reinforcement jobs, and those that are tried out or only checked.

Owns what this server's models can't be asked for, beyond OpenAI's own rules, which stand in ``ftops.graders``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftops.graders.kinds import Grader, LabelModel, ScoreModel
from ftops.graders.problems import GraderProblem
from ftops.graders.prompt_kinds import Audio, Image
from ftops.graders.reading import parse_grader
from ftops.graders.rules import require_runnable, require_usable_in_reinforcement, single_graders
from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.errors import ApiError, unsupported_parameter, unsupported_value


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """A grader to be tried on one answer."""

    grader: Grader
    item: Mapping[str, Any]
    model_sample: str


def read_run_request(arguments: Arguments) -> RunRequest:
    """The body of ``POST /v1/fine_tuning/alpha/graders/run``, checked."""
    grader = read_grader(arguments.take_object("grader"), at="grader")
    sample = arguments.take_text("model_sample")
    if sample is None:
        raise missing_parameter("model_sample")
    request = RunRequest(grader=grader, item=arguments.take_object("item") or {}, model_sample=sample)
    arguments.finish()
    return request


def read_validate_request(arguments: Arguments) -> tuple[Grader, Mapping[str, Any]]:
    """The body of ``POST /v1/fine_tuning/alpha/graders/validate``: the grader, and how it was declared."""
    declared = arguments.take_object("grader")
    grader = read_grader(declared, at="grader", must_run=False)
    arguments.finish()
    return grader, declared or {}


def read_grader(declared: Mapping[str, Any] | None, *, at: str, must_run: bool = True) -> Grader:
    """A grader that a reinforcement job may have; ``ApiError`` with the path of what is wrong.

    ``must_run`` False also takes programs, which are checked but never run.
    """
    if declared is None:
        raise missing_parameter(at)
    try:
        grader = parse_grader(declared, at=at)
        require_usable_in_reinforcement(grader, at=at)
        if must_run:
            require_runnable(grader, at=at)
    except GraderProblem as problem:
        raise ApiError(str(problem), param=problem.param, code=problem.fault.value) from problem
    for place, each in single_graders(grader, at=at):
        if isinstance(each, ScoreModel | LabelModel):
            _refuse_unsupported(each, place)
    return grader


def _refuse_unsupported(grader: ScoreModel | LabelModel, at: str) -> None:
    for number, message in enumerate(grader.input):
        if any(isinstance(part, Image | Audio) for part in message.parts):
            raise unsupported_value(
                f"{at}.input[{number}].content", "has images or audio: this server reads text alone."
            )
    if isinstance(grader, ScoreModel) and grader.sampling.reasoning_effort is not None:
        raise unsupported_parameter(f"{at}.sampling_params.reasoning_effort")
