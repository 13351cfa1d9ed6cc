"""Pairs that teach nothing, pairs that contradict each other, and pairs told by their length."""

import json

import pytest

from checking_kit import chat, found_in, pair
from ftops.datasets.checking.preference import IdenticalPairs, LengthBias, SwappedPairs
from ftops.datasets.formats import Use
from shared_data import missing, shared_path

SAME, SWAPPED, BIAS = IdenticalPairs(), SwappedPairs(), LengthBias()
CALLS = [[{"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}] for name in "fg"]


def calling(asked: str, preferred: list, rejected: list) -> dict:
    row = pair(asked, "", "")
    row["preferred_output"][0]["tool_calls"] = preferred
    row["non_preferred_output"][0]["tool_calls"] = rejected
    return row


def test_identical_answers():
    long = "one two three four five six seven eight "
    rows = [
        pair("q", "Yes, it is.", "Yes,  it is.\n"),
        pair("q", "Yes, it is.", "yes, it is."),
        pair("q", long + "nine", long + "ten"),
        pair("q", long + "nine", long + " nine"),
        calling("q", CALLS[0], CALLS[0]),
        calling("q", CALLS[0], CALLS[1]),
    ]
    found = found_in(SAME, rows, Use.DPO)
    assert [(one.code, one.line, one.field) for one in found] == [
        ("D150", line, "/non_preferred_output/0") for line in (1, 4, 5)
    ]


def test_swapped_pairs_name_each_other():
    rows = [pair("p", "a", "b"), pair("p", "c", "d"), pair("p", "b ", "a"), pair("other", "b", "a")]
    found = found_in(SWAPPED, rows, Use.DPO)
    assert [(one.code, one.line) for one in found] == [("D151", 1), ("D151", 3)]
    assert "line 3 has the opposite" in found[0].says
    assert "line 1 has the opposite" in found[1].says


def test_a_ranking_is_no_contradiction_but_a_circle_is():
    ranking = [pair("p", "a", "b"), pair("p", "b", "c"), pair("p", "a", "c"), pair("p", "x", "x")]
    assert found_in(SWAPPED, ranking, Use.DPO) == ()
    found = found_in(SWAPPED, [*ranking[:2], pair("q", "a", "b"), pair("p", "c", "a")], Use.DPO)
    assert [one.line for one in found] == [1, 2, 4]
    assert found[0].says == "expected an order of the answers, with those of other rows they go in a circle"
    assert "with line 1 and others" in found[2].says


def test_calls_are_part_of_an_answer():
    rows = [calling("p", CALLS[0], CALLS[1]), calling("p", CALLS[1], CALLS[0])]
    assert [one.line for one in found_in(SWAPPED, rows, Use.DPO)] == [1, 2]
    assert found_in(BIAS, rows * 20, Use.DPO) == ()


def test_length_that_tells():
    rows = [
        *[pair(str(n), "short", "rather long") for n in range(30)],
        *[pair(str(n), "longer", "short") for n in range(8)],
    ]
    (found,) = found_in(BIAS, [*rows, pair("q", "equal", "lauqe")], Use.DPO)
    assert found.code == "D152"
    assert found.says == (
        "the preferred answer is the shorter one in 30 of 39 pairs: always taking the shorter one gets 0.77 of them right"
    )
    (found,) = found_in(BIAS, [pair(str(n), "rather long", "short") for n in range(30)], Use.DPO)
    assert "the longer one in 30 of 30" in found.says


@pytest.mark.parametrize(("longer", "shorter"), [(10, 0), (74, 26), (16, 5), (0, 0)])
def test_length_that_does_not_tell(longer, shorter):
    rows = [pair(str(n), "rather long", "short") for n in range(longer)]
    rows += [pair(str(n), "short", "rather long") for n in range(shorter)]
    assert found_in(BIAS, rows, Use.DPO) == ()


def test_other_rows_have_no_pairs():
    for inspection in (SAME, SWAPPED, BIAS):
        assert found_in(inspection, [chat("q", "a")] * 5) == found_in(inspection, [], Use.DPO) == ()


@pytest.mark.skipif(not (PATH := shared_path("data/orca-dpo/validation.jsonl")).exists(), reason=missing(PATH))
def test_the_shorter_answer_is_preferred_in_orca():
    rows = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]
    assert found_in(SAME, rows, Use.DPO) == found_in(SWAPPED, rows, Use.DPO) == ()
    (found,) = found_in(BIAS, rows, Use.DPO)
    assert "in 232 of 284 pairs: always taking the shorter one gets 0.82 of them right" in found.says
