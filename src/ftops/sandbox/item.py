"""Runs a grader's source on one item, in a child that was confined before.

Owns what counts as a score, and how an error is told. What it says is the grader's own word: whoever reads it must not
trust it.
"""

import json
import math
import os
import sys
import traceback
import types
from typing import Any, Final, NoReturn

_NAME: Final = "grader"
_LONGEST_MESSAGE: Final = 2_000


def grade_and_exit(source: bytes, given: bytes | bytearray, saying: int) -> NoReturn:
    """Says ``{"score": number}`` or ``{"error": class, "message": text, "line": number}``, and ends the process.

    ``given`` is JSON with ``sample`` and ``item``.
    """
    try:
        said = {"score": _score(source, given)}
    except BaseException as error:  # noqa: BLE001 (whatever a grader raises, SystemExit too, is its error)
        said = _error(error)
    os.write(saying, json.dumps(said).encode())
    os._exit(0)


def _score(source: bytes, given: bytes | bytearray) -> float:
    program = types.ModuleType(_NAME)
    sys.modules[_NAME] = program  # dataclasses look their module up
    exec(compile(source, _NAME, "exec"), program.__dict__)  # noqa: S102 (to run it is what this process is for)
    told = json.loads(given)
    return _number(program.grade(told["sample"], told["item"]))


def _number(value: Any) -> float:
    """Takes what is a number, numpy's included; a text that looks like one is none."""
    if isinstance(value, str | bytes | bytearray) or not hasattr(type(value), "__float__"):
        raise TypeError(f"grade gave {_kind(value)} instead of a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"grade gave {number}")
    return number


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _error(error: BaseException) -> dict[str, Any]:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _NAME]
    if isinstance(error, SyntaxError) and error.filename == _NAME:
        lines = [error.lineno]
    return {
        "error": type(error).__name__,
        "message": str(error)[:_LONGEST_MESSAGE],
        "line": lines[-1] if lines else None,
    }
