"""Reads the body of ``POST /v1/fine_tuning/jobs``.

Owns which parameters a job may have and their ranges; how it trains is read in ``method_request``. Whether files and models
exist is for the route to see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftops.server.arguments import Arguments, missing_parameter, wrong_type
from ftops.server.errors import ApiError
from ftops.server.jobs.method_request import MethodRequest, read_method

_MAX_PAIRS, _MAX_KEY, _MAX_VALUE = 16, 64, 512
_MAX_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """A request for a job."""

    model: str
    training_file: str
    validation_file: str | None
    suffix: str | None
    seed: int | None
    method: MethodRequest
    metadata: Mapping[str, str] | None
    integrations: Sequence[Mapping[str, Any]]


def read_job_request(arguments: Arguments, *, methods: frozenset[str]) -> JobRequest:
    """The request, checked; ``methods`` are those that the engine knows."""
    model = arguments.take_required_text("model")
    training_file = arguments.take_required_text("training_file")
    method = read_method(arguments, methods=methods)
    request = JobRequest(
        model=model,
        training_file=training_file,
        validation_file=arguments.take_text("validation_file", least=1),
        suffix=arguments.take_text("suffix", least=1, most=64),
        seed=arguments.take_whole("seed", least=0, most=_MAX_SEED),
        method=method,
        metadata=read_metadata(arguments),
        integrations=_integrations(arguments),
    )
    arguments.finish()
    if method.type == "reinforcement" and request.validation_file is None:
        raise missing_parameter("validation_file")
    return request


def read_metadata(arguments: Arguments) -> Mapping[str, str] | None:
    """Up to 16 pairs of strings, keys to 64 and values to 512 characters."""
    given = arguments.take_object("metadata")
    if given is None:
        return None
    if len(given) > _MAX_PAIRS:
        raise ApiError(
            f"Invalid 'metadata': too many properties. Expected an object with at most {_MAX_PAIRS} properties, "
            f"but got an object with {len(given)} properties instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    pairs = Arguments(given, at="metadata")
    for key in given:
        if len(key) > _MAX_KEY:
            raise ApiError(
                f"Invalid 'metadata': key too long. Expected a string with maximum length {_MAX_KEY}, "
                f"but got a string with length {len(key)} instead.",
                param="metadata",
                code="string_above_max_length",
            )
        if pairs.take_text(key, most=_MAX_VALUE) is None:
            raise wrong_type(pairs.path(key), "a string", None)
    return dict(given)


def _integrations(arguments: Arguments) -> Sequence[Mapping[str, Any]]:
    given = arguments.take_list("integrations", most=5) or ()
    for number, each in enumerate(given):
        at = f"integrations[{number}]"
        if not isinstance(each, dict):
            raise wrong_type(at, "an object", each)
        integration = Arguments(each, at=at)
        integration.take_required_text("type")
        integration.take_choice("type", ("wandb",))
        settings = integration.take_section("wandb")
        if settings is None:
            raise missing_parameter(integration.path("wandb"))
        settings.take_required_text("project")
        settings.take_text("name")
        settings.take_text("entity")
        for position, tag in enumerate(settings.take_list("tags") or ()):
            if not isinstance(tag, str):
                raise wrong_type(f"{settings.path('tags')}[{position}]", "a string", tag)
        settings.finish()
        integration.finish()
    return tuple(given)
