"""Pairwise graders: what makes one, both orders, and what two judgements come to."""

from typing import Any

import pytest

from ftops.domain.preferences import Pair
from ftops.domain.scores import ItemScore
from ftops.evaluation.pairwise import (
    GraderProblem,
    both_orders,
    is_pairwise,
    label_of,
    pairwise_faults,
    parse_pairwise,
    recorded_pairs,
    win_of,
)
from ftops.graders.grading import Grade
from ftops.graders.judging import JudgeReply

ASKS = "Which is better?\nA: {{first.output_text}}\nB: {{second.output_text}}\nAsked: {{item.messages.0.content}}"
ROW, OTHER = "0" * 16, "1" * 16
OURS, THEIRS = "c" * 16, "d" * 16


def grader(**changes: Any) -> dict[str, Any]:
    asked = [{"role": "user", "content": ASKS}]
    labels = {"labels": ["first", "second", "tie"], "passing_labels": ["first"]}
    return {"type": "label_model", "model": "gpt-4.1-2025-04-14", "input": asked, **labels, **changes}


def told(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    "content",
    [
        ASKS,
        "only {{ second.output_json.answer }}",
        {"type": "input_text", "text": "{{first.output_text}}"},
        [{"type": "input_text", "text": "x"}, {"type": "input_text", "text": "{{first.output_tools}}"}],
    ],
)
def test_a_label_model_that_names_one_of_two_answers_is_pairwise(content: Any) -> None:
    assert is_pairwise(grader(input=told(content)))


@pytest.mark.parametrize(
    "declared",
    [
        grader(input=told("{{sample.output_text}}")),
        grader(input=told("{{item.first}} and first.output_text")),
        grader(input=told("{{first.output_text")),
        grader(input=7),
        grader(type="score_model"),
        {},
    ],
)
def test_other_graders_are_not(declared: dict[str, Any]) -> None:
    assert not is_pairwise(declared)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"labels": ["second", "first"]}, []),
        ({"input": told("{{second.output_text}}")}, ["input"]),
        ({"input": told(ASKS + "{{sample.output_text}}")}, ["input"]),
        ({"input": told(ASKS + "{{first.output}}")}, ["input"]),
        ({"input": told(ASKS + "{{first}}")}, ["input"]),
        ({"labels": ["first", "second", "tie", "both"]}, ["labels"]),
        ({"labels": ["first", "tie"]}, ["labels"]),
        ({"passing_labels": ["first", "tie"]}, ["passing_labels"]),
        ({"passing_labels": ["second"]}, ["passing_labels"]),
    ],
)
def test_what_keeps_a_grader_from_comparing(changes: dict[str, Any], fields: list[str]) -> None:
    declared = grader(**changes)
    assert [field for field, _ in pairwise_faults(declared)] == fields
    if fields:
        with pytest.raises(GraderProblem, match=fields[0]):
            parse_pairwise(declared)
    else:
        assert set(parse_pairwise(declared).labels) == set(declared["labels"])


def test_a_preference_has_no_threshold() -> None:
    with pytest.raises(GraderProblem, match="pass_threshold"):
        parse_pairwise(grader(pass_threshold=0.5))


def test_a_variable_that_is_nowhere_is_refused() -> None:
    with pytest.raises(GraderProblem, match="third"):
        parse_pairwise(grader(input=told(ASKS + "{{third.output_text}}")))


def test_the_two_change_places() -> None:
    ours, theirs = {"output_text": "ours"}, {"output_text": "theirs"}
    orders = both_orders({"item": {"n": 1}}, candidate=ours, baseline=theirs)
    assert orders.straight == {"item": {"n": 1}, "first": ours, "second": theirs}
    assert orders.turned == {"item": {"n": 1}, "first": theirs, "second": ours}


@pytest.mark.parametrize(
    ("straight", "turned", "win", "is_dependent"),
    [
        ("first", "second", 1.0, False),
        ("second", "first", 0.0, False),
        ("tie", "tie", 0.5, False),
        ("first", "first", 0.5, True),
        ("second", "second", 0.5, True),
        ("first", "tie", 0.5, True),
        ("tie", "first", 0.5, True),
    ],
)
def test_a_win_is_one_in_both_orders(straight: str, turned: str, win: float, *, is_dependent: bool) -> None:
    assert win_of(straight, turned) == (win, is_dependent)


def test_the_label_is_that_of_the_last_reply() -> None:
    replies = tuple(JudgeReply(model="j", text=t, prompt_tokens=1, completion_tokens=1) for t in ("?", "tie"))
    assert label_of(Grade(score=0.0, replies=replies), ("first", "second", "tie")) == "tie"
    assert label_of(Grade(score=None, replies=replies), ("first", "second", "tie")) is None
    assert label_of(Grade(score=0.0), ("first",)) is None


def test_pairs_are_of_answers_that_both_have() -> None:
    ours = [ItemScore(ROW, None, OURS), ItemScore(OTHER, None, OURS), ItemScore(ROW, None, OURS, repeat=1)]
    theirs = [ItemScore(ROW, None, THEIRS), ItemScore(OTHER, None, None), ItemScore("2" * 16, None, THEIRS)]
    assert recorded_pairs(ours, theirs) == (Pair(row=ROW, repeat=0, candidate=OURS, baseline=THEIRS),)
    assert len(recorded_pairs(ours[:1] * 2, theirs[:1] * 2)) == 1, "a row that stands twice is one pair"
    assert recorded_pairs([ItemScore(ROW, None, None)], theirs) == ()
