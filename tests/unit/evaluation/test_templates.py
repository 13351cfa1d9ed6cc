"""Templates are looked up, never evaluated."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.evaluation.templates import TemplateProblem, render, render_all, sample_context

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
