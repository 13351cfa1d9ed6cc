"""Graders give raw scores between 0 and 1."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.evaluation.graders import GraderProblem, grade, needs_classes, parse_grader, pass_threshold_of, with_classes
from ftops.graders.kinds import Metric, TextSimilarity

CHECK = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{reference}}", "operation": "eq"}
FUZZY = {
    "type": "text_similarity",
    "evaluation_metric": "fuzzy_match",
    "input": "{{sample.output_text}}",
    "reference": "{{reference}}",
}


def scored(declared: dict[str, Any], text: str, reference: str) -> float:
    score = grade(parse_grader(declared), {"sample": {"output_text": text}, "reference": reference}).score
    assert score is not None
    return score


@pytest.mark.parametrize(
    ("operation", "text", "reference", "score"),
    [
        ("eq", "card", "card", 1.0),
        ("eq", "card ", "card", 0.0),
        ("eq", "Card", "card", 0.0),
        ("ne", "card", "card", 0.0),
        ("ne", "cash", "card", 1.0),
        ("like", "the card is here", "card", 1.0),
        ("like", "card", "the card is here", 0.0),
        ("like", "the Card", "card", 0.0),
        ("ilike", "the CARD", "card", 1.0),
        ("ilike", "STRASSE", "straße", 1.0),
        ("ilike", "cash", "card", 0.0),
    ],
)
def test_string_check(operation: str, text: str, reference: str, score: float) -> None:
    assert scored({**CHECK, "operation": operation}, text, reference) == score


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        ("card", "card", 1.0),
        ("", "", 1.0),
        ("", "card", 0.0),
        ("abcd", "abce", 0.75),  # one deletion and one insertion over eight characters
        ("ABC", "abc", 0.0),
        ("ab", "ba", 0.5),  # the longest common subsequence has one character: two edits of four
    ],
)
def test_fuzzy_match_is_the_normalised_indel_similarity(text: str, reference: str, score: float) -> None:
    assert scored(FUZZY, text, reference) == pytest.approx(score)


@given(st.text(max_size=30), st.text(max_size=30))
def test_fuzzy_match_is_symmetric_and_bounded(text: str, reference: str) -> None:
    score = scored(FUZZY, text, reference)
    assert 0 <= score <= 1
    assert score == pytest.approx(scored(FUZZY, reference, text))
    assert scored(FUZZY, text, text) == 1


def test_a_missing_variable_is_an_error_and_no_zero() -> None:
    graded = grade(parse_grader({**CHECK, "reference": "{{rejected}}"}), {"sample": {"output_text": ""}})
    assert graded.score is None
    assert "rejected" in graded.why


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"type": "label_model"}, "labels"),
        ({**FUZZY, "evaluation_metric": "cosine"}, "embedding_model"),
        ({**FUZZY, "embedding_model": "m"}, "only cosine compares embeddings, not fuzzy_match"),
        ({**CHECK, "operation": "regex"}, "regex"),
        ({"type": "regexp"}, "'regexp'.*'scorecard', 'multi'"),
        ({}, "grader.type"),
    ],
)
def test_what_is_no_grader_is_a_problem(declared: dict[str, Any], why: str) -> None:
    with pytest.raises(GraderProblem, match=why):
        parse_grader(declared)


def test_name_and_threshold_are_not_the_graders_own() -> None:
    parsed = parse_grader({**FUZZY, "name": "close", "pass_threshold": 0.8})
    assert parsed == parse_grader(FUZZY)
    assert parsed == TextSimilarity(
        name="text_similarity", input=FUZZY["input"], reference=FUZZY["reference"], metric=Metric.FUZZY_MATCH
    )
    assert pass_threshold_of({**FUZZY, "pass_threshold": 1}) == 1.0
    assert pass_threshold_of(FUZZY) is None


def test_answers_of_another_rows_class_are_marked_with_it() -> None:
    alone = parse_grader({"type": "label"})
    known = with_classes(alone, [{"reference": text} for text in ("lost_card", "Lost card", "top-up", "")] + [{}])
    context = {"sample": {"output_text": "LOST CARD."}, "reference": "top-up"}
    assert (grade(alone, context).mark, grade(alone, context).expected) == ("(none)", "top up")
    assert (grade(known, context).mark, grade(known, context).expected) == ("Lost card", "top-up")


def test_classes_that_are_declared_stay() -> None:
    declared = parse_grader({"type": "label", "labels": ["a"]})
    assert with_classes(declared, [{"reference": "b"}]) is declared
    assert with_classes(parse_grader(CHECK), [{"reference": "b"}]) == parse_grader(CHECK)


LABEL = {"type": "label", "reference": "{{item.label}}"}
LABELLED = [
    {"label": "Card_Arrival"},
    {"label": "lost card"},
    {"label": "card arrival."},
    {"other": 1},
    {"label": "?" * 9},
]


def test_labels_inside_a_multi_know_all_classes_too() -> None:
    both = {"type": "multi", "graders": {"a": LABEL, "b": CHECK}, "calculate_output": "a"}
    assert needs_classes(parse_grader(both))
    grader = with_classes(parse_grader(both), [{"item": row} for row in LABELLED])
    assert not needs_classes(grader)
    context = {"item": LABELLED[1], "reference": "", "sample": {"output_text": "Card arrival"}}
    graded = grade(grader, context)
    assert (graded.mark, graded.expected) == ("Card_Arrival", "lost card")


def test_rows_are_not_looked_at_where_labels_are_known() -> None:
    def rows() -> Iterator[dict[str, Any]]:
        pytest.fail("looked at")
        yield {}

    for declared in ({**LABEL, "labels": ["a"]}, CHECK):
        grader = parse_grader(declared)
        assert with_classes(grader, rows()) is grader


def test_no_class_is_spelt_like_no_class() -> None:
    rows = [{"item": {"label": "(none)"}}, {"item": {"label": "a"}}]
    grader = with_classes(parse_grader(LABEL), rows)
    graded = [grade(grader, {**row, "sample": {"output_text": "None"}}) for row in rows]
    assert [(one.mark, one.expected) for one in graded] == [("none", "none"), ("none", "a")]
