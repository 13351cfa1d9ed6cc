"""Whether a value fits a JSON schema of the dialect 2020-12, found in bounded time.

Owns the bound. jsonschema knows what the keywords mean, but evaluates for as long as a schema makes it: here each keyword it
looks at draws on the work of the request. The schema has been checked (``schema_check``); nothing it refers to is fetched.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from referencing import Registry

from ftops.server.chat.schema_places import Schema
from ftops.server.chat.work import TooComplex, Work

_BYTES_PER_STEP = 64
_STEPS_OF_A_KEYWORD = 8
_FRACTION_STEPS = 20

_Rule = Callable[..., Iterator[Any] | None]
_work: ContextVar[Work] = ContextVar("_work")
_step: ContextVar[int] = ContextVar("_step")


class Fit:
    """Compares values with one schema."""

    def __init__(self, root: Schema, work: Work) -> None:
        self._work = work
        # An empty registry: a reference to elsewhere is an error, never a request.
        self._validator = _Counting(root, registry=Registry())

    def fits(self, value: object) -> bool:
        """Whether a value fits; no longer when the request's work is used up."""
        # Failures quote the value, and comparisons read all of it: what a keyword costs grows with the value's length.
        length = len(msgspec.json.encode(value))
        tokens = _work.set(self._work), _step.set(_STEPS_OF_A_KEYWORD + length // _BYTES_PER_STEP)
        try:
            return bool(self._validator.is_valid(value))
        except (TooComplex, RecursionError, OverflowError):
            return False
        finally:
            _work.reset(tokens[0])
            _step.reset(tokens[1])


def _counted(keyword: str, rule: _Rule) -> _Rule:
    def evaluate(validator: Any, demand: Any, value: Any, schema: Any) -> Iterator[Any]:
        _work.get().spend(_step.get() * _comparisons(keyword, demand, value))
        yield from rule(validator, demand, value, schema) or ()

    return evaluate


def _comparisons(keyword: str, demand: Any, value: Any) -> int:
    """How many times a keyword looks at a value, besides the keywords within it."""
    match keyword:
        case "uniqueItems":
            return 1 + len(value) ** 2 if isinstance(value, list) else 1
        case "multipleOf":
            return _FRACTION_STEPS
        case _:
            return 1 + len(demand) if isinstance(demand, list | dict) else 1


_Counting = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {keyword: _counted(keyword, rule) for keyword, rule in Draft202012Validator.VALIDATORS.items()},
)
