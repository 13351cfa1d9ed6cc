"""References for tool calls: which calls are right, read from the two forms in which data sets have them.

Owns these forms: OpenAI's ``tool_calls``, where each argument has the one value that stands there, and that of the Berkeley
Function-Calling Leaderboard (https://github.com/ShishirPatil/gorilla), ``[{"name": {"parameter": [allowed, …]}}]``, where
each parameter has a list of allowed values, ``""`` among them says that it may be left out, and objects within values have
such lists again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ftops.graders.problems import Failure, FailureKind, GradingFailed
from ftops.graders.samples import parsed_json

_MOST_CALLS: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """What one parameter may be: any of ``values``, and nothing at all where ``may_be_left_out``.

    A value is a plain JSON value, a tuple of values, or a mapping of names to slots.
    """

    values: tuple[Any, ...]
    may_be_left_out: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedCall:
    """A call that has to be made."""

    name: str
    slots: Mapping[str, Slot]


def read_reference(text: str) -> tuple[ExpectedCall, ...]:
    """Gives the calls that a reference, written as JSON, asks for. Raises GradingFailed where it is in neither form."""
    try:
        value = parsed_json(text)
        calls = value if isinstance(value, list) else [value]
        if len(calls) > _MOST_CALLS:
            raise _unreadable(f"more than {_MOST_CALLS} calls")
        return tuple(_call(each) for each in calls)
    except (ValueError, RecursionError) as error:
        raise _unreadable("it is no JSON, or nests too deep") from error


def function_of(call: Any) -> tuple[str, Any] | None:
    """Gives name and arguments of a call in one of OpenAI's forms, None for anything else."""
    if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping):
        call = call["function"]
    if isinstance(call, Mapping) and isinstance(call.get("name"), str) and "arguments" in call:
        return call["name"], call["arguments"]
    return None


def read_arguments(given: Any) -> Mapping[str, Any] | None:
    """Gives a call's arguments, None where they are no JSON object."""
    if isinstance(given, str):
        try:
            given = parsed_json(given)
        except (ValueError, RecursionError):
            return None
    return given if isinstance(given, Mapping) else None


def _call(given: Any) -> ExpectedCall:
    function = function_of(given)
    if function is not None:
        arguments = read_arguments(function[1])
        if arguments is None:
            raise _unreadable("the arguments of a call are no JSON object")
        return ExpectedCall(name=function[0], slots=_exact_slots(arguments))
    if isinstance(given, Mapping) and len(given) == 1:
        ((name, slots),) = given.items()
        if isinstance(slots, Mapping) and all(isinstance(each, list) for each in slots.values()):
            return ExpectedCall(name=name, slots=_listed_slots(slots))
    raise _unreadable("expected OpenAI's tool_calls, or name and lists of allowed values by parameter")


def _exact_slots(given: Mapping[str, Any]) -> Mapping[str, Slot]:
    return {name: Slot(values=(_exact(value),)) for name, value in given.items()}


def _exact(value: Any) -> Any:
    match value:
        case Mapping():
            return _exact_slots(value)
        case list():
            return tuple(map(_exact, value))
        case _:
            return value


def _listed_slots(given: Mapping[str, Any]) -> Mapping[str, Slot]:
    """A value within an object that is no list is the only one allowed."""
    return {name: _listed_slot(each if isinstance(each, list) else [each]) for name, each in given.items()}


def _listed_slot(allowed: Sequence[Any]) -> Slot:
    return Slot(values=tuple(map(_allowed, allowed)), may_be_left_out="" in allowed)


def _allowed(value: Any) -> Any:
    match value:
        case Mapping():
            return _listed_slots(value)
        case list():
            return tuple(map(_allowed, value))
        case _:
            return value


def _unreadable(why: str) -> GradingFailed:
    return GradingFailed(
        Failure(kind=FailureKind.VARIABLE, message=f"the reference has no tool calls to compare: {why}")
    )
