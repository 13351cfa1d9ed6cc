"""Tool calls are matched by Berkeley's published rules: a table of cases, each with the mark that it earns."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_call_cases import CASES, call, tool

from ftops.graders.call_references import read_reference
from ftops.graders.call_types import read_tools
from ftops.graders.dialects import EVALUATION
from ftops.graders.grading import Grade, grade
from ftops.graders.marks import CallMark
from ftops.graders.reading import parse_grader
from ftops.graders.samples import sample_context
from ftops.graders.tool_calls import compare_calls, plain_text
from shared_data import missing, shared_path

STOCKS = shared_path("data/tool-calling/validation.jsonl")


def graded(reference: Any, answer: list[Any], tools: list[Any], **context: Any) -> Grade:
    grader = parse_grader({"type": "tool_call", "reference": "{{item.calls}}"}, dialect=EVALUATION)
    item = {"calls": json.dumps(reference), "tools": tools}
    return grade(grader, {"item": item, "sample": sample_context("", answer), **context})


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60
    assert len({case[0] for case in CASES}) == len(CASES)
    assert {case[-1] for case in CASES} == set(CallMark)


@pytest.mark.parametrize(("about", "reference", "answer", "tools", "mark"), CASES, ids=[case[0] for case in CASES])
def test_calls_match_by_the_published_rules(
    about: str, reference: Any, answer: list[Any], tools: list[Any], mark: CallMark
) -> None:
    outcome = graded(reference, answer, tools)
    assert (outcome.score, outcome.mark) == (1.0 if mark is CallMark.MATCH else 0.0, mark.value)
    assert outcome.expected is None


def test_an_answer_without_calls_is_right_where_the_reference_is_text() -> None:
    grader = parse_grader({"type": "tool_call"}, dialect=EVALUATION)
    for answer, mark in (([], "match"), ([call("area", base=1)], "unexpected_call")):
        context = {"item": {}, "reference": "Which base?", "sample": sample_context("Tell me the base.", answer)}
        assert grade(grader, context).mark == mark
    assert grade(grader, {"item": {}, "sample": sample_context("", [])}).why == "{{reference_tools}} is missing"


def test_types_are_those_of_a_preference_rows_input_too() -> None:
    grader = parse_grader({"type": "tool_call"}, dialect=EVALUATION)
    tools = [tool("f", {"a": {"type": "number"}})]
    for item, mark in (({"input": {"tools": tools}}, "match"), ({}, "wrong_type")):
        sample = sample_context("", [call("f", a=2.0)])
        context = {"item": item, "reference_tools": [call("f", a=2)], "sample": sample}
        assert grade(grader, context).mark == mark


@pytest.mark.parametrize(
    "reference",
    [
        "no JSON",
        "[1]",
        '[{"f": {"a": 1}}]',
        '[{"f": {"a": [1]}, "g": {}}]',
        '[{"function": {"name": "f", "arguments": "x"}}]',
        "[" * 100_000,
        "[" + ",".join(['{"f": {}}'] * 501) + "]",
        '[{"function": {"name": "f", "arguments": {"a": ' + "[" * 5_000 + "]" * 5_000 + "}}}]",
    ],
)
def test_a_reference_without_calls_is_an_error(reference: str) -> None:
    grader = parse_grader({"type": "tool_call", "reference": "{{item.calls}}"}, dialect=EVALUATION)
    outcome = grade(grader, {"item": {"calls": reference}, "sample": sample_context("", [])})
    assert outcome.score is None
    assert "the reference has no tool calls" in outcome.why


@pytest.mark.parametrize("tools", [None, "x", 3, [3, {"function": 3}, {"name": 3}], [{"name": "f", "parameters": 3}]])
def test_tools_in_no_known_form_say_nothing(tools: Any) -> None:
    known = read_tools(tools)
    assert compare_calls([call("f", a=1)], read_reference('{"f": {"a": [1]}}'), known).score == 1.0


def test_strings_are_compared_as_published() -> None:
    assert plain_text("New York, N.Y. *^/-_'") == 'newyorkny"'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.text(max_size=3), JSON, max_size=3)


@settings(max_examples=40)
@given(st.lists(ARGUMENTS, max_size=4), st.randoms(use_true_random=False))
def test_a_reference_matches_itself_in_any_order(given: list[dict[str, Any]], chance: Any) -> None:
    calls = [call(f"f{number % 2}", arguments) for number, arguments in enumerate(given)]
    answer = list(calls)
    chance.shuffle(answer)
    assert graded(calls, answer, []).mark == "match"


@given(ARGUMENTS, ARGUMENTS)
def test_every_pair_of_calls_has_a_mark(said: dict[str, Any], expected: dict[str, Any]) -> None:
    outcome = graded([call("f", expected)], [call("f", said)], [])
    assert outcome.mark in set(CallMark)
    assert outcome.score == (1.0 if outcome.mark == CallMark.MATCH else 0.0)


@pytest.mark.skipif(not STOCKS.exists(), reason=missing(STOCKS))
def test_real_references_match_themselves_and_nothing_else() -> None:
    rows = [json.loads(line) for line in STOCKS.read_text(encoding="utf-8").splitlines()]
    references = [(row["messages"][-1].get("tool_calls") or [], row["tools"]) for row in rows]
    assert sum(1 for calls, _ in references if calls) >= 5
    for calls, tools in references:
        for other, _ in references:
            same = [one["function"] for one in calls] == [one["function"] for one in other]
            assert (graded(calls, other, tools).score == 1.0) is same
