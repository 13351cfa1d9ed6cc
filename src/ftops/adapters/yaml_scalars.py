"""Scalars by the core rules of YAML 1.2: what a plain (unquoted) scalar stands for.

Owns the difference to YAML 1.1, which most readers of this language still follow: ``yes`` and ``on`` are strings, and so are
``012`` and ``1_0``; ``1e-1`` is a number. One deviation: the core rules read ``012`` as 12, ftops leaves it a string, because
readers of version 1.1 read 10. Source: YAML 1.2.2, section 10.3.2.
"""

import math
import re
from typing import Any, Final

_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LARGEST: Final = 2**53 - 1  # beyond it JSON readers disagree, and canonical JSON (RFC 8785) refuses
_LONGEST_NUMBER: Final = 400
_NUMBER_STARTS: Final = frozenset("-+.0123456789")


class ScalarError(ValueError):
    """A plain scalar that YAML reads as a number, and that JSON can't carry. Its text says what was expected."""


def plain_scalar(text: str) -> Any:
    """Gives the null, boolean, integer, number or string that the plain scalar ``text`` stands for.

    Raises ``ScalarError`` for infinities, NaN, and numbers too large for JSON.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f"expected a finite number, or text in quotes, got {text}")
    return _number(text)


def _number(text: str) -> Any:
    if len(text) > _LONGEST_NUMBER:
        return _refuse_number(text)
    if _INT.fullmatch(text):
        return _bounded(int(text))
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return _bounded(int(text, 0))
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ScalarError("expected a number that fits in 64 bits, or text in quotes")
        return value
    return text


def _bounded(value: int) -> int:
    if abs(value) > _LARGEST:
        raise ScalarError("expected an integer of at most 9007199254740991 (2^53 - 1), or text in quotes")
    return value


def _refuse_number(text: str) -> str:
    """Gives the over-long ``text`` back, unless it is a number through and through."""
    if any(form.fullmatch(text) for form in (_INT, _OCTAL, _HEX, _FLOAT)):
        raise ScalarError(f"expected a number of at most {_LONGEST_NUMBER} digits, or text in quotes")
    return text
