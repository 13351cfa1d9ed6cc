"""Grades are scores or failures, never both, and no failure is a 0."""

from collections.abc import Mapping
from typing import Any

import pytest
from grader_texts import CHECK, FUZZY, LABEL, MULTI, PYTHON, SCORE
from hypothesis import given
from hypothesis import strategies as st

from ftops.graders.dialects import EVALUATION
from ftops.graders.grading import Grade, grade
from ftops.graders.judging import JudgeFailed, JudgeReply, JudgeRequest
from ftops.graders.problems import FailureKind, GraderProblem
from ftops.graders.reading import parse_grader
from ftops.graders.samples import sample_of

ITEM = {"answer": "card", "meta": {"answer": "the card"}, "n": 3}


class Judge:
    """Answers what it was told to, and remembers what it was asked."""

    def __init__(self, text: str = "1", *, refusal: str | None = None, error: str | None = None) -> None:
        self.asked: list[JudgeRequest] = []
        self._text = text
        self._refusal = refusal
        self._error = error

    def __call__(self, request: JudgeRequest) -> JudgeReply:
        self.asked.append(request)
        if self._error is not None:
            raise JudgeFailed(self._error)
        return JudgeReply(
            model=f"{request.model}-2026",
            text=self._text,
            prompt_tokens=10,
            completion_tokens=2,
            refusal=self._refusal,
        )


def graded(declared: Mapping[str, Any], text: str, judge: Judge | None = None, **fields: Any) -> Grade:
    sample = sample_of({"role": "assistant", "content": text, **fields})
    return grade(parse_grader(declared), {"item": ITEM, "sample": sample}, judge=judge)


def kinds_of(outcome: Grade) -> list[FailureKind]:
    assert outcome.score is None
    return [failure.kind for failure in outcome.failures]


@pytest.mark.parametrize(
    ("text", "operation", "score"),
    [
        ("card", "eq", 1.0),
        ("Card", "eq", 0.0),
        ("card", "ne", 0.0),
        ("a card", "ne", 1.0),
        ("a card", "like", 1.0),
        ("a Card", "like", 0.0),
        ("a CARD", "ilike", 1.0),
        ("cash", "ilike", 0.0),
    ],
)
def test_string_checks(text: str, operation: str, score: float) -> None:
    assert graded({**CHECK, "operation": operation}, text) == Grade(score=score)


@pytest.mark.parametrize(
    ("changes", "kind", "is_samples"),
    [
        ({"reference": "{{item.other}}"}, FailureKind.VARIABLE, False),
        ({"input": "{{sample.output_json.label}}"}, FailureKind.SAMPLE, True),
        ({"input": "{{sample.output_tools[0].function.name}}"}, FailureKind.VARIABLE, True),
        ({"input": "{{item.answer}}" * 6_000, "reference": "{{sample.output_text}}"}, None, False),
    ],
)
def test_a_variable_that_is_missing_is_a_failure(
    changes: dict[str, Any], kind: FailureKind | None, is_samples: bool
) -> None:
    outcome = graded({**CHECK, **changes}, "no JSON")
    if kind is None:
        assert outcome.score == 0.0
    else:
        (failure,) = outcome.failures
        assert (outcome.score, failure.kind, failure.is_samples) == (None, kind, is_samples)


def test_json_without_the_field_was_parsed() -> None:
    outcome = graded({**CHECK, "input": "{{sample.output_json.label}}"}, '{"other": 1}')
    assert kinds_of(outcome) == [FailureKind.VARIABLE]
    assert outcome.failures[0].is_samples


def test_a_template_bomb_is_a_failure() -> None:
    sample = sample_of({"content": "x" * 100_000})
    bomb = parse_grader({**CHECK, "input": "{{sample.output_text}}" * 4_000})
    outcome = grade(bomb, {"item": ITEM, "sample": sample})
    assert kinds_of(outcome) == [FailureKind.OTHER]


def test_a_judge_is_asked_by_filled_in_messages() -> None:
    judge = Judge('{"steps": [{"description": "d", "conclusion": "c"}], "result": 0.25}')
    outcome = graded({**SCORE, "sampling_params": {"seed": 3}}, "yes", judge)
    assert outcome.score == 0.25
    assert [reply.model for reply in outcome.replies] == ["gpt-4o-mini-2026"]
    (request,) = judge.asked
    assert request.model == "gpt-4o-mini"
    assert request.sampling.seed == 3
    assert request.messages == (
        {"role": "system", "content": "Score the answer from 0 to 1."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Answer: yes"}, {"type": "text", "text": " Reference: the card"}],
        },
    )


def test_images_and_sound_reach_a_judge_as_chat_completions_take_them() -> None:
    content = [
        {"type": "input_image", "image_url": "https://example.com/{{item.n}}.png", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_audio", "input_audio": {"data": "{{item.answer}}", "format": "wav"}},
    ]
    judge = Judge()
    assert graded({**SCORE, "input": [{"role": "user", "content": content}]}, "", judge).score == 1
    assert judge.asked[0].messages[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.com/3.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "card", "format": "wav"}},
    ]


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("0.5", 0.5),
        (" 1\n", 1.0),
        ("+.25", 0.25),
        ("5e-1", 0.5),
        ("7", 2.0),
        ("-3", -1.0),
        ('{"result": 0.5}', 0.5),
        ('{"result": 99, "steps": []}', 2.0),
        ('{"result": -1e9}', -1.0),
        ("1e999", None),
        ("NaN", None),
        ("Infinity", None),
        ('{"result": NaN}', None),
        ('{"result": Infinity}', None),
        ('{"result": ' + "9" * 400 + "}", None),
        ('{"result": "0.5"}', None),
        ('{"result": true}', None),
        ('{"result": null}', None),
        ('{"score": 1}', None),
        ("[1]", None),
        ("true", None),
        ("0.5 out of 1", None),
        ("", None),
        ("1" * 401, None),
        ("[" * 100_000, None),
    ],
)
def test_a_score_is_a_number_cut_to_the_range(answer: str, score: float | None) -> None:
    judge = Judge(answer)
    outcome = graded({**SCORE, "range": [-1, 2]}, "yes", judge)
    assert outcome.score == score
    assert judge.asked[0].is_answer(answer) is (score is not None)
    if score is None:
        assert kinds_of(outcome) == [FailureKind.VERDICT]
        assert len(outcome.replies) == 1


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("polite", 1.0),
        (" rude \n", 0.0),
        ('"neither"', 1.0),
        ('{"result": "rude", "steps": []}', 0.0),
        ("Polite", None),
        ("polite or rude", None),
        ('{"result": 1}', None),
        ("", None),
    ],
)
def test_a_label_passes_or_not(answer: str, score: float | None) -> None:
    judge = Judge(answer)
    outcome = graded(LABEL, "thanks", judge)
    assert outcome.score == score
    assert judge.asked[0].messages == ({"role": "user", "content": "thanks"},)
    assert judge.asked[0].is_answer(answer) is (score is not None)
    if score is None:
        assert kinds_of(outcome) == [FailureKind.VERDICT]


def test_a_judge_that_refuses_fails_or_is_not_there_is_a_failure() -> None:
    refused = graded(SCORE, "yes", Judge("1", refusal="I can't"))
    assert kinds_of(refused) == [FailureKind.REFUSAL]
    assert len(refused.replies) == 1
    failed = graded(SCORE, "yes", Judge(error="it is asleep"))
    assert kinds_of(failed) == [FailureKind.JUDGE]
    assert failed.failures[0].message == "it is asleep"
    assert kinds_of(graded(LABEL, "yes")) == [FailureKind.JUDGE]


def test_a_multi_is_its_formula_over_its_parts() -> None:
    outcome = graded(MULTI, "cards")
    assert outcome.sub_scores == {"exact": 0.0, "close": pytest.approx(8 / 9)}
    assert outcome.score == pytest.approx(0.25 * 8 / 9)


def test_names_after_types_stand_for_their_parts() -> None:
    listed = [{**CHECK, "name": "Example check"}, {**FUZZY, "name": "Example similarity"}]
    declared = {
        **MULTI,
        "graders": listed,
        "calculate_output": "0.5 * text_similarity_score +  0.5 * string_check_score",
    }
    outcome = graded(declared, "card")
    assert (outcome.score, set(outcome.sub_scores)) == (1.0, {"Example check", "Example similarity"})


def test_a_part_without_a_score_leaves_the_whole_without_one() -> None:
    graders = {"a": {**CHECK, "reference": "{{item.none}}"}, "b": SCORE, "c": FUZZY}
    outcome = graded({**MULTI, "graders": graders, "calculate_output": "c"}, "card", Judge("?"))
    assert kinds_of(outcome) == [FailureKind.VARIABLE, FailureKind.VERDICT]
    assert outcome.sub_scores == {"c": 1.0}
    assert len(outcome.replies) == 1


@pytest.mark.parametrize("formula", ["1 / exact", "log(exact)", "9 ** 9 ** 9", "close * 1e308 * 10"])
def test_a_formula_without_a_finite_value_is_a_failure(formula: str) -> None:
    outcome = graded({**MULTI, "calculate_output": formula}, "carda")
    assert kinds_of(outcome) == [FailureKind.FORMULA]
    assert set(outcome.sub_scores) == {"exact", "close"}


@pytest.mark.parametrize("declared", [PYTHON, {**MULTI, "graders": {"p": PYTHON}, "calculate_output": "p"}])
def test_programs_are_not_run(declared: dict[str, Any]) -> None:
    with pytest.raises(GraderProblem, match="python graders aren't run by this version"):
        graded(declared, "yes")


def test_cosine_needs_embeddings() -> None:
    cosine = {**FUZZY, "evaluation_metric": "cosine", "embedding_model": "m"}
    declared = parse_grader(cosine, dialect=EVALUATION)
    context = {"item": ITEM, "sample": sample_of({"content": "cash"})}
    assert kinds_of(grade(declared, context)) == [FailureKind.OTHER]
    for vectors, score in (
        ({"cash": (3.0, 4.0), "card": (4.0, 3.0)}, pytest.approx(0.96)),
        ({"cash": (3.0, 4.0), "card": (-4.0, -3.0)}, 0.0),
        ({"cash": (0.0,), "card": (1.0,)}, None),
        ({"cash": (1.0,), "card": (1.0, 2.0)}, None),
    ):
        asked: list[str] = []

        def embed(model: str, text: str) -> tuple[float, ...]:
            asked.append(model)  # noqa: B023  (called within this very round)
            return vectors[text]  # noqa: B023

        outcome = grade(declared, context, embed=embed)
        assert (outcome.score, set(asked)) == (score, {"m"})
        assert score is not None or kinds_of(outcome) == [FailureKind.OTHER]


@pytest.mark.parametrize(("reference", "score"), [("card", 0.0), ("", 1.0)])
def test_an_empty_answer_is_scored_by_cosine_without_an_embedding(reference: str, score: float) -> None:
    declared = {**FUZZY, "evaluation_metric": "cosine", "embedding_model": "m", "reference": reference}

    def embed(model: str, text: str) -> tuple[float, ...]:
        raise AssertionError(f"{model} was asked for {text!r}")

    context = {"item": ITEM, "sample": sample_of({"content": ""})}
    assert grade(parse_grader(declared, dialect=EVALUATION), context, embed=embed).score == score


@given(st.text(max_size=20), st.text(max_size=20))
def test_every_answer_has_a_score_or_a_failure(text: str, verdict: str) -> None:
    graders = {"a": CHECK, "b": {**FUZZY, "input": "{{sample.output_json}}"}, "c": SCORE, "d": LABEL}
    outcome = graded({**MULTI, "graders": graders, "calculate_output": "a + b / c + d"}, text, Judge(verdict))
    assert (outcome.score is None) == bool(outcome.failures)
