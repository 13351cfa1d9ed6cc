"""Digests of inputs say what is the same question; token counts follow the published rule."""

import json

import pytest

from ftops.datasets.conversations import exchange
from ftops.datasets.inputs import input_digest, request_digest
from ftops.datasets.tokens import TokenCount, count_tokens

SYSTEM = {"role": "system", "content": "s"}
USER = {"role": "user", "content": "Café?"}
ANSWER = {"role": "assistant", "content": "a"}


def chat(*messages, **more) -> dict:
    return {"messages": list(messages), **more}


def tokens(row: dict, *, has_answers: bool = True) -> int:
    count = TokenCount()
    count.add(row, has_answers=has_answers)
    count.finish()
    return count.total


@pytest.mark.parametrize(
    "other",
    [
        chat(SYSTEM, USER, {"role": "assistant", "content": "another answer"}),
        chat(SYSTEM, {"content": " Cafe\u0301? ", "role": "user", "name": None}, ANSWER),
        chat(SYSTEM, {"role": "user", "content": [{"type": "text", "text": "Café?"}]}, ANSWER, tools=[]),
        chat(SYSTEM, USER),
        {"input": chat(SYSTEM, USER), "preferred_output": [ANSWER], "non_preferred_output": [ANSWER]},
        chat(SYSTEM, USER, ANSWER, extra=1),
    ],
)
def test_the_same_input(other):
    assert input_digest(other) == input_digest(chat(SYSTEM, USER, ANSWER)) == request_digest([SYSTEM, USER])


@pytest.mark.parametrize(
    "other",
    [
        chat(USER, ANSWER),
        chat(SYSTEM, {"role": "user", "content": "café?"}, ANSWER),
        chat(SYSTEM, USER, ANSWER, tools=[{"type": "function", "function": {"name": "f"}}]),
        chat(SYSTEM, USER, ANSWER, USER, ANSWER),
        chat(SYSTEM, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, ANSWER),
    ],
)
def test_another_input(other):
    assert input_digest(other) != input_digest(chat(SYSTEM, USER, ANSWER))


def test_earlier_answers_are_context_whatever_their_weight():
    earlier = {**ANSWER, "weight": 0}
    assert input_digest(chat(USER, earlier, USER, ANSWER)) == input_digest(chat(USER, ANSWER, USER, ANSWER))
    assert len(input_digest(chat(USER, ANSWER))) == 16


def test_a_row_that_ends_with_a_question_is_asked_whole():
    asked = chat(USER, ANSWER, SYSTEM)
    assert exchange(asked).asked == asked["messages"]
    assert not exchange(asked).answers
    assert input_digest(asked) == input_digest(chat(USER, ANSWER, SYSTEM, ANSWER))
    assert input_digest(asked) != input_digest(chat(USER, ANSWER))
    assert tokens(asked, has_answers=False) == tokens(asked)


def test_odd_rows_have_a_digest_too():
    assert input_digest({"q": 2**70}) != input_digest({"q": 2**71})
    assert len(request_digest(["x", 3])) == 16
    assert exchange({"preferred_output": 3}).asked == []


def test_the_published_rule():
    assert count_tokens(["hello world", ""]) == [2, 0]
    assert count_tokens([]) == []
    assert tokens(chat({"role": "user", "content": "hello world"}, {"role": "assistant", "content": "hi"})) == 3 + (
        3 + 1 + 2
    ) + (3 + 1 + 1)
    assert tokens(chat({"role": "user", "content": "hi", "name": "bob"})) == 3 + (3 + 1 + 1) + (1 + 1)


def test_tools_and_calls_count():
    tool = [{"type": "function", "function": {"name": "f"}}]
    call = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    plain = tokens(chat(USER, ANSWER))
    assert tokens(chat(USER, ANSWER, tools=tool)) > plain
    assert tokens(chat(USER, {**ANSWER, "tool_calls": call})) > plain


def test_sending_takes_no_answer():
    assert tokens(chat(USER, ANSWER), has_answers=False) == tokens(chat(USER))


def test_preferences_count_both_outputs():
    row = {"input": chat(USER), "preferred_output": [ANSWER], "non_preferred_output": [ANSWER]}
    assert tokens(row) == tokens(chat(USER, ANSWER, ANSWER))


def test_free_rows_count_as_their_json():
    assert tokens({"q": "x"}) == 3 + count_tokens([json.dumps({"q": "x"}, separators=(",", ":"))])[0]


def test_batches_add_up():
    count = TokenCount()
    for _ in range(4_100):
        count.add(chat(USER, ANSWER, "broken"), has_answers=True)
    count.finish()
    assert count.total == 4_100 * tokens(chat(USER, ANSWER))
