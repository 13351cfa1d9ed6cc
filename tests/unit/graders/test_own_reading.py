"""Graders of evaluations: what is read, what may be left out, and what is refused with its place."""

import contextlib
from typing import Any

import pytest
from grader_texts import CHECK, FUZZY, LABEL, MULTI, SCORE
from hypothesis import given
from hypothesis import strategies as st

from ftops.graders.dialects import EVALUATION
from ftops.graders.kinds import Grader, Multi, type_of
from ftops.graders.own_kinds import Criterion, JsonSchema, Label, Numeric, Outcome, Regex, Scorecard, ToolCall
from ftops.graders.problems import Fault, GraderProblem
from ftops.graders.prompt_kinds import JudgeSampling
from ftops.graders.reading import parse_grader

ANSWER, REFERENCE = "{{sample.output_text}}", "{{reference}}"
CRITERION = {"name": "short", "description": "Short."}
CARD = {"type": "scorecard", "model": "m", "criteria": [CRITERION]}


def read(declared: Any) -> Grader:
    return parse_grader(declared, dialect=EVALUATION)


@pytest.mark.parametrize(
    ("declared", "grader"),
    [
        ({"type": "regex", "pattern": "a", "name": "n"}, Regex(name="n", pattern="a", input=ANSWER)),
        ({"type": "regex", "pattern": "a", "input": "x"}, Regex(name="regex", pattern="a", input="x")),
        (
            {"type": "json_schema", "schema": {"type": "object"}},
            JsonSchema(name="json_schema", schema='{"type": "object"}', input=ANSWER),
        ),
        ({"type": "numeric"}, Numeric(name="numeric", input=ANSWER, reference=REFERENCE)),
        (
            {"type": "numeric", "absolute": 1, "relative": 0.5, "reference": "{{item.n}}"},
            Numeric(name="numeric", input=ANSWER, reference="{{item.n}}", absolute=1.0, relative=0.5),
        ),
        ({"type": "tool_call"}, ToolCall(name="tool_call", reference="{{reference_tools}}")),
        ({"type": "label"}, Label(name="label", input=ANSWER, reference=REFERENCE)),
        (
            {"type": "label", "labels": ["a", "b"]},
            Label(name="label", input=ANSWER, reference=REFERENCE, labels=("a", "b")),
        ),
        (
            {"type": "outcome", "abstained": ["a"], "hallucinated": ["b"]},
            Outcome(
                name="outcome", input=ANSWER, reference=REFERENCE, abstained=("a",), hallucinated=("b",), model=None
            ),
        ),
        (
            {"type": "outcome", "model": "m", "sampling_params": {"max_completions_tokens": 9}},
            Outcome(name="outcome", input=ANSWER, reference=REFERENCE, model="m", sampling=JudgeSampling(max_tokens=9)),
        ),
        (
            {**CARD, "criteria": [CRITERION, {"name": "b", "description": "c", "weight": 2}], "reference": "r"},
            Scorecard(
                name="scorecard",
                model="m",
                criteria=(
                    Criterion(name="short", description="Short."),
                    Criterion(name="b", description="c", weight=2.0),
                ),
                input=ANSWER,
                reference="r",
            ),
        ),
    ],
)
def test_fields_and_what_stands_for_those_left_out(declared: dict[str, Any], grader: Grader) -> None:
    assert read(declared) == grader


@pytest.mark.parametrize(
    ("declared", "param", "fault"),
    [
        ({"type": "regex"}, "pattern", Fault.MISSING),
        ({"type": "regex", "pattern": ""}, "pattern", Fault.INVALID),
        ({"type": "regex", "pattern": "a" * 10_001}, "pattern", Fault.INVALID),
        ({"type": "regex", "pattern": "a", "reference": "b"}, "reference", Fault.UNKNOWN),
        ({"type": "regex", "pattern": "a", "input": "{{item}}"}, "input", Fault.INVALID),
        ({"type": "regex", "pattern": "a", "pass_threshold": 1}, "pass_threshold", Fault.UNKNOWN),
        ({"type": "json_schema"}, "schema", Fault.MISSING),
        ({"type": "json_schema", "schema": "{}"}, "schema", Fault.WRONG_TYPE),
        ({"type": "numeric", "absolute": -1}, "absolute", Fault.INVALID),
        ({"type": "numeric", "relative": float("inf")}, "relative", Fault.INVALID),
        ({"type": "tool_call", "input": "x"}, "input", Fault.UNKNOWN),
        ({"type": "label", "labels": []}, "labels", Fault.INVALID),
        ({"type": "label", "labels": ["a", "a"]}, "labels[1]", Fault.INVALID),
        ({"type": "label", "labels": ["a", "A."]}, "labels[1]", Fault.INVALID),
        ({"type": "label", "labels": [1]}, "labels[0]", Fault.WRONG_TYPE),
        ({"type": "outcome"}, "abstained", Fault.INVALID),
        ({"type": "outcome", "hallucinated": ["a"]}, "abstained", Fault.INVALID),
        ({"type": "outcome", "abstained": ["a"], "hallucinated": ["("]}, "hallucinated[0]", Fault.INVALID),
        ({"type": "outcome", "abstained": ["a"], "model": "m"}, "abstained", Fault.INVALID),
        ({"type": "outcome", "hallucinated": ["a"], "model": "m"}, "hallucinated", Fault.INVALID),
        ({"type": "outcome", "abstained": ["a"], "sampling_params": {"seed": 1}}, "sampling_params", Fault.INVALID),
        ({"type": "outcome", "model": "m", "sampling_params": {"n": 1}}, "sampling_params.n", Fault.UNKNOWN),
        ({**CARD, "criteria": []}, "criteria", Fault.INVALID),
        ({**CARD, "criteria": ["short"]}, "criteria[0]", Fault.WRONG_TYPE),
        ({**CARD, "criteria": [CRITERION, CRITERION]}, "criteria[1].name", Fault.INVALID),
        ({**CARD, "criteria": [{**CRITERION, "weight": 0}]}, "criteria[0].weight", Fault.INVALID),
        ({**CARD, "criteria": [{**CRITERION, "scale": 5}]}, "criteria[0].scale", Fault.UNKNOWN),
        ({**CARD, "model": None}, "model", Fault.MISSING),
        ({**CARD, "range": [0, 1]}, "range", Fault.UNKNOWN),
        ({**FUZZY, "evaluation_metric": "cosine"}, "embedding_model", Fault.MISSING),
        ({**FUZZY, "embedding_model": "m"}, "embedding_model", Fault.INVALID),
        ({"type": "regexp", "pattern": "a"}, "type", Fault.INVALID),
    ],
)
def test_what_is_wrong_is_named(declared: dict[str, Any], param: str, fault: Fault) -> None:
    with pytest.raises(GraderProblem) as caught:
        read(declared)
    assert (caught.value.param, caught.value.fault) == (f"grader.{param}", fault)


def test_names_may_be_left_out_in_evaluations() -> None:
    plain = {key: value for key, value in CHECK.items() if key != "name"}
    assert read(plain).name == "string_check"
    keyed = read({"type": "multi", "graders": {"a": plain, "b": CHECK}, "calculate_output": "a + b"})
    assert isinstance(keyed, Multi)
    assert (keyed.name, [(part.key, part.grader.name) for part in keyed.parts]) == (
        "multi",
        [("a", "a"), ("b", "exact")],
    )
    listed = read({"type": "multi", "graders": [plain, LABEL], "calculate_output": "string_check_score * polite"})
    assert isinstance(listed, Multi)
    assert [part.key for part in listed.parts] == ["string_check_1", "polite"]
    (alone,) = read({"type": "multi", "graders": plain, "calculate_output": "string_check_1"}).parts  # type: ignore[union-attr]
    assert alone.key == "string_check_1"


def test_a_row_s_references_are_variables_in_evaluations() -> None:
    assert read({**CHECK, "reference": "{{reference}} {{rejected}} {{reference_tools[0].id}}"})
    with pytest.raises(GraderProblem, match="in none of the namespaces item and sample"):
        parse_grader({**CHECK, "reference": "{{reference}}"})


@pytest.mark.parametrize("part", [FUZZY, SCORE, CHECK, {"type": "regex", "pattern": "a"}])
def test_no_part_of_a_multi_has_a_threshold_of_its_own(part: dict[str, Any]) -> None:
    declared = {**MULTI, "graders": {"a": {**part, "pass_threshold": 0.5}}, "calculate_output": "a"}
    with pytest.raises(GraderProblem, match="inside a multi grader the score counts as it is") as caught:
        read(declared)
    assert caught.value.param == "grader.graders.a.pass_threshold"
    assert read({**declared, "graders": {"a": part}, "pass_threshold": 0.5}).pass_threshold == 0.5  # type: ignore[union-attr]


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["a", "{{item.a}}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [
    "pattern",
    "input",
    "reference",
    "schema",
    "absolute",
    "relative",
    "labels",
    "abstained",
    "hallucinated",
    "model",
    "sampling_params",
    "criteria",
    "graders",
    "calculate_output",
    "evaluation_metric",
    "embedding_model",
    "passing_labels",
    "range",
    "name",
]


@given(st.sampled_from([*EVALUATION.types, "multi"]), st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=5))
def test_whatever_is_declared_is_a_grader_or_a_problem(kind: str, fields: dict[str, Any]) -> None:
    with contextlib.suppress(GraderProblem):
        assert type_of(read({**fields, "type": kind})) == kind
