"""Names and long numbers in answers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets.checking.facts import MOST, facts_in
from ftops.datasets.checking.mentions import Said


def facts(answer: str) -> tuple[list[str], list[str]]:
    return next(((list(found.names), list(found.numbers)) for _, found in facts_in([answer])), ([], []))


@pytest.mark.parametrize(
    ("answer", "names", "numbers"),
    [
        ("It is by Ada Lovelace, or by Grace Hopper Jones.", ["Ada Lovelace", "Grace Hopper Jones"], []),
        ("Ada Lovelace. By Ada. by A B. by Ada LOVELACE", [], []),
        ("par José Núñez à Évora Ville", ["José Núñez", "Évora Ville"], []),
        ("by Ada Lovelace in 1843", ["Ada Lovelace"], ["1843"]),
        ("1,234.5 or 12 or 1.2 or 12.5 or 1..234", [], ["1,234.5", "12.5", "234"]),
        ("12.5 and 1,23", [], []),
        ("2 + 3 is 1234", [], []),
        ("2 ×\u2009$3 is 1234 €", [], []),
        ("2\u202f÷ 3 is 1234", [], []),
        ("2 and 3 is 1234 €", [], ["1234"]),
        ("nothing", [], []),
    ],
)
def test_facts_of_an_answer(answer: str, names: list[str], numbers: list[str]) -> None:
    assert facts(answer) == (names, numbers)


def test_answers_do_not_run_together() -> None:
    answers = ["it has 123", "- 456", "of a", "Big Ben", "of Ada", "", "12", "34", "漢字 by Big Ben 789"]
    assert [(place, tuple(found.names), tuple(found.numbers)) for place, found in facts_in(answers)] == [
        (0, (), ("123",)),
        (1, (), ("456",)),
        (8, ("Big Ben",), ("789",)),
    ]
    assert list(facts_in([])) == list(facts_in([""])) == []


@given(st.lists(st.text("aAbB 0.,-", max_size=12)))
def test_numbers_are_those_of_a_plain_look_at_each_answer(answers: list[str]) -> None:
    for answer in answers:
        long = [number for number in re.findall(r"\d+(?:[.,]\d+)*", answer) if len(re.sub(r"\D", "", number)) >= 3]
        counts = re.search(r"\d{3}", answer) and not re.search(r"\d\s*-\s*\d", answer)
        assert facts(answer)[1] == (long if counts else [])
    assert dict(facts_in(answers)) == {
        place: found for place, one in enumerate(answers) for _, found in facts_in([one])
    }


def test_of_many_facts_the_first_are_looked_at() -> None:
    names, numbers = facts("x " + "".join(f"by Ada Lovelace {1000 + place} " for place in range(MOST + 50)))
    assert len(names) == len(numbers) == MOST
    (_, found), *_ = facts_in(["of Ada Lovelace and 1,000 or 2000"])
    assert found.first_not_in(Said("She is Ada, 1000 years old")) == "2000"
    assert found.first_not_in(Said("ada 1000 2000")) is None
    assert found.first_not_in(Said("1000 2000")) == "Ada Lovelace"
