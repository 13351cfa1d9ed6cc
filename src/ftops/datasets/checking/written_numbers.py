"""Answers that are a number, and the one number in an answer that is JSON.

Owns how people and programs write numbers: signs, currencies and units, separators of thousands, decimal points and commas.
"""

import re
from typing import Final, NamedTuple

import msgspec

LONGEST_NUMBER: Final = 40
LONGEST_JSON: Final = 2_000
_BARE: Final = re.compile(
    r"\s*(?:(?:USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|BRL|MXN|SEK|NOK|DKK|PLN)\s?|[$€£¥₹]\s?)?"
    r"(?P<sign>[-+−]?)(?:[$€£¥₹]\s?)?"
    r"(?P<digits>\d+(?:[.,'\u00a0\u202f ]\d+)*)"
    r"\s?(?:%|‰|[$€£¥₹]|[A-Za-zµ°][A-Za-z°²³/]{0,11}\.?)?\s*"
)
_DECIMALS: Final = re.compile(r"-?\d+(?:\.(\d+))?")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:([.,'\u00a0\u202f ])\d{3})(?:\1\d{3})*")
_TO_PLAIN: Final = str.maketrans("", "", "'\u00a0\u202f ")


class WrittenNumber(NamedTuple):
    """A number as it is written: ``field`` is the name of its JSON field, empty for a bare one.

    ``decimals`` are those that it needs: 2.50 needs one.
    """

    field: str
    value: float
    decimals: int


def number_in(answer: str) -> WrittenNumber | None:
    """Gives the number that an answer is, or the only one among the fields of a JSON object; None where there is none."""
    if answer.startswith("{") and len(answer) <= LONGEST_JSON:
        return _only_field(answer)
    if len(answer) > LONGEST_NUMBER or (match := _BARE.fullmatch(answer)) is None:
        return None
    plain = _plain(match["digits"])
    if plain is None:
        return None
    value = float(plain)
    return WrittenNumber("", -value if match["sign"] in ("-", "−") else value, len(plain.partition(".")[2].rstrip("0")))


def _plain(digits: str) -> str | None:
    """Gives digits with at most a decimal point among them; None for what is an identifier or a list."""
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return None
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        decimal = max(".,", key=digits.rindex)
        whole, _, part = digits.rpartition(decimal)
        return f"{_whole(whole)}.{part}" if _whole(whole) and part.isdigit() else None
    if points == 1 and digits.replace(".", "").isdigit():
        return digits
    if _THOUSANDS.fullmatch(digits):
        return _whole(digits)
    if commas == 1 or points == 1:
        whole, _, part = digits.replace(",", ".").rpartition(".")
        return f"{_whole(whole)}.{part}" if _whole(whole) and part.isdigit() else None
    return digits if digits.isdigit() else None


def _whole(digits: str) -> str:
    """Gives a whole number without its separators of thousands, empty where it is none."""
    if digits.isdigit():
        return digits
    return digits.translate(_TO_PLAIN).replace(",", "").replace(".", "") if _THOUSANDS.fullmatch(digits) else ""


def _only_field(answer: str) -> WrittenNumber | None:
    try:
        fields = msgspec.json.decode(answer, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError):
        return None
    numbers = [
        (name, value)
        for name, value in fields.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if len(numbers) != 1:
        return None
    name, value = numbers[0]
    written = _DECIMALS.fullmatch(repr(value))
    return (
        WrittenNumber(name, float(value), len((written[1] or "").rstrip("0")))
        if written and abs(value) < 1e15
        else None
    )
