"""Training answers under the manifest's own graders."""

import pickle

import pytest

from checking_kit import chat, found_in, pair
from ftops.datasets.checking.graded import GradedAnswers, why_not_asked
from ftops.datasets.formats import Use

IS_JSON = {"type": "string_check", "operation": "like", "input": "{{sample.output_text}}", "reference": "{"}
LIKE_ASKED = {
    "type": "text_similarity",
    "evaluation_metric": "fuzzy_match",
    "input": "{{sample.output_text}}",
    "reference": "{{item.messages.0.content}}",
    "pass_threshold": 0.9,
}
COSINE = {**LIKE_ASKED, "evaluation_metric": "cosine", "embedding_model": "m"}
SCORECARD = {"type": "scorecard", "model": "gpt-4o", "criteria": [{"name": "a", "description": "b"}]}
CALL = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "find"}}]


def test_answers_that_do_not_pass():
    found = found_in(GradedAnswers(IS_JSON, "shape"), [chat("q", "{}"), chat("q", "sorry"), chat("q", '{"a": 1}')])
    assert [(one.code, one.line, one.field) for one in found] == [("D160", 2, "/messages/1")]
    assert found[0].says == "the grader of 'shape' gives the training answer 0"


def test_a_threshold_decides():
    grader = GradedAnswers(LIKE_ASKED, "echo")
    (found,) = found_in(grader, [chat("say this", "say this"), chat("say this", "or that")])
    assert found.line == 2
    assert found.says.endswith(", expected at least 0.9")


def test_items_are_rows_as_the_file_has_them():
    spec = {
        "type": "string_check",
        "operation": "eq",
        "input": "{{item.tools.0.function.name}} {{item.parallel_tool_calls}}",
        "reference": "{{sample.output_tools.0.function.name}} false",
    }
    row = {
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [CALL]}],
        "tools": TOOLS,
        "parallel_tool_calls": False,
    }
    assert found_in(GradedAnswers(spec, "tool"), [row]) == ()


def test_pairs_are_graded_by_the_preferred_answer():
    spec = {**IS_JSON, "operation": "ne", "reference": "{{rejected}}"}
    assert why_not_asked(spec) is None
    (found,) = found_in(GradedAnswers(spec, "other"), [pair("q", "a", "b"), pair("q", "a", "a")], Use.DPO)
    assert (found.line, found.field) == (2, "/preferred_output/0")


def test_graders_of_ftops_are_asked_too():
    schema = {"type": "object", "required": ["total"]}
    answers = [chat("q", '{"total": 1}'), chat("q", '{"sum": 1}'), chat("q", "It is 1.")]
    found = found_in(GradedAnswers({"type": "json_schema", "schema": schema}, "shape"), answers)
    assert [one.line for one in found] == [2, 3]
    found = found_in(GradedAnswers({"type": "numeric", "reference": "1"}, "sum"), [chat("q", "1.0"), chat("q", "none")])
    assert [one.line for one in found] == [2]


def test_rows_that_can_not_be_scored_are_told_apart():
    spec = {**IS_JSON, "reference": "{{item.label}}"}
    found = found_in(
        GradedAnswers(spec, "label"), [chat("q", "a")] * 7 + [{"messages": chat("q", "a")["messages"][1:]}]
    )
    assert [one.count for one in found] == [1, 1, 1, 1, 1, 3]
    assert found[0].says == "the grader of 'label' can't score it: {{item.label}} is missing"


def test_rows_without_answers_are_not_graded():
    rows = [{"messages": [{"role": "user", "content": "q"}]}]
    assert found_in(GradedAnswers(IS_JSON, "shape"), rows, Use.REINFORCEMENT) == ()
    assert found_in(GradedAnswers(IS_JSON, "shape"), rows) == ()
    assert found_in(GradedAnswers(IS_JSON, "shape"), []) == ()


def test_it_can_be_sent_to_another_process():
    grader = GradedAnswers(IS_JSON, "shape")
    assert pickle.loads(pickle.dumps(grader)) == grader


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        (IS_JSON, None),
        (LIKE_ASKED, None),
        ({"type": "score_model", "model": "gpt-4o"}, "score_model asks a model, and checks call none"),
        (
            {"type": "python", "source": "def grade(sample, item): return 1"},
            "python runs a program, and checks run none",
        ),
        (
            {"type": "multi", "graders": {"a": {"type": "label_model"}}},
            "label_model asks a model, and checks call none",
        ),
        ({"type": "multi", "graders": [{"type": "python"}]}, "python runs a program, and checks run none"),
        ({"type": "multi", "graders": 3}, "expected an object or an array of graders"),
        ({"type": "multi", "graders": ["x"]}, "expected an object, but got a string"),
        ({}, "Missing required parameter: 'grader.type'"),
        ({"type": "regex", "pattern": "^[A-Z]"}, None),
        ({"type": "json_schema", "schema": {"type": "object"}}, None),
        ({"type": "regex", "pattern": "("}, "RE2 can't read this pattern: missing )"),
        ({"type": "numeric", "reference": "{{item.total}}"}, None),
        ({"type": "numeric"}, "compares with the reference"),
        ({"type": "label"}, "compares with the reference"),
        ({"type": "tool_call"}, "compares with the reference"),
        ({"type": "tool_call", "reference": "{{item.calls}}"}, None),
        ({"type": "outcome", "model": "gpt-4o"}, "outcome asks a model, and checks call none"),
        (COSINE, "cosine asks a model for embeddings, and checks call none"),
        (SCORECARD, "scorecard asks a model, and checks call none"),
        ({**IS_JSON, "reference": "{{ reference }}"}, "compares with the reference"),
    ],
)
def test_which_graders_can_be_asked(declared, why):
    found = why_not_asked(declared)
    assert found is None if why is None else why in found
