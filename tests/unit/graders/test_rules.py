"""What a grader needs, and what it may be used for."""

from typing import Any

import pytest
from grader_texts import CHECK, FUZZY, LABEL, MULTI, PYTHON, SCORE

from ftops.graders.problems import Fault, GraderProblem
from ftops.graders.reading import parse_grader
from ftops.graders.rules import (
    missing_reference,
    models_of,
    references,
    require_runnable,
    require_usable_in_reinforcement,
    single_graders,
)

JUDGED = {**MULTI, "graders": {"s": SCORE, "l": LABEL, "t": {**SCORE, "model": "gpt-4o"}}, "calculate_output": "s * l"}


def test_judges_are_known_each_once() -> None:
    assert models_of(parse_grader(CHECK)) == ()
    assert models_of(parse_grader(SCORE)) == ("gpt-4o-mini",)
    assert models_of(parse_grader(JUDGED)) == ("gpt-4o-mini", "gpt-4o")


def test_references_are_the_paths_within_a_row() -> None:
    check = {**CHECK, "input": "{{ item.calls[0].name }} {{sample.output_text}}", "reference": "{{item.answer}}"}
    grader = parse_grader(
        {**MULTI, "graders": {"a": check, "b": SCORE, "c": PYTHON, "d": FUZZY}, "calculate_output": "a"}
    )
    assert references(grader) == ("calls.0.name", "answer", "meta.answer")
    row: dict[str, Any] = {"calls": [{"name": "find"}], "answer": "x", "meta": {}}
    assert missing_reference(grader, row) == "meta.answer"
    assert missing_reference(grader, {**row, "meta": {"answer": ""}}) is None
    assert missing_reference(grader, {**row, "calls": []}) == "calls.0.name"
    assert missing_reference(parse_grader(PYTHON), {}) is None


def test_images_and_sound_are_references_too() -> None:
    content = [
        {"type": "input_image", "image_url": "{{item.url}}"},
        {"type": "input_audio", "input_audio": {"data": "{{item.clip}}", "format": "wav"}},
    ]
    assert references(parse_grader({**SCORE, "input": [{"role": "user", "content": content}]})) == ("url", "clip")


@pytest.mark.parametrize("declared", [CHECK, FUZZY, SCORE, PYTHON, MULTI, JUDGED])
def test_jobs_take_these(declared: dict[str, Any]) -> None:
    require_usable_in_reinforcement(parse_grader(declared))


@pytest.mark.parametrize(
    ("declared", "param", "fault"),
    [
        (LABEL, "g.type", Fault.INVALID),
        ({**FUZZY, "evaluation_metric": "cosine"}, "g.evaluation_metric", Fault.INVALID),
        ({**FUZZY, "pass_threshold": 0.5}, "g.pass_threshold", Fault.UNKNOWN),
        ({**SCORE, "pass_threshold": 0}, "g.pass_threshold", Fault.UNKNOWN),
        ({**PYTHON, "pass_threshold": 1}, "g.pass_threshold", Fault.UNKNOWN),
        ({**MULTI, "pass_threshold": 1}, "g.pass_threshold", Fault.UNKNOWN),
        (
            {**MULTI, "graders": [CHECK, {**FUZZY, "pass_threshold": 1}]},
            "g.graders[1].pass_threshold",
            Fault.UNKNOWN,
        ),
    ],
)
def test_jobs_refuse_these(declared: dict[str, Any], param: str, fault: Fault) -> None:
    grader = parse_grader(declared, at="g")
    with pytest.raises(GraderProblem) as caught:
        require_usable_in_reinforcement(grader, at="g")
    assert (caught.value.param, caught.value.fault) == (param, fault)


def test_programs_can_not_be_run() -> None:
    require_runnable(parse_grader(JUDGED))
    with pytest.raises(GraderProblem) as caught:
        require_runnable(parse_grader({**MULTI, "graders": {"p": PYTHON}, "calculate_output": "p"}))
    assert (caught.value.param, caught.value.fault) == ("grader.graders.p.type", Fault.UNSUPPORTED)


def test_the_graders_that_score_are_known_with_their_places() -> None:
    places = [place for place, _ in single_graders(parse_grader(JUDGED, at="g"), at="g")]
    assert places == ["g.graders.s", "g.graders.l", "g.graders.t"]
    assert [place for place, _ in single_graders(parse_grader(CHECK, at="g"), at="g")] == ["g"]
