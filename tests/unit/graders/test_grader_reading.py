"""Declared graders become values, or are refused where they are wrong."""

import warnings
from typing import Any

import pytest
from grader_texts import CHECK, FUZZY, LABEL, MULTI, PYTHON, SCORE
from hypothesis import given
from hypothesis import strategies as st

from ftops.graders.kinds import (
    LabelModel,
    Multi,
    Operation,
    Python,
    ScoreModel,
    StringCheck,
    TextSimilarity,
    type_of,
)
from ftops.graders.problems import Fault, GraderProblem
from ftops.graders.prompt_kinds import Audio, Image, JudgeSampling, Text
from ftops.graders.reading import parse_grader


def refusal(declared: object, **options: Any) -> GraderProblem:
    with pytest.raises(GraderProblem) as caught:
        parse_grader(declared, **options)
    return caught.value


def test_every_type_is_read() -> None:
    graders = [parse_grader(each) for each in (CHECK, FUZZY, SCORE, LABEL, PYTHON, MULTI)]
    kinds = (StringCheck, TextSimilarity, ScoreModel, LabelModel, Python, Multi)
    assert tuple(type(each) for each in graders) == kinds
    assert [type_of(each) for each in graders] == [each["type"] for each in (CHECK, FUZZY, SCORE, LABEL, PYTHON, MULTI)]
    assert graders[0] == StringCheck(
        name="exact", input="{{sample.output_text}}", reference="{{item.answer}}", operation=Operation.EQ
    )


def test_a_score_model_has_defaults_and_all_its_parameters() -> None:
    plain = parse_grader({**SCORE, "range": None, "sampling_params": None})
    assert isinstance(plain, ScoreModel)
    assert (plain.lowest, plain.highest, plain.sampling) == (0.0, 1.0, JudgeSampling())
    params = {
        "seed": 42,
        "temperature": 1,
        "top_p": 0.5,
        "max_completions_tokens": 32768,
        "reasoning_effort": "medium",
    }
    full = parse_grader({**SCORE, "range": [-1, 5], "sampling_params": params, "pass_threshold": 0.5})
    assert isinstance(full, ScoreModel)
    assert (full.lowest, full.highest, full.pass_threshold) == (-1.0, 5.0, 0.5)
    assert full.sampling == JudgeSampling(
        temperature=1.0, top_p=0.5, seed=42, max_tokens=32768, reasoning_effort="medium"
    )


def test_messages_to_a_judge_have_texts_images_and_sound() -> None:
    content = [
        "plain",
        {"type": "input_image", "image_url": "{{item.url}}", "detail": "high", "file_id": None},
        {"type": "input_audio", "input_audio": {"data": "{{item.clip}}", "format": "mp3"}},
    ]
    grader = parse_grader({**SCORE, "input": [{"role": "developer", "content": content}]})
    assert isinstance(grader, ScoreModel)
    assert grader.input[0].parts == (
        Text(text="plain"),
        Image(url="{{item.url}}", detail="high"),
        Audio(data="{{item.clip}}", format="mp3"),
    )


@pytest.mark.parametrize(
    ("graders", "formula", "keys"),
    [
        ({"a": CHECK, "b": FUZZY}, "a + b", ["a", "b"]),
        ([CHECK, FUZZY], "exact + close", ["exact", "close"]),
        ([{**CHECK, "name": "my check"}, FUZZY], "string_check_score + close", ["my check", "close"]),
        (CHECK, "exact", ["exact"]),
        (CHECK, "1 - string_check_score", ["exact"]),
        ({"type": CHECK}, "type", ["type"]),
        ({"q": LABEL}, "q", ["q"]),
    ],
)
def test_the_graders_of_a_multi_come_in_three_forms(graders: Any, formula: str, keys: list[str]) -> None:
    grader = parse_grader({**MULTI, "graders": graders, "calculate_output": formula})
    assert isinstance(grader, Multi)
    assert [part.key for part in grader.parts] == keys


def bad(declared: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**declared, **changes}.items() if value is not ...}


def message(content: Any, **fields: Any) -> list[Any]:
    return [{"role": "user", "content": content, **fields}]


NESTED: Any = {"a": MULTI}

REFUSED: list[tuple[Any, str, Fault]] = [
    (None, "grader", Fault.WRONG_TYPE),
    ([], "grader", Fault.WRONG_TYPE),
    ({}, "grader.type", Fault.MISSING),
    ({"type": 1}, "grader.type", Fault.WRONG_TYPE),
    ({"type": "regex"}, "grader.type", Fault.INVALID),
    (bad(CHECK, name=...), "grader.name", Fault.MISSING),
    (bad(CHECK, name=""), "grader.name", Fault.INVALID),
    (bad(CHECK, name="n" * 1001), "grader.name", Fault.INVALID),
    (bad(CHECK, input=...), "grader.input", Fault.MISSING),
    (bad(CHECK, input=7), "grader.input", Fault.WRONG_TYPE),
    (bad(CHECK, operation="neq"), "grader.operation", Fault.INVALID),
    (bad(CHECK, pass_threshold=1), "grader.pass_threshold", Fault.UNKNOWN),
    (bad(CHECK, extra=1), "grader.extra", Fault.UNKNOWN),
    (bad(CHECK, reference="x" * 100_001), "grader.reference", Fault.INVALID),
    (bad(CHECK, reference="{{reference}}"), "grader.reference", Fault.INVALID),
    (bad(CHECK, reference="{{item}}"), "grader.reference", Fault.INVALID),
    (bad(CHECK, reference="{{sample.text}}"), "grader.reference", Fault.INVALID),
    (bad(CHECK, reference="{{1 + 1}}"), "grader.reference", Fault.INVALID),
    (bad(CHECK, reference="{{item.a}} {{item.b"), "grader.reference", Fault.INVALID),
    (bad(FUZZY, evaluation_metric="rouge_6"), "grader.evaluation_metric", Fault.INVALID),
    (bad(FUZZY, evaluation_metric=...), "grader.evaluation_metric", Fault.MISSING),
    (bad(FUZZY, pass_threshold="0.5"), "grader.pass_threshold", Fault.WRONG_TYPE),
    (bad(FUZZY, pass_threshold=float("nan")), "grader.pass_threshold", Fault.INVALID),
    (bad(SCORE, model=...), "grader.model", Fault.MISSING),
    (bad(SCORE, model=""), "grader.model", Fault.INVALID),
    (bad(SCORE, input=[]), "grader.input", Fault.INVALID),
    (bad(SCORE, input="hi"), "grader.input", Fault.WRONG_TYPE),
    (bad(SCORE, input=["hi"]), "grader.input[0]", Fault.WRONG_TYPE),
    (bad(SCORE, input=message("{{item}}")), "grader.input[0].content", Fault.INVALID),
    (bad(SCORE, input=message(["a"] * 1001)), "grader.input[0].content", Fault.INVALID),
    (bad(SCORE, input=message(3)), "grader.input[0].content", Fault.WRONG_TYPE),
    (bad(SCORE, input=message("a", type="item")), "grader.input[0].type", Fault.INVALID),
    (bad(SCORE, input=message("a", name="b")), "grader.input[0].name", Fault.UNKNOWN),
    (bad(SCORE, input=[{"role": "tool", "content": "a"}]), "grader.input[0].role", Fault.INVALID),
    (bad(SCORE, input=message([{"type": "text", "text": "a"}])), "grader.input[0].content[0].type", Fault.INVALID),
    (bad(SCORE, input=message([{"type": "input_text"}])), "grader.input[0].content[0].text", Fault.MISSING),
    (
        bad(SCORE, input=message([{"type": "input_image", "image_url": ""}])),
        "grader.input[0].content[0].image_url",
        Fault.INVALID,
    ),
    (
        bad(SCORE, input=message({"type": "input_image", "image_url": "u", "file_id": "f"})),
        "grader.input[0].content.file_id",
        Fault.INVALID,
    ),
    (
        bad(SCORE, input=message({"type": "input_audio", "input_audio": {"data": "x", "format": "ogg"}})),
        "grader.input[0].content.input_audio.format",
        Fault.INVALID,
    ),
    (bad(SCORE, range=[1]), "grader.range", Fault.INVALID),
    (bad(SCORE, range=[1, 0]), "grader.range", Fault.INVALID),
    (bad(SCORE, range=[0, 0]), "grader.range", Fault.INVALID),
    (bad(SCORE, range=[0, "1"]), "grader.range[1]", Fault.WRONG_TYPE),
    (bad(SCORE, range=[0, True]), "grader.range[1]", Fault.WRONG_TYPE),
    (bad(SCORE, range=[float("-inf"), 0]), "grader.range[0]", Fault.INVALID),
    (bad(SCORE, range=[0, float("nan")]), "grader.range[1]", Fault.INVALID),
    (bad(SCORE, range=[0, 10**400]), "grader.range[1]", Fault.INVALID),
    (bad(SCORE, range=[0, 1, 2]), "grader.range", Fault.INVALID),
    (bad(SCORE, sampling_params=[]), "grader.sampling_params", Fault.WRONG_TYPE),
    (bad(SCORE, sampling_params={"temperature": 3}), "grader.sampling_params.temperature", Fault.INVALID),
    (bad(SCORE, sampling_params={"top_p": -1}), "grader.sampling_params.top_p", Fault.INVALID),
    (bad(SCORE, sampling_params={"seed": 0.5}), "grader.sampling_params.seed", Fault.WRONG_TYPE),
    (bad(SCORE, sampling_params={"seed": 10**400}), "grader.sampling_params.seed", Fault.INVALID),
    (
        bad(SCORE, sampling_params={"max_completions_tokens": 0}),
        "grader.sampling_params.max_completions_tokens",
        Fault.INVALID,
    ),
    (
        bad(SCORE, sampling_params={"max_completion_tokens": 5}),
        "grader.sampling_params.max_completion_tokens",
        Fault.UNKNOWN,
    ),
    (
        bad(SCORE, sampling_params={"reasoning_effort": "huge"}),
        "grader.sampling_params.reasoning_effort",
        Fault.INVALID,
    ),
    (bad(LABEL, labels=[]), "grader.labels", Fault.INVALID),
    (bad(LABEL, labels=["a", "a"]), "grader.labels[1]", Fault.INVALID),
    (bad(LABEL, labels=["a", 1]), "grader.labels[1]", Fault.WRONG_TYPE),
    (bad(LABEL, passing_labels=["kind"]), "grader.passing_labels[0]", Fault.INVALID),
    (bad(LABEL, sampling_params={}), "grader.sampling_params", Fault.UNKNOWN),
    (bad(PYTHON, source=...), "grader.source", Fault.MISSING),
    (bad(PYTHON, source=["def grade"]), "grader.source", Fault.WRONG_TYPE),
    (bad(MULTI, graders=...), "grader.graders", Fault.MISSING),
    (bad(MULTI, graders={}), "grader.graders", Fault.INVALID),
    (bad(MULTI, graders=[]), "grader.graders", Fault.INVALID),
    (bad(MULTI, graders="exact"), "grader.graders", Fault.WRONG_TYPE),
    (bad(MULTI, graders={"a": 1}), "grader.graders.a", Fault.WRONG_TYPE),
    (bad(MULTI, graders=NESTED), "grader.graders.a.type", Fault.INVALID),
    (bad(MULTI, graders=[CHECK, CHECK]), "grader.graders[1].name", Fault.INVALID),
    (bad(MULTI, graders={"a": bad(CHECK, name=...)}), "grader.graders.a.name", Fault.MISSING),
    (bad(MULTI, graders=[CHECK, bad(FUZZY, input=1)]), "grader.graders[1].input", Fault.WRONG_TYPE),
    (bad(MULTI, graders={str(number): CHECK for number in range(65)}), "grader.graders", Fault.INVALID),
    (bad(MULTI, calculate_output=...), "grader.calculate_output", Fault.MISSING),
    (bad(MULTI, calculate_output="exact + other"), "grader.calculate_output", Fault.INVALID),
    (bad(MULTI, calculate_output="9**"), "grader.calculate_output", Fault.INVALID),
    (
        bad(MULTI, graders=[CHECK, {**CHECK, "name": "b"}], calculate_output="string_check_score"),
        "grader.calculate_output",
        Fault.INVALID,
    ),
    (bad(MULTI, threshold=1), "grader.threshold", Fault.UNKNOWN),
]


@pytest.mark.parametrize(("declared", "param", "fault"), REFUSED)
def test_what_is_wrong_is_named(declared: Any, param: str, fault: Fault) -> None:
    problem = refusal(declared)
    assert (problem.param, problem.fault) == (param, fault)
    assert param in str(problem) or fault is Fault.INVALID
    assert len(str(problem)) < 400


def test_the_path_of_a_problem_begins_where_the_caller_says() -> None:
    assert refusal({**CHECK, "operation": "x"}, at="method.reinforcement.grader").param == (
        "method.reinforcement.grader.operation"
    )


def test_callers_may_know_more_variables() -> None:
    declared = {**CHECK, "reference": "{{reference}}"}
    assert parse_grader(declared, also=frozenset({"reference"})) == StringCheck(
        name="exact", input="{{sample.output_text}}", reference="{{reference}}", operation=Operation.EQ
    )


@pytest.mark.parametrize(
    "source",
    [
        "def grade(sample, item): return 1",
        "import re\n\ndef grade(sample, item, *, strict=False) -> float:\n    return re.match('\\d', '1') is not None",
        "def grade(*both): return 0",
        "def grade(sample, item, extra=None): ...",
        "def grade(sample): ...\ndef grade(sample, item): ...",
        "# " + "x" * 255_000 + "\ndef grade(a, b, /): return 1",
    ],
)
def test_a_program_that_defines_grade_is_taken(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse_grader({**PYTHON, "source": source, "image_tag": "2025-05-08"}) == Python(
            name="program", source=source, image_tag="2025-05-08"
        )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "defines no function"),
        ("def grade(sample, item) return 1", "no Python program in line 1"),
        ("def score(sample, item): ...", "defines no function"),
        ("class A:\n    def grade(self, item): ...", "defines no function"),
        ("async def grade(sample, item): ...", "defines no function"),
        ("def grade(sample): ...", "two arguments"),
        ("def grade(sample, item, more): ...", "two arguments"),
        ("def grade(sample, item, *, more): ...", "two arguments"),
        ("def grade(sample, item): ...\ndef grade(item): ...", "two arguments"),
        ("def grade(a, b): ...\x00", "Python program"),
        ("def grade(a, b): ...#" + "x" * 256_000, "less than 256 kB"),
        ("def grade(a, b): ...#" + "é" * 130_000, "less than 256 kB"),
        ("x = " + "(" * 50_000, "Python program"),
        ("x = " + "-" * 200_000 + "1", "Python program"),
        ("x = '\ud800'", "Python program"),
    ],
)
def test_a_program_that_can_be_no_grader_is_refused(source: str, why: str) -> None:
    problem = refusal({**PYTHON, "source": source})
    assert problem.param == "grader.source"
    assert why in str(problem)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "name", "text", "role", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from([CHECK, FUZZY, SCORE, LABEL, PYTHON, MULTI]), st.data())
def test_any_json_is_read_or_refused(declared: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from([*declared, "range", "sampling_params", "pass_threshold"]))
    params = ["grader"]
    try:
        parse_grader({**declared, field: data.draw(json_values)})
    except GraderProblem as problem:
        params.append(problem.param or "")
    assert params[-1].startswith("grader")
