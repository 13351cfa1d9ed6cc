"""One rule for every ``did you mean``."""

import pytest

from ftops.domain.near_misses import did_you_mean, hint, listed, near

NAMES = ("mood", "router", "ticket-router-production", "Refund")


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("moood", "mood"),
        ("ROUTER", "router"),
        ("refund", "Refund"),
        ("ticket", "ticket-router-production"),  # not alike, but nothing else begins so
        ("t", "ticket-router-production"),
        ("", None),
        ("xyz", None),
    ],
)
def test_the_most_similar_word_is_meant_in_any_case(word: str, found: str | None) -> None:
    assert near(word, NAMES) == found


def test_of_two_that_begin_so_neither_is_meant() -> None:
    assert near("a", ("a-long-name-of-one", "a-long-name-of-another")) is None


def test_what_follows_a_sentence() -> None:
    assert did_you_mean("rooter", NAMES) == " (did you mean router?)"
    assert did_you_mean("xyz", NAMES) == ""


def test_what_there_is_when_nothing_is_near() -> None:
    assert hint("rooter", NAMES) == "did you mean router?"
    assert hint("xyz", ("b", "a")) == "there are a, b"
    assert hint("xyz", (), there_are="the ledger knows") == "the ledger knows none"


def test_a_thousand_words_are_not_all_listed() -> None:
    assert (
        listed(f"n{number}" for number in range(100, 1100))
        == "n100, n1000, n1001, n1002, n1003, n1004, n1005, n1006 and 992 more"
    )


def test_a_foreign_word_can_not_write_to_the_terminal() -> None:
    assert did_you_mean("a\x1b[31mb", ["a\x1b[31mc"]) == " (did you mean a\\x1b[31mc?)"
