"""Templates are looked up, never evaluated."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.graders.samples import sample_context, sample_of, text_of
from ftops.graders.templates import LONGEST_TEXT, TemplateProblem, render, render_all

CONTEXT = {
    "item": {"x": {"y": "deep", "-": 1}, "n": 3, "list": ["a", {"b": True}], "text": "{{item.n}}", "null": None},
    "reference": "gold",
    "sample": sample_context('{"label": "card", "score": 0.5}', [{"function": {"name": "track"}}]),
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("no variable", "no variable"),
        ("{{item.x.y}}", "deep"),
        ("{{  reference\t}}!", "gold!"),
        ("{{item.n}}", "3"),
        ("{{item.list}}", '["a", {"b": true}]'),
        ("{{item.list.0}} {{item.list[1].b}}", "a true"),
        ("{{item.text}}", "{{item.n}}"),
        ("{{sample.output_json.label}} {{sample.output_json.score}}", "card 0.5"),
        ("{{sample.output_tools.0.function.name}}", "track"),
        ("{ {item.n} } }}", "{ {item.n} } }}"),
    ],
)
def test_variables_are_filled_in(template: str, expected: str) -> None:
    assert render(template, CONTEXT) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{item.z}}",
        "{{item.null}}",
        "{{item.list.9}}",
        "{{item.n.real}}",
        "{{item.text.0}}",
        "{{rejected}}",
        "{{}}",
        "{{1 + 1}}",
        "{{item.x.__class__}}",
        "{{item['n']}}",
        "{{item.list.-1}}",
        "{{item.list.٢}}",
        "{{item.list." + "9" * 5000 + "}}",
        "{{item.x" + ".y" * 50_000 + "}}",
        "{{" * 50_000 + "}}",
    ],
)
def test_a_missing_variable_is_a_problem(template: str) -> None:
    with pytest.raises(TemplateProblem):
        render(template, CONTEXT)


def test_text_that_is_no_json_has_no_output_json() -> None:
    with pytest.raises(TemplateProblem):
        render("{{sample.output_json}}", {"sample": sample_context("hello", ())})


def test_every_string_of_a_value_is_rendered() -> None:
    value = {"a": ["{{item.n}}", 1, None], "{{item.n}}": "{{reference}}"}
    assert render_all(value, CONTEXT) == {"a": ["3", 1, None], "{{item.n}}": "gold"}


@given(st.dictionaries(st.sampled_from("abc"), st.text() | st.integers() | st.none()), st.text())
def test_what_was_inserted_is_not_read_again(item: dict[str, Any], text: str) -> None:
    assert render("<{{item.own}}>", {"item": {**item, "own": text}}) == f"<{text}>"


def test_braces_left_open_are_text_and_cost_no_time() -> None:
    template = "{" * 100_000
    assert render(template, CONTEXT) == template


def test_a_short_template_of_long_values_fills_no_memory() -> None:
    long = {"item": {"x": "a" * 100_000}}
    assert len(render("{{item.x}}" * 10, long)) == LONGEST_TEXT
    with pytest.raises(TemplateProblem, match="1,000,000 characters"):
        render("{{item.x}}" * 10_000, long)


def test_a_value_too_deep_for_json_is_a_problem() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TemplateProblem, match="JSON"):
        render("{{item.deep}}", {"item": {"deep": deep}})
    while deep:  # taken apart by hand: the interpreter would do it on its stack
        deep = deep[0]


@pytest.mark.parametrize(
    "text",
    ["NaN", '{"a": Infinity}', "[" * 100_000, "9" * 5_000, "", "{'a': 1}", r'{"a": ["\uD800"]}', r'{"\udfff": 1}'],
)
def test_what_is_no_json_is_no_output_json(text: str) -> None:
    assert "output_json" not in sample_context(text, ())


def test_escaped_characters_beyond_the_first_plane_are_json() -> None:
    assert sample_context(r'"\ud83d\ude00"', ())["output_json"] == "\U0001f600"


def test_a_sample_has_the_variables_of_a_message() -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
    sample = sample_of({"role": "assistant", "content": "[1, 2]", "tool_calls": calls})
    template = "{{sample.output_text}} {{sample.output_json[1]}} {{sample.output_tools[0].function.name}}"
    assert render(template, {"sample": sample}) == "[1, 2] 2 find"
    assert render("{{sample.choices[0].message.tool_calls[0].id}}", {"sample": sample}) == "call_1"
    assert sample_of({"content": None})["output_text"] == ""
    assert sample_context("[1, 2]", calls) == sample, "in evaluations as on the server"
    assert sample_context("yes", ())["choices"] == [{"index": 0, "message": {"role": "assistant", "content": "yes"}}]


def test_text_parts_are_put_together() -> None:
    assert (
        text_of({"content": [{"type": "text", "text": "a"}, {"type": "refusal"}, {"type": "text", "text": "b"}]})
        == "ab"
    )
    assert text_of({}) is None
