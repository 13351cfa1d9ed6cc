"""A baseline's own prompt: a file's messages, or examples drawn from the training set."""

from typing import Any

import pytest

from ftops.evaluation.few_shot import draw_examples
from ftops.evaluation.prompts import Examples, PromptProblem, Replacement, read_prompt, with_prompt
from ftops.evaluation.rows import read_row

SYSTEM = {"role": "system", "content": "Be brief."}
DEVELOPER = {"role": "developer", "content": "Be kind."}
USER = {"role": "user", "content": "Where is my card?"}
LONG = {"role": "system", "content": "You are a router. Answer with a label."}


def row(question: str, label: str, *, system: bool = True) -> dict[str, Any]:
    asked = [SYSTEM] if system else []
    return {
        "messages": [*asked, {"role": "user", "content": question}, {"role": "assistant", "content": label}],
    }


@pytest.mark.parametrize(
    "text", ['[{"role": "system", "content": "x"}]', '{"messages": [{"role": "system", "content": "x"}]}']
)
def test_a_prompt_file_holds_messages(text: str) -> None:
    assert read_prompt(text) == Replacement(messages=({"role": "system", "content": "x"},))


@pytest.mark.parametrize(
    "text",
    [
        "Be brief.",
        "{}",
        "[1]",
        '[{"content": "x"}]',
        '[{"role": 1}]',
        '[{"role": "system", "content": "\\ud800"}]',
        "3",
        "[" * 100_000,
    ],
)
def test_other_files_are_a_problem(text: str) -> None:
    with pytest.raises(PromptProblem):
        read_prompt(text)


def test_a_prompt_takes_the_place_of_the_leading_system_messages() -> None:
    assert with_prompt([SYSTEM, DEVELOPER, USER, SYSTEM], Replacement(messages=(LONG,))) == (LONG, USER, SYSTEM)
    assert with_prompt([USER], Replacement(messages=(LONG,))) == (LONG, USER)
    assert with_prompt([SYSTEM], Replacement(messages=(LONG,))) == (LONG,)
    assert with_prompt([SYSTEM, USER], None) == (SYSTEM, USER)


def test_examples_follow_the_leading_system_messages() -> None:
    turns = ({"role": "user", "content": "q"}, {"role": "assistant", "content": "a"})
    assert with_prompt([SYSTEM, USER], Examples(messages=turns, count=1)) == (SYSTEM, *turns, USER)


def labels_of(examples: Examples) -> list[str]:
    return [turn["content"] for turn in examples.messages if turn["role"] == "assistant"]


TRAINING = [row(f"What about subject {n} of kind {n % 3}, then?", f"label-{n % 3}") for n in range(30)]


def test_one_example_of_every_label_comes_first() -> None:
    assert sorted(labels_of(draw_examples(TRAINING, [], k=3, seed=1))) == ["label-0", "label-1", "label-2"]
    assert sorted(labels_of(draw_examples(TRAINING, [], k=6, seed=1))) == sorted(["label-0", "label-1", "label-2"] * 2)
    assert len(labels_of(draw_examples(TRAINING, [], k=100, seed=1))) == 30
    assert draw_examples(TRAINING, [], k=0, seed=1).messages == ()


def test_the_draw_follows_its_seed_and_not_the_files_order() -> None:
    first = draw_examples(TRAINING, [], k=3, seed=1)
    assert draw_examples(TRAINING[::-1], [], k=3, seed=1) == first
    assert any(draw_examples(TRAINING, [], k=3, seed=seed) != first for seed in range(2, 9))


def test_turns_hold_no_system_message_and_alternate() -> None:
    roles = [turn["role"] for turn in draw_examples(TRAINING, [], k=2, seed=1).messages]
    assert roles == ["user", "assistant"] * 2


@pytest.mark.parametrize(
    "asked",
    ["Where is my card, please tell me", "where  is my CARD, please tell me", "Where is my card; please tell me!"],
)
def test_near_duplicates_of_evaluation_rows_are_left_out(asked: str) -> None:
    training = [row("Where is my card, please tell me", "arrival"), row("How do I top up by cheque?", "top_up")]
    rows = [read_row(row(asked, "arrival", system=False)), read_row(row("Something else entirely", "other"))]
    assert labels_of(draw_examples(training, rows, k=2, seed=1)) == ["top_up"]


def test_a_label_whose_first_example_is_too_close_gives_its_next() -> None:
    training = [row(f"Where is my card number {n}?", "arrival") for n in range(5)]
    training += [row("My parcel never came to the house", "arrival"), row("How do I top up by cheque?", "top_up")]
    training += [row("Is there a fee for paying in cheques?", "top_up")]
    rows = [read_row(row("Where is my card number 9?", "arrival"))]
    for seed in range(5):
        assert sorted(labels_of(draw_examples(training, rows, k=2, seed=seed))) == ["arrival", "top_up"]


def test_rows_that_cannot_be_turns_are_left_out() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    unusable: list[dict[str, Any]] = [
        {"q": "free"},
        {"messages": [USER]},
        {"messages": [USER, {"role": "assistant", "content": "x", "tool_calls": [call]}]},
        {
            "messages": [
                USER,
                {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "content": "1"},
                *row("q", "x")["messages"],
            ]
        },
    ]
    assert labels_of(draw_examples([*unusable, row("Is it fine?", "yes")], [], k=9, seed=1)) == ["yes"]
