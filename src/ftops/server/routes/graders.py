"""``/v1/fine_tuning/alpha/graders``: tries a grader on an answer, or only checks it.

Owns the shape of a run's result. The OpenAPI document and the SDK have ``token_usage`` as a number, though an example in the
document shows an object.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ftops.graders.grading import Grade
from ftops.graders.judging import JudgeReply
from ftops.graders.kinds import Grader, type_of
from ftops.graders.problems import FailureKind
from ftops.server import wire
from ftops.server.access import project_of
from ftops.server.grading.request import read_run_request, read_validate_request
from ftops.server.grading.rewards import grade_sample, judge_of, require_judges
from ftops.server.routes.query import refuse_query
from ftops.server.settings import Settings
from ftops.server.shelf import Shelf

# Grades are computed, not waited for: more threads than this only take turns.
_THREADS: Final = 4
# For what doesn't happen here: programs aren't run, and what is graded was never cut.
_NEVER: Final = {
    "truncated_observation_error": False,
    "unresponsive_reward_error": False,
    "python_grader_server_error_type": None,
    "python_grader_runtime_error_details": None,
}


class GraderRoutes:
    """The handlers of graders."""

    def __init__(self, *, settings: Settings, shelf: Shelf) -> None:
        self._settings = settings
        self._shelf = shelf
        self._limiter = CapacityLimiter(_THREADS)

    def routes(self) -> list[Route]:
        """What to mount."""
        at = "/v1/fine_tuning/alpha/graders"
        return [
            Route(f"{at}/run", self.run, methods=["POST"]),
            Route(f"{at}/validate", self.validate, methods=["POST"]),
        ]

    async def run(self, request: Request) -> Response:
        """Grades an answer. A grader that fails is a result too: reward 0, and the reason among the errors."""
        body = await self._body(request)
        return await to_thread.run_sync(self._run, body, project_of(request).id, limiter=self._limiter)

    async def validate(self, request: Request) -> Response:
        """Gives the grader back if a job could have it."""
        body = await self._body(request)
        return await to_thread.run_sync(self._validate, body, project_of(request).id, limiter=self._limiter)

    async def _body(self, request: Request) -> bytes:
        refuse_query(request)
        return await wire.read_body(request, max_bytes=self._settings.max_json_bytes)

    def _run(self, body: bytes, project: str) -> Response:
        asked = read_run_request(wire.parse_json(body))
        require_judges(asked.grader, self._shelf, project=project)
        began = time.perf_counter()
        judge = judge_of(self._shelf, project=project)
        outcome = grade_sample(asked.grader, item=asked.item, text=asked.model_sample, judge=judge)
        return wire.respond(_result(asked.grader, outcome, seconds=time.perf_counter() - began))

    def _validate(self, body: bytes, project: str) -> Response:
        grader, declared = read_validate_request(wire.parse_json(body))
        require_judges(grader, self._shelf, project=project)
        return wire.respond({"grader": declared})


def _result(grader: Grader, outcome: Grade, *, seconds: float) -> Mapping[str, Any]:
    models = {reply.model for reply in outcome.replies}
    usage = {name: _usage([reply for reply in outcome.replies if reply.model == name]) for name in sorted(models)}
    return {
        "reward": 0.0 if outcome.score is None else outcome.score,
        "metadata": {
            "name": grader.name,
            "type": type_of(grader),
            "errors": _errors(outcome),
            "execution_time": seconds,
            "scores": outcome.sub_scores,
            "token_usage": sum(each["total_tokens"] for each in usage.values()) if usage else None,
            "sampled_model_name": next(iter(models)) if len(models) == 1 else None,
        },
        "sub_rewards": outcome.sub_scores,
        "model_grader_token_usage_per_model": usage,
    }


def _errors(outcome: Grade) -> Mapping[str, Any]:
    kinds = {failure.kind for failure in outcome.failures}
    details = [failure.message for failure in outcome.failures if failure.kind is FailureKind.JUDGE]
    return {
        **_NEVER,
        **{kind.value: kind in kinds for kind in FailureKind},
        "model_grader_server_error_details": "; ".join(details) or None,
    }


def _usage(replies: Sequence[JudgeReply]) -> Mapping[str, int]:
    prompt = sum(reply.prompt_tokens for reply in replies)
    completion = sum(reply.completion_tokens for reply in replies)
    return {
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
        "cached_tokens": sum(reply.cached_tokens for reply in replies),
    }
