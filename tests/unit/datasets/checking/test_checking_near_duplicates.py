"""Rows that ask nearly the same, in one file and in training and evaluation."""

import pytest

from checking_kit import banking77, chat, found_beside, found_in
from ftops.datasets.checking.near_duplicates import NearDuplicates
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.normal_text import normal_text
from shared_data import missing, shared_path

NEAR = NearDuplicates()
LOST = "I lost my card on the train to Vienna yesterday, what am I to do about it now?"
FOUND = LOST.replace("yesterday", "yesterdays")
AGAIN = LOST.replace("Vienna", "Vienne")
OTHER = "How long does it take until money that I send to another bank has arrived there?"


def alike(first: str, second: str) -> str:
    """The share of runs of four letters that two prompts have in common, as it is told."""
    forms = [normal_text(text) for text in (first, second)]
    one, other = ({form[at : at + 4] for at in range(len(form) - 3)} for form in forms)
    return f"{100 * len(one & other) / len(one | other):.0f} % alike"


def told(found: tuple[Found, ...]) -> list[tuple[str, int, str]]:
    return [(one.code, one.line, one.says) for one in found]


def test_prompts_that_differ_little_are_near_duplicates() -> None:
    rows = [chat(OTHER, "x"), chat(LOST, "x"), chat(FOUND, "y"), chat("short", "z"), chat(AGAIN, "y")]
    assert told(found_in(NEAR, rows)) == [
        ("D102", 3, f"nearly the prompt of line 2: {alike(LOST, FOUND)}"),
        ("D102", 5, f"nearly the prompt of line 2: {alike(LOST, AGAIN)}"),
    ]
    assert found_in(NEAR, [chat(OTHER, "x"), chat(LOST, "x")]) == ()
    assert found_in(NEAR, []) == ()


def test_a_row_that_a_later_one_links_names_the_later_one() -> None:
    between, far = LOST.replace("Vienna", "Vienne"), LOST.replace("Vienna", "Vienne").replace("yesterday", "yesterdays")
    rows = [chat(LOST, "x"), chat(far, "x"), chat(between, "x")]
    assert told(found_in(NEAR, rows)) == [
        ("D102", 2, f"nearly the prompt of line 3: {alike(far, between)}"),
        ("D102", 3, f"nearly the prompt of line 2: {alike(far, between)}"),
    ]


def test_the_same_prompt_again_is_not_told_here() -> None:
    rows = [chat(LOST, "x"), chat(LOST.upper(), "x"), chat(FOUND, "y"), chat(FOUND, "y")]
    assert told(found_in(NEAR, rows)) == [("D102", 3, f"nearly the prompt of line 1: {alike(LOST, FOUND)}")]
    assert found_in(NEAR, rows[:2]) == ()


def test_another_frame_is_another_prompt() -> None:
    rows = [chat(LOST, "x", system="Sort."), chat(FOUND, "y", system="Answer."), chat(AGAIN, "y", system="sort")]
    assert told(found_in(NEAR, rows)) == [("D102", 3, f"nearly the prompt of line 1: {alike(LOST, AGAIN)}")]


def test_many_near_duplicates_are_counted() -> None:
    rows = [chat(f"{LOST} {number}", "x") for number in range(40)]
    found = found_in(NEAR, rows)
    assert [one.line for one in found] == [2, 3, 4, 5, 6, 7]
    assert sum(one.count for one in found) == 39


def test_free_rows_are_not_compared() -> None:
    assert found_in(NEAR, [{"topic": LOST}, {"topic": FOUND}], Use.FREE) == ()


def test_what_is_nearly_trained_on_is_told() -> None:
    train = [chat(OTHER, "x"), chat(LOST, "x")]
    other = [chat("short", "z"), chat(FOUND, "y"), chat(LOST.lower(), "y")]
    says = f"nearly the prompt of line 2 in train.jsonl, which is trained on: {alike(LOST, FOUND)}"
    assert told(found_beside(NEAR, train, other)) == [("D105", 2, says)]
    assert found_beside(NEAR, train, []) == ()
    assert found_beside(NEAR, [], other) == ()


def test_frames_that_differ_from_row_to_row_count_between_files() -> None:
    train = [chat(LOST, "x", system="Document one"), chat(OTHER, "x", system="Document two")]
    assert found_beside(NEAR, train, [chat(FOUND, "y", system="Document three")]) == ()
    assert len(found_beside(NEAR, train, [chat(FOUND, "y", system="document one")])) == 1
    framed = [chat(LOST, "x", system="Sort."), chat(OTHER, "x", system="Sort.")]
    assert len(found_beside(NEAR, framed, [chat(FOUND, "y", system="Sort it.")])) == 1


@pytest.mark.skipif(not (TRAIN := shared_path("data/banking77/train.csv")).exists(), reason=missing(TRAIN))
def test_banking77_has_test_rows_that_are_nearly_trained_on() -> None:
    train, test = banking77(TRAIN)[:2_000], banking77(TRAIN.with_name("test.csv"))[:600]
    assert 0 < sum(one.count for one in found_beside(NEAR, train, test)) < 60
