"""Patterns that are looked for in answers.

Owns the engine: Google's RE2, whose time is linear in the text, so that no pattern and no answer can hold an evaluation up,
and whose result hangs on neither clock nor machine. Its syntax (https://github.com/google/re2/wiki/Syntax) has no
lookaround and no backreferences, ``\\d``, ``\\w`` and ``\\b`` know ASCII only, and ``$`` is the end of the text.
"""

from functools import lru_cache
from typing import Any, Final

from ftops.graders.problems import GraderProblem

LONGEST_PATTERN: Final = 10_000
_MOST_BYTES: Final = 8 * 1024 * 1024


def check_pattern(pattern: str, *, at: str) -> None:
    """Raises GraderProblem where RE2 can't read the pattern, with its reason."""
    import re2

    try:
        _compiled(pattern)
    except re2.error as error:
        reason = error.args[0]
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise GraderProblem(f"Invalid '{at}': RE2 can't read this pattern: {said}.", at) from error
    except UnicodeEncodeError as error:
        raise GraderProblem(f"Invalid '{at}': half a character can't be looked for.", at) from error


def is_found(pattern: str, text: str) -> bool:
    """Whether the pattern, which was checked, is found anywhere in the text. Halves of characters count as U+FFFD."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _compiled(pattern).search(whole) is not None


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_BYTES
    return re2.compile(pattern, options)
