"""Reads ``method`` from the body of ``POST /v1/fine_tuning/jobs``, and the deprecated ``hyperparameters`` beside it.

Owns which hyperparameters each method has, and their ranges, which are the OpenAPI document's. ``eval_samples`` has a limit
that the document lacks: each costs an answer and a grade for every row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftops.graders.kinds import Grader
from ftops.server.arguments import Arguments
from ftops.server.errors import ApiError, unsupported_value
from ftops.server.grading.request import read_grader
from ftops.server.wire import HYPERPARAMETERS

_METHODS = ("supervised", "dpo", "reinforcement")
_EFFORTS = ("default", "low", "medium", "high")
_MOST_STEPS = 2**31 - 1
_MOST_SAMPLES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodRequest:
    """How to train. ``hyperparameters`` holds what was given a value; ``auto`` is left out.

    ``grader`` and ``declared_grader``, the one as it is understood and the other as it came, are there for reinforcement.
    """

    type: str = "supervised"
    hyperparameters: Mapping[str, float | str]
    grader: Grader | None = None
    declared_grader: Mapping[str, Any] | None = None


def read_method(arguments: Arguments, *, methods: frozenset[str]) -> MethodRequest:
    """The method, checked; ``methods`` are those that the engine knows."""
    section = arguments.take_section("method")
    deprecated = arguments.take_section("hyperparameters")
    if section is None:
        return MethodRequest(hyperparameters=_hyperparameters(deprecated, "supervised"))
    if deprecated is not None:
        raise ApiError(
            "'hyperparameters' is deprecated and can't be given together with 'method'.", param="hyperparameters"
        )
    section.take_required_text("type")
    method = section.take_choice("type", _METHODS) or "supervised"
    if method not in methods:
        raise unsupported_value("method.type", f"is '{method}', which this server doesn't train.")
    own = section.take_section(method) or Arguments({}, at=section.path(method))
    for other in _METHODS:
        if other != method and section.take(other) is not None:
            raise ApiError(f"'method.{other}' doesn't fit 'method.type', which is '{method}'.", param=f"method.{other}")
    section.finish()
    grader, declared = None, None
    if method == "reinforcement":
        declared = own.take_object("grader")
        grader = read_grader(declared, at=own.path("grader"))
    hyperparameters = _hyperparameters(own.take_section("hyperparameters"), method)
    own.finish()
    return MethodRequest(type=method, hyperparameters=hyperparameters, grader=grader, declared_grader=declared)


def _hyperparameters(section: Arguments | None, method: str) -> Mapping[str, float | str]:
    if section is None:
        return {}
    values = {name: _hyperparameter(section, name) for name in HYPERPARAMETERS[method]}
    section.finish()
    return {name: value for name, value in values.items() if value is not None}


def _hyperparameter(section: Arguments, name: str) -> float | str | None:
    if name == "reasoning_effort":  # the only one that can't be auto
        return section.take_choice(name, _EFFORTS)
    if section.take(name) == "auto":
        return None
    match name:
        case "n_epochs":
            return section.take_whole(name, least=1, most=50)
        case "batch_size":
            return section.take_whole(name, least=1, most=256)
        case "eval_interval":
            return section.take_whole(name, least=1, most=_MOST_STEPS)
        case "eval_samples":
            return section.take_whole(name, least=1, most=_MOST_SAMPLES)
        case "beta":
            return section.take_number(name, above=0, most=2)
        case "compute_multiplier":
            return section.take_number(name, above=1e-5, most=10)
        case _:
            return section.take_number(name, above=0)
