"""Numbers that were guessed, and numbers that can't be right."""

import json
import random

import pytest

from checking_kit import chat, found_in, pair
from ftops.datasets.checking.numbers import NumericAnswers
from ftops.datasets.checking.written_numbers import number_in
from ftops.datasets.formats import Use

NUMBERS = NumericAnswers()


@pytest.mark.parametrize(
    ("answer", "value", "decimals"),
    [
        ("42", 42, 0),
        (" -3.50\n", -3.5, 1),
        ("−7", -7, 0),
        ("$1,234.50", 1234.5, 1),
        ("1.234,5 €", 1234.5, 1),
        ("EUR 12", 12, 0),
        ("12 kg", 12, 0),
        ("99.9%", 99.9, 1),
        ("1,234", 1234, 0),
        ("1,234,567", 1_234_567, 0),
        ("1.234.567", 1_234_567, 0),
        ("12 345", 12_345, 0),
        ("1.234", 1.234, 3),
        ("12,5", 12.5, 1),
        ("1'234.5", 1234.5, 1),
        ("0.25", 0.25, 2),
        ("0", 0, 0),
    ],
)
def test_a_number_as_people_write_it(answer, value, decimals):
    found = number_in(answer)
    assert (found.field, found.value, found.decimals) == ("", value, decimals)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "twelve",
        "1 and 2",
        "007",
        "555-1234",
        "12,34,56",
        "1,2.3,4",
        "1.2.3",
        "12 34",
        "1,23.4.5",
        "12'34.5",
        "AB 12",
        "1" * 41,
        "{}",
        "{broken",
        '{"a": "1"}',
        '{"a": 1, "b": 2}',
        '{"a": true}',
        '{"a": 1e300}',
        '{"a": 1e-9}',
        '{"a": 1234567890123456789}',
        '{"a": 1, "b": "' + "x" * 2_000 + '"}',
        "[1]",
    ],
)
def test_what_is_no_single_number(answer):
    assert number_in(answer) is None


def test_the_only_number_in_json():
    assert number_in('{"unit": "kg", "weight": 2.50, "ok": true}') == ("weight", 2.5, 1)
    assert number_in('{"n": -3}') == ("n", -3.0, 0)


def answers(texts) -> list[dict]:
    return [chat(f"How much is number {place}?", str(text)) for place, text in enumerate(texts)]


def spread(count: int, *, seed: int = 7) -> list[int]:
    return [random.Random(f"{seed}:{place}").randrange(100, 1000) for place in range(count)]


def test_round_numbers_pile_up():
    (found,) = found_in(NUMBERS, answers([*[value * 10 for value in spread(40)], *[101, 203, 307] * 20]))
    assert (found.code, found.line) == ("D132", 0)
    assert found.says.startswith("40 of 100 answers (40 %) end in 0, where one in ten is expected")


def test_round_numbers_in_a_field_pile_up():
    assert found_in(NUMBERS, answers(json.dumps({"weight": float(value)}) for value in spread(60))) == ()
    rows = answers(json.dumps({"unit": "kg", "weight": 10 * value}) for value in spread(60))
    (found,) = found_in(NUMBERS, rows)
    assert "60 of 60 numbers in the field 'weight' (100 %)" in found.says


def test_decimals_are_looked_at_to_their_places():
    rows = answers([*[f"{value}.00" for value in spread(60)], *[f"{value}.37" for value in spread(40)]])
    (found,) = found_in(NUMBERS, rows)
    assert "60 of 100" in found.says
    assert found_in(NUMBERS, answers(f"{value}.00" for value in spread(60))) == ()
    assert found_in(NUMBERS, answers(f"{value}.{place:02}" for place, value in enumerate(spread(100)))) == ()


@pytest.mark.parametrize(
    "texts",
    [
        spread(200),
        [value * 10 for value in spread(19)],  # too few
        [*[value * 10 for value in spread(7)], *[101] * 13],  # that may be chance
        [1, 2, 3, 4, 5, 6, 7] * 30,  # one digit says nothing
        [*[value * 10 for value in spread(58)], *[101] * 142],  # 29 %
        [*[value * 10 for value in spread(60)], *["about " + str(value) for value in spread(60)]],  # not mostly numbers
    ],
)
def test_numbers_as_they_should_be(texts):
    assert found_in(NUMBERS, answers(texts)) == ()


def test_a_number_far_from_all_others():
    (found,) = found_in(NUMBERS, answers([*spread(60), "1,000,001"]))
    assert (found.code, found.line, found.field) == ("D133", 61, "/messages/1/content")
    assert found.says.endswith("got 1000001")
    (found,) = found_in(NUMBERS, answers([0.0001, *spread(60)]))
    assert (found.line, found.says[-6:]) == (1, "0.0001")


def test_numbers_of_either_sign_are_taken_as_they_are():
    values = [place % 21 - 10 for place in range(90)]
    assert found_in(NUMBERS, answers([*values, 20])) == ()
    (found,) = found_in(NUMBERS, answers([*values, -400]))
    assert (found.line, found.says[-4:]) == (91, "-400")


@pytest.mark.parametrize(
    "texts",
    [
        [*spread(18), 10**6],  # too few to tell
        [7] * 60 + [9_999],  # most are equal
        [*spread(60), *[10**7 + 1] * 3],  # several are no exception
    ],
)
def test_what_is_no_outlier(texts):
    assert found_in(NUMBERS, answers(texts)) == ()


def test_numbers_in_pairs_and_in_prompts():
    rows = [pair(str(place), str(value), "no") for place, value in enumerate([*spread(60), 10**7 + 1])]
    (found,) = found_in(NUMBERS, rows, Use.DPO)
    assert found.field == "/preferred_output/0/content"
    assert found_in(NUMBERS, [{"messages": [{"role": "user", "content": "q"}]}] * 60, Use.REINFORCEMENT) == ()
    assert found_in(NUMBERS, []) == ()
