"""Reads a request's parameters, and refuses what OpenAI refuses in its words.

Owns type, range and unknown-name checks of single parameters. Null counts as absent, as it does at OpenAI. Rules that tie
several parameters together stand with the route.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ftops.server.errors import ApiError

JsonObject = Mapping[str, Any]


class Arguments:
    """The parameters of one JSON object. Every ``take_*`` marks a name as known; ``finish`` refuses the others."""

    def __init__(self, given: JsonObject, *, at: str = "") -> None:
        self._given = given
        self._at = at
        self._known: set[str] = set()

    def path(self, name: str) -> str:
        """The name with the names of the objects around it, as error messages show it."""
        return f"{self._at}.{name}" if self._at else name

    def lacks(self, names: frozenset[str]) -> bool:
        """Whether none of the names is given, so that nobody need ask for each."""
        return names.isdisjoint(self._given)

    def take(self, name: str) -> Any:
        """The value as it came; None when absent or null."""
        self._known.add(name)
        return self._given.get(name)

    def take_text(self, name: str, *, least: int = 0, most: int | None = None) -> str | None:
        """A string of ``least`` to ``most`` characters."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong_type(name, "a string", value)
        if len(value) < least:
            raise ApiError(
                f"Invalid '{self.path(name)}': string too short. Expected a string with minimum length {least}, "
                f"but got a string with length {len(value)} instead.",
                param=self.path(name),
                code="string_below_min_length",
            )
        if most is not None and len(value) > most:
            raise ApiError(
                f"Invalid '{self.path(name)}': string too long. Expected a string with maximum length {most}, "
                f"but got a string with length {len(value)} instead.",
                param=self.path(name),
                code="string_above_max_length",
            )
        return value

    def take_required_text(self, name: str) -> str:
        """A string that must be there and not be empty."""
        value = self.take_text(name)
        if not value:
            raise missing_parameter(self.path(name))
        return value

    def take_whole(self, name: str, *, least: int, most: int) -> int | None:
        """An integer from ``least`` to ``most``."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong_type(name, "an integer", value)
        self._check_range(name, value, least, most, "integer")
        return value

    def take_number(
        self, name: str, *, least: float = -math.inf, most: float = math.inf, above: float | None = None
    ) -> float | None:
        """A number from ``least`` to ``most``, greater than ``above`` if that is given."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong_type(name, "a decimal", value)
        self._check_range(name, value, least, most, "decimal")
        if above is not None and value <= above:
            raise ApiError(
                f"Invalid '{self.path(name)}': decimal below minimum value. Expected a value > {above:g}, "
                f"but got {_shown(value)} instead.",
                param=self.path(name),
                code="decimal_below_min_value",
            )
        self._check_range(name, value, -sys.float_info.max, sys.float_info.max, "decimal")  # integers may be longer
        return float(value)

    def take_flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong_type(name, "a boolean", value)
        return value

    def take_choice(self, name: str, values: Sequence[str]) -> str | None:
        """One of the strings given."""
        value = self.take_text(name)
        if value is not None and value not in values:
            listed = ", ".join(f"'{each}'" for each in values)
            raise ApiError(
                f"Invalid value: '{_shown(value)}'. Supported values are: {listed}.",
                param=self.path(name),
                code="invalid_value",
            )
        return value

    def take_list(self, name: str, *, least: int = 0, most: int | None = None) -> Sequence[Any] | None:
        """An array of ``least`` to ``most`` elements."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self._wrong_type(name, "an array", value)
        if not value and least:
            raise ApiError(
                f"Invalid '{self.path(name)}': empty array. Expected an array with minimum length {least}, "
                "but got an empty array instead.",
                param=self.path(name),
                code="empty_array",
            )
        if most is not None and len(value) > most:
            raise ApiError(
                f"Invalid '{self.path(name)}': array too long. Expected an array with maximum length {most}, "
                f"but got an array with length {len(value)} instead.",
                param=self.path(name),
                code="array_above_max_length",
            )
        return value

    def take_object(self, name: str) -> JsonObject | None:
        """An object, as it came."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            raise self._wrong_type(name, "an object", value)
        return value

    def take_section(self, name: str) -> "Arguments | None":
        """An object whose own parameters are read the same way."""
        value = self.take_object(name)
        return None if value is None else Arguments(value, at=self.path(name))

    def finish(self) -> None:
        """Refuses the first name that nothing has asked for."""
        for name in self._given:
            if name not in self._known:
                raise ApiError(
                    f"Unrecognized request argument supplied: {_shown(self.path(name))}",
                    param=_shown(self.path(name)),
                    code="unknown_parameter",
                )

    def _check_range(self, name: str, value: float, least: float, most: float, kind: str) -> None:
        if least <= value <= most:
            return
        side, sign, bound = ("below minimum", ">=", least) if value < least else ("above maximum", "<=", most)
        raise ApiError(
            f"Invalid '{self.path(name)}': {kind} {side} value. Expected a value {sign} {_shown(bound)}, "
            f"but got {_shown(value)} instead.",
            param=self.path(name),
            code=f"{kind}_{'below_min' if value < least else 'above_max'}_value",
        )

    def _wrong_type(self, name: str, expected: str, value: object) -> ApiError:
        return wrong_type(self.path(name), expected, value)


def missing_parameter(path: str) -> ApiError:
    """A parameter without which there is no request."""
    return ApiError(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def duplicate_parameter(path: str) -> ApiError:
    """A parameter of a query string or a form that was given twice: which one is meant can't be known."""
    shown = _shown(path)
    return ApiError(
        f"Duplicate parameter: '{shown}' was given more than once.", param=shown, code="duplicate_parameter"
    )


def wrong_type(path: str, expected: str, value: object) -> ApiError:
    """A value of another JSON type than the one expected, which is given with its article."""
    return ApiError(
        f"Invalid type for '{path}': expected {expected}, but got {_type_name(value)} instead.",
        param=path,
        code="invalid_type",
    )


def _type_name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _shown(value: object) -> str:
    # A value may be an integer of thousands of digits, which str() refuses to write, or a string of megabytes.
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge integer"
    text = str(value)
    return text if len(text) <= 100 else text[:100] + "…"
