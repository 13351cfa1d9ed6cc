"""Reads the fields of a declared grader, one by one, and refuses what isn't there, isn't known or has another type.

Owns the words of these refusals, which are OpenAI's for any request. Null counts as absent.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ftops.graders.problems import Fault, GraderProblem

_SHOWN: Final = 100


class Fields:
    """The fields of one JSON object. Every ``take_*`` marks a name as known; ``finish`` refuses the others."""

    def __init__(self, given: object, *, at: str) -> None:
        if not isinstance(given, Mapping):
            raise wrong_type(at, "an object", given)
        self._given: Mapping[str, Any] = given
        self.at = at
        self._known: set[str] = set()

    def path(self, name: str) -> str:
        """The name with the names of the objects around it."""
        return f"{self.at}.{name}"

    def take(self, name: str) -> Any:
        """The value as it came; None when absent or null."""
        self._known.add(name)
        return self._given.get(name)

    def take_required(self, name: str) -> Any:
        """The value as it came, which must be there."""
        value = self.take(name)
        if value is None:
            raise GraderProblem(
                f"Missing required parameter: '{self.path(name)}'.", self.path(name), fault=Fault.MISSING
            )
        return value

    def take_text(self, name: str, *, most: int) -> str | None:
        """A string of at most ``most`` characters."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise wrong_type(self.path(name), "a string", value)
        if len(value) > most:
            raise GraderProblem(
                f"Invalid '{self.path(name)}': string too long. Expected a string with maximum length {most}, but got a "
                f"string with length {len(value)} instead.",
                self.path(name),
            )
        return value

    def take_required_text(self, name: str, *, most: int, may_be_empty: bool = False) -> str:
        """A string that must be there."""
        self.take_required(name)
        value = self.take_text(name, most=most) or ""
        if not value and not may_be_empty:
            raise GraderProblem(f"Invalid '{self.path(name)}': empty string.", self.path(name))
        return value

    def take_choice(self, name: str, values: Sequence[str]) -> str:
        """One of the strings given, which must be there."""
        value = self.take_required_text(name, most=10_000)
        if value not in values:
            listed = ", ".join(f"'{each}'" for each in values)
            raise GraderProblem(f"Invalid value: '{shown(value)}'. Supported values are: {listed}.", self.path(name))
        return value

    def take_number(self, name: str, *, least: float = -math.inf, most: float = math.inf) -> float | None:
        """A finite number from ``least`` to ``most``."""
        value = self.take(name)
        if value is None:
            return None
        number = finite(value, at=self.path(name))
        if not least <= number <= most:
            raise GraderProblem(
                f"Invalid '{self.path(name)}': expected a number from {least:g} to {most:g}, but got {shown(value)}.",
                self.path(name),
            )
        return number

    def take_whole(self, name: str, *, least: int, most: int) -> int | None:
        """An integer from ``least`` to ``most``."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(self.path(name), "an integer", value)
        if not least <= value <= most:
            raise GraderProblem(
                f"Invalid '{self.path(name)}': expected an integer from {least} to {most}, but got {shown(value)}.",
                self.path(name),
            )
        return value

    def take_list(self, name: str, *, most: int) -> Sequence[Any]:
        """An array of 1 to ``most`` elements, which must be there."""
        value = self.take_required(name)
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise wrong_type(self.path(name), "an array", value)
        if not 1 <= len(value) <= most:
            raise GraderProblem(
                f"Invalid '{self.path(name)}': expected an array of 1 to {most} elements, but got {len(value)}.",
                self.path(name),
            )
        return value

    def take_texts(self, name: str, *, most: int, longest: int) -> tuple[str, ...]:
        """An array of different strings, each of 1 to ``longest`` characters."""
        values = self.take_list(name, most=most)
        seen: set[str] = set()
        for number, each in enumerate(values):
            at = f"{self.path(name)}[{number}]"
            if not isinstance(each, str):
                raise wrong_type(at, "a string", each)
            if not 1 <= len(each) <= longest or each in seen:
                raise GraderProblem(
                    f"Invalid '{at}': expected a string of 1 to {longest} characters that isn't there twice.", at
                )
            seen.add(each)
        return tuple(values)

    def finish(self) -> None:
        """Refuses the first name that nothing has asked for."""
        for name in self._given:
            if name not in self._known:
                path = shown(self.path(str(name)))
                raise GraderProblem(f"Unknown parameter: '{path}'.", path, fault=Fault.UNKNOWN)


def finite(value: object, *, at: str) -> float:
    """A finite number; raises GraderProblem for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(at, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise GraderProblem(f"Invalid '{at}': expected a finite number.", at)
    return number


def wrong_type(at: str, expected: str, value: object) -> GraderProblem:
    """A value of another JSON type than the one expected, which is given with its article."""
    return GraderProblem(
        f"Invalid type for '{at}': expected {expected}, but got {_type_name(value)} instead.",
        at,
        fault=Fault.WRONG_TYPE,
    )


def shown(value: object) -> str:
    """A value as messages show it: never long."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge integer"
    text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


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
        case list() | tuple():
            return "an array"
        case _:
            return "an object"
