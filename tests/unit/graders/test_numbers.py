"""Numbers are read out of answers as people write them, and compared exactly."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.graders.numbers import compare_numbers, number_in
from ftops.graders.problems import GradingFailed
from shared_data import missing, shared_path

GSM8K = shared_path("data/gsm8k-chat/validation.jsonl")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", "42"),
        (" 42.\n", "42"),
        ("The answer is 42.", "42"),
        ("She has 3 apples and buys 4, so 7 in all.", "7"),
        ("3 + 4 = <<3+4=7>>7\n#### 72!!!", "72"),
        ("#### 7\nIn words: seven of 9", "7"),
        ("#### 7\n#### 8", "8"),
        ("#### $1,000", "1000"),
        ("#### -7", "-7"),
        ("#### Step 3\nso it is 42", "42"),
        ("**42**", "42"),
        ("\\boxed{42}", "42"),
        ("x=-3", "-3"),
        # Signs
        ("-5", "-5"),
        ("+5", "5"),
        ("\u22125", "-5"),
        ("it fell to -5 °C", "-5"),
        ("10-5", "5"),
        ("2024-01-15", "15"),
        ("3\u20135", "5"),
        ("a--5", "5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("-1/2", "-1/2"),
        # Units, currency
        ("50%", "50"),
        ("€ 12", "12"),
        ("12km", "12"),
        ("₹1,00,000", "100000"),
        # Thousands and decimals
        ("1,234,567", "1234567"),
        ("1,234.5", "1234.5"),
        ("1,234", "1234"),
        ("1.234", "1.234"),
        ("1.234,5", "1234.5"),
        ("1.234.567", "1234567"),
        ("1'234.5", "1234.5"),
        ("1\u2019234", "1234"),
        ("1\u202f234\u202f567,8", "1234567.8"),
        ("12,5", "12.5"),
        ("0,125", "0.125"),
        ("1234,567", "1234.567"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("so...5", "5"),
        # Several in one run
        ("1,2,3", "3"),
        ("1.2.3", "3"),
        ("192.168.0.1", "1"),
        # Powers and fractions
        ("1.5e3", "1500"),
        ("1.5E-3", "0.0015"),
        ("1.5 × 10^3", "1500"),
        ("5 x 10^8 m", "500000000"),
        ("2*10^{-2}", "0.02"),
        ("3/4", "3/4"),
        ("48/2 = 24", "24"),
        ("1/2/3", "3"),
        # None
        ("", None),
        ("none", None),
        ("B2", None),
        ("abc123", None),
        ("1/0", None),
        ("1e999", None),
        ("9" * 501, None),
        ("1e" + "9" * 10_000, None),
        ("٣", None),
    ],
)
def test_the_number_of_a_text(text: str, number: str | None) -> None:
    assert number_in(text) == (None if number is None else Fraction(number))


@pytest.mark.parametrize("text", ["1" * 10**6, "1," * 10**5, "-" * 10**5, "1/" * 10**5, "####" * 10**5, "$ " * 10**5])
def test_hostile_texts_take_linear_time(text: str) -> None:
    number_in(text)


@pytest.mark.parametrize(
    ("text", "reference", "absolute", "relative", "score"),
    [
        ("42", "42.0", 0, 0, 1),
        ("42", "43", 0, 0, 0),
        ("42", "43", 1, 0, 1),
        ("1.1", "1.0", 0.1, 0, 1),  # as floats they are more than 0.1 apart
        ("1.11", "1.0", 0.1, 0, 0),
        ("99", "100", 0, 0.01, 1),
        ("-99", "-100", 0, 0.01, 1),
        ("98.9", "100", 0, 0.01, 0),
        ("90", "100", 10, 0.01, 1),  # the wider tolerance counts
        ("0", "0", 0, 0.5, 1),
        ("0.001", "0", 0, 0.5, 0),
        ("I don't know", "42", 10**6, 0, 0),
        ("1e300", "1e-300", 0, 0, 0),
    ],
)
def test_tolerances(text: str, reference: str, absolute: float, relative: float, score: float) -> None:
    assert compare_numbers(text, reference, absolute=absolute, relative=relative) == score


def test_a_reference_without_a_number_is_an_error() -> None:
    with pytest.raises(GradingFailed, match="the reference states no number"):
        compare_numbers("42", "many", absolute=0, relative=0)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e290, max_value=1e290))
def test_floats_are_read_as_they_are_written(number: float) -> None:
    assert number_in(f"so the result is {number!r}.") == Fraction(repr(number))


@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_grouping_changes_nothing(number: int, places: int) -> None:
    written = f"{number / 10**places:,.{places}f}"
    plain = Fraction(written.replace(",", ""))
    assert number_in(written) == number_in(written.replace(",", "\u00a0")) == plain


@given(st.text(max_size=40))
def test_any_text_has_a_number_or_none(text: str) -> None:
    number = number_in(text)
    assert number is None or isinstance(number, Fraction)


@pytest.mark.skipif(not GSM8K.exists(), reason=missing(GSM8K))
def test_worked_answers_state_their_result_last() -> None:
    rows = [json.loads(line) for line in GSM8K.read_text(encoding="utf-8").splitlines()]
    answers = [row["messages"][-1]["content"] for row in rows]
    assert len(answers) == 50
    for answer in answers:
        stated = answer.rpartition("####")[2].strip().rstrip("!").replace(",", "")
        assert number_in(answer) == Fraction(stated)
