"""The source of a ``python`` grader, looked at without running any of it.

Owns the limits of OpenAI's guide: less than 256 kB, and a function ``grade`` that takes a sample and an item. Running it
needs an isolation that this package doesn't have: ``RunProgram`` is the port for whoever has one.
"""

import ast
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

from ftops.graders.fields import wrong_type
from ftops.graders.problems import GraderProblem

RunProgram = Callable[[str, Mapping[str, Any], Mapping[str, Any]], float]
"""Runs a grader's source on a sample and an item, and gives its score; raises GradingFailed where there is none."""

_MOST_BYTES: Final = 256_000
# The filters of warnings are the whole process's: two threads that change them at once may leave them changed.
_FILTERS: Final = threading.Lock()


def check_program(source: object, *, at: str) -> str:
    """Gives the source if it is a program with a function ``grade`` of two arguments. Raises GraderProblem."""
    if not isinstance(source, str):
        raise wrong_type(at, "a string", source)
    if len(source) >= _MOST_BYTES or len(source.encode(errors="replace")) >= _MOST_BYTES:
        raise GraderProblem(f"Invalid '{at}': it must be less than {_MOST_BYTES // 1000} kB.", at)
    definition = _definition(_parsed(source, at))
    if definition is None:
        raise GraderProblem(f"Invalid '{at}': it defines no function 'grade(sample, item)'.", at)
    if not _takes_two(definition.args):
        raise GraderProblem(f"Invalid '{at}': 'grade' must take two arguments, sample and item.", at)
    return source


def _parsed(source: str, at: str) -> ast.Module:
    try:
        with _FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the compiler thinks of somebody else's escapes is no concern here
            return ast.parse(source)
    except SyntaxError as error:
        where = f" in line {error.lineno}" if error.lineno else ""
        raise GraderProblem(f"Invalid '{at}': it is no Python program{where}: {error.msg}.", at) from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nesting that the parser gives up on
        raise GraderProblem(f"Invalid '{at}': it is no Python program that can be read.", at) from error


def _definition(program: ast.Module) -> ast.FunctionDef | None:
    """The last definition counts, as it would when the program runs."""
    found = [node for node in program.body if isinstance(node, ast.FunctionDef) and node.name == "grade"]
    return found[-1] if found else None


def _takes_two(arguments: ast.arguments) -> bool:
    most = len(arguments.posonlyargs) + len(arguments.args)
    least = most - len(arguments.defaults)
    has_required_keywords = any(default is None for default in arguments.kw_defaults)
    return least <= 2 and (most >= 2 or arguments.vararg is not None) and not has_required_keywords
