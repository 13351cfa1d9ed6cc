"""Capitals in a text, compared with what a regular expression finds that tries one way after another."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets.checking.abbreviations import Abbreviated


@pytest.mark.parametrize(
    ("text", "capitals"),
    [
        ("What does Bank of America cost?", "BAC"),
        ("the European Central Bank", "ECB"),
        ("Дом Журналистов", "ДЖ"),
        ("İstanbul Büyükşehir", "İB"),
        ("x", "X"),
    ],
)
def test_capitals_of_a_text(text: str, capitals: str) -> None:
    assert Abbreviated(text).has(capitals)


@pytest.mark.parametrize(
    ("text", "capitals"),
    [
        ("the Bank. America calls", "BAC"),
        ("embark at cove", "BAC"),
        ("b" + 13 * "-" + "c", "BC"),
        ("", "BC"),
        ("x", "BC"),
    ],
)
def test_capitals_that_a_text_does_not_have(text: str, capitals: str) -> None:
    assert not Abbreviated(text).has(capitals)


@given(st.text("abcABC .-é", max_size=60), st.text("ABC", min_size=1, max_size=6))
def test_capitals_are_found_as_one_way_after_another_does(text: str, capitals: str) -> None:
    expected = re.search(r"\b" + "[^.?!\n]{0,12}?".join(capitals), text, re.IGNORECASE) is not None
    abbreviated = Abbreviated(text)
    assert [abbreviated.has(capitals), abbreviated.has(capitals)] == [expected, expected]


@pytest.mark.timeout(20)
def test_no_text_takes_long() -> None:
    """Trying one way after another would take minutes."""
    abbreviated = Abbreviated("x 1 " * 250_000)
    assert not any(abbreviated.has(f"XXXXX{letter}") for letter in "ABCDEFGHIJKLMNOPQRSTUVW")
    assert abbreviated.has("XXXXXX")
