"""What ``validate`` says of evaluations that compare two answers."""

from typing import Any

import pytest

from ftops.adapters.grader_templates import IN_EVALS, template_findings
from ftops.adapters.pairwise_rules import known_variables, pairwise_findings

GATE = [("/gate/0", {"metric": "win_rate", "min": 0.5})]


def entry(content: str = "{{first.output_text}} {{second.output_text}}", **changes: Any) -> dict[str, Any]:
    grader = {
        "type": "label_model",
        "model": "gpt-4.1",
        "input": [{"role": "user", "content": content}],
        "labels": ["first", "second"],
        "passing_labels": ["first"],
    }
    return {"name": "tone", "grader": {**grader, **changes}}


def found(one: dict[str, Any], gate: list[tuple[str, Any]] | None = None) -> list[str]:
    conditions = GATE if gate is None else gate
    told = [
        *template_findings(one["grader"], "/e/grader", known_variables(one)),
        *pairwise_findings(one, "/e", conditions),
    ]
    return [f"{pointer}: {expected}" for pointer, expected, _ in told]


def test_what_can_work_is_left_alone() -> None:
    assert found(entry()) == []
    assert found(entry("{{first.output_json.a}} {{second.output_tools[0]}} {{item.q}} {{reference}}")) == []
    alone = {
        "grader": {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{first.output_text}}"}
    }
    assert known_variables(alone) == IN_EVALS, "only a judge that compares knows two answers"
    assert len(found(alone, [])) == 1
    assert found({"grader": "no grader"}, []) == []


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (entry("{{second.output_text}}"), "/e/grader/input: expected both {{first.…}} and {{second.…}}"),
        (
            entry("{{first.output_text}}{{second.text}}"),
            "/e/grader/input/0/content: expected one of {{first.output_text}}",
        ),
        (entry("{{first.output_text}}{{second.output_text}}{{sample.output_text}}"), "got 'sample.output_text'"),
        (entry(labels=["first", "second", "both"]), "/e/grader/labels: expected [first, second] or"),
        (entry(passing_labels=["second"]), "/e/grader/passing_labels: expected [first]"),
        ({**entry(), "select": True}, "/e/select: expected a grader that scores single answers"),
    ],
)
def test_each_fault_is_told_once_and_where_it_is(one: dict[str, Any], told: str) -> None:
    (said,) = found(one)
    assert told in said


def test_such_a_grader_gives_a_win_rate_and_nothing_else() -> None:
    assert "/e/gate: expected a condition on win_rate" in found(entry(), [])[0]
    (said,) = found(entry(), [*GATE, ("/gate/1", {"metric": "mean", "min": 0.5})])
    assert said == "/gate/1/metric: expected win_rate of a grader that compares two answers, got mean"
    (said,) = found(entry(), [("/gate", {"min": 0.5})])
    assert said.endswith("got none")
