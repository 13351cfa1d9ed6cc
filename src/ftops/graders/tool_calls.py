"""Tool calls compared with a reference: the AST match of the Berkeley Function-Calling Leaderboard.

Owns the rules (https://github.com/ShishirPatil/gorilla, ``ast_checker``): as many calls, in any order; the same name;
required parameters present, and none that the reference or the tool doesn't know; the right types; each value among the
allowed ones. Strings are compared lower-cased and without blanks and ``, . / - _ * ^``, with one sort of quotes. Three things
differ, each where Berkeley's code falls short of its rule: calls are assigned to each other in the best way, not to the first
that fits; lists of allowed values count at any depth; and a variable's name in place of a value is compared as any string.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ftops.graders.call_references import ExpectedCall, Slot, function_of, read_arguments
from ftops.graders.call_types import UNDECLARED, DeclaredTool, DeclaredTypes, is_of_type
from ftops.graders.marks import CallMark, Scored

_DROPPED: Final = re.compile(r"[ ,./\-_*^]")
_CLOSENESS: Final = tuple(CallMark)


def compare_calls(said: Sequence[Any], expected: Sequence[ExpectedCall], tools: Mapping[str, DeclaredTool]) -> Scored:
    """Scores 1 where an answer's ``tool_calls`` match the expected ones; the mark says what is wrong with the first that
    doesn't. ``tools`` are what the request declared, by name. Raises RecursionError for a reference that nests too deep.
    """
    calls = [_read_call(each) for each in said]
    read = [call for call in calls if call is not None]
    if len(read) < len(calls):
        return _scored(CallMark.UNPARSABLE)
    if len(read) != len(expected):
        if not expected:
            return _scored(CallMark.UNEXPECTED_CALL)
        return _scored(CallMark.WRONG_COUNT if read else CallMark.MISSING_CALL)
    known = {_plain_name(name): tool for name, tool in tools.items()}
    marks = [[_compare_call(*call, wanted, known) for call in read] for wanted in expected]
    assigned = _assign(marks)
    for number, row in enumerate(marks):
        if number not in assigned.values():
            left = [mark for place, mark in enumerate(row) if place not in assigned]
            return _scored(max(left, key=_CLOSENESS.index))
    return _scored(CallMark.MATCH)


def _read_call(call: Any) -> tuple[str, Mapping[str, Any]] | None:
    function = function_of(call)
    arguments = read_arguments(function[1]) if function is not None else None
    return None if function is None or arguments is None else (function[0], arguments)


def _assign(marks: Sequence[Sequence[CallMark]]) -> Mapping[int, int]:
    """Gives the greatest assignment of answers' calls to expected ones that match, by augmenting paths (Kuhn 1955)."""
    assigned: dict[int, int] = {}

    def place(wanted: int, tried: set[int]) -> bool:
        for call, mark in enumerate(marks[wanted]):
            if mark is CallMark.MATCH and call not in tried:
                tried.add(call)
                if call not in assigned or place(assigned[call], tried):
                    assigned[call] = wanted
                    return True
        return False

    for wanted in range(len(marks)):
        place(wanted, set())
    return assigned


def _compare_call(
    name: str, arguments: Mapping[str, Any], expected: ExpectedCall, tools: Mapping[str, DeclaredTool]
) -> CallMark:
    plain = _plain_name(expected.name)
    if _plain_name(name) != plain:
        return CallMark.WRONG_NAME
    tool = tools.get(plain, UNDECLARED)
    for parameter, slot in expected.slots.items():
        if parameter not in arguments and (parameter in tool.required or not slot.may_be_left_out):
            return CallMark.MISSING_PARAMETER
    for parameter in arguments:
        if parameter not in expected.slots or (tool.is_closed and parameter not in tool.parameters):
            return CallMark.UNEXPECTED_PARAMETER
    faults = [
        _compare_value(value, expected.slots[parameter], tool.parameters.get(parameter, DeclaredTypes()))
        for parameter, value in arguments.items()
    ]
    return next((fault for fault in faults if fault is not CallMark.MATCH), CallMark.MATCH)


def _compare_value(value: Any, slot: Slot, declared: DeclaredTypes) -> CallMark:
    if not is_of_type(value, slot, declared):
        return CallMark.WRONG_TYPE
    return CallMark.MATCH if any(_equals(value, each) for each in slot.values) else CallMark.WRONG_VALUE


def _equals(value: Any, allowed: Any) -> bool:
    match allowed:
        case str():
            return isinstance(value, str) and plain_text(value) == plain_text(allowed)
        case bool() | None:
            return value is allowed
        case int() | float():
            return isinstance(value, int | float) and not isinstance(value, bool) and value == allowed
        case tuple():
            return isinstance(value, list) and len(value) == len(allowed) and all(map(_equals, value, allowed))
        case _:
            return isinstance(value, Mapping) and _has_equal_fields(value, allowed)


def _has_equal_fields(value: Mapping[str, Any], slots: Mapping[str, Slot]) -> bool:
    if any(name not in slots for name in value):
        return False
    return all(
        any(_equals(value[name], each) for each in slot.values) if name in value else slot.may_be_left_out
        for name, slot in slots.items()
    )


def plain_text(text: str) -> str:
    """Gives a string as strings are compared."""
    return _DROPPED.sub("", text).lower().replace("'", '"')


def _plain_name(name: str) -> str:
    """OpenAI's names of functions have no dots: Berkeley's are called with underscores in their place."""
    return name.replace(".", "_")


def _scored(mark: CallMark) -> Scored:
    return Scored(score=1.0 if mark is CallMark.MATCH else 0.0, mark=mark.value)
