"""The number that a text states, and whether two texts state the same.

Owns how a number is found and read. A worked answer states its result last: after ``####`` where a number follows that, as
GSM8K has it, else as its last number. Numbers are exact fractions, so that no tolerance is missed by a rounding.
"""

import re
from collections import deque
from fractions import Fraction
from typing import Final

from ftops.graders.problems import Failure, FailureKind, GradingFailed

# What is longer, or larger, isn't read: a power of ten with a billion digits is written in a few.
_LONGEST: Final = 500
_LARGEST_EXPONENT: Final = 400

_SPACES: Final = "\u00a0\u2009\u202f"
_SEPARATORS: Final = f".,'\u2019{_SPACES}"
_CURRENCY: Final = "[$€£¥₹]"
_EXPONENT: Final = r"[eE](?P<exponent>[+-]?[0-9]+)|\s?(?:×|\*|x|\\times)\s?10\^\{?(?P<power>[+-]?[0-9]+)"
_NUMBER: Final = re.compile(
    # What stands before a hyphen tells a sign from a subtraction, a range or a date.
    rf"(?:(?<![\w)\].-])(?P<sign>[+\-\u2212])(?:{_CURRENCY}\s?)?)?"
    r"(?:(?<![\w/])(?P<above>[0-9]+)/(?P<below>[0-9]+)(?![/\w]|[.,][0-9])"
    rf"|(?:(?<!\w)(?P<run>[0-9]+(?:[{_SEPARATORS}][0-9]+)*)|(?<![.\w])(?P<decimals>\.[0-9]+))(?:{_EXPONENT})?)"
)
_MARKED: Final = re.compile(rf"####[ \t]*(?:{_CURRENCY}\s?)?{_NUMBER.pattern}")

_PLAIN: Final = re.compile(r"[0-9]*\.?[0-9]+")
_GROUPED: Final = re.compile(
    rf"[1-9][0-9]{{0,2}}(?P<by>[,'\u2019{_SPACES}])[0-9]{{3}}(?:(?P=by)[0-9]{{3}})*(?:\.[0-9]+)?"
)
_INDIAN: Final = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?")
_CONTINENTAL: Final = re.compile(
    rf"[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}}){{2,}}|[1-9][0-9]{{0,2}}(?:(?P<by>[.'\u2019{_SPACES}])[0-9]{{3}}(?:(?P=by)[0-9]{{3}})*),[0-9]+"
)
_COMMA: Final = re.compile(r"[0-9]+,[0-9]+")


def compare_numbers(text: str, reference: str, *, absolute: float, relative: float) -> float:
    """Gives 1 where the text's number is off the reference's by at most ``absolute``, or by ``relative`` times the latter.

    A text without a number gives 0. Raises GradingFailed for a reference without one.
    """
    expected = number_in(reference)
    if expected is None:
        raise GradingFailed(Failure(kind=FailureKind.VARIABLE, message="the reference states no number"))
    said = number_in(text)
    if said is None:
        return 0.0
    # As written: the float 0.1 is a little more than a tenth.
    tolerance = max(Fraction(repr(absolute)), Fraction(repr(relative)) * abs(expected))
    return 1.0 if abs(said - expected) <= tolerance else 0.0


def number_in(text: str) -> Fraction | None:
    """Gives the number that a text states, None where there is none, or one too long to be read."""
    for pattern in (_MARKED, _NUMBER):
        found = deque(pattern.finditer(text), maxlen=1)
        if found:
            return _read(found[0])
    return None


def _read(match: re.Match[str]) -> Fraction | None:
    if match.end() - match.start() > _LONGEST:
        return None
    value: Fraction | None
    if match["above"] is not None:
        value = Fraction(int(match["above"]), int(match["below"])) if int(match["below"]) else None
    else:
        exponent = int(match["exponent"] or match["power"] or 0)
        if abs(exponent) > _LARGEST_EXPONENT:
            return None
        value = _read_run(match["run"] or match["decimals"]) * Fraction(10) ** exponent
    return -value if value is not None and match["sign"] in ("-", "\u2212") else value


def _read_run(run: str) -> Fraction:
    """Reads digits with separators between them. What is grouped in none of the ways known is several numbers: the last."""
    if _PLAIN.fullmatch(run):
        return Fraction(run)
    if _GROUPED.fullmatch(run) or _INDIAN.fullmatch(run):
        return Fraction(re.sub(r"[^0-9.]", "", run))
    if _CONTINENTAL.fullmatch(run) or _COMMA.fullmatch(run):
        return Fraction(re.sub(r"[^0-9,]", "", run).replace(",", "."))
    return Fraction(re.split(f"[{_SEPARATORS}]", run)[-1])
