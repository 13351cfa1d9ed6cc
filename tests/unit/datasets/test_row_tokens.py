"""Rows as typed values count by the same rule as rows as mappings, one by one and in batches."""

import msgspec
import pytest

from ftops.datasets.batches import Batch
from ftops.datasets.formats import Use
from ftops.datasets.rows import Asked, ChatRow, FreeRow, ItemRow, PreferenceRow
from ftops.datasets.tokens import TokenCount, answer_tokens, count_tokens, row_tokens
from ftops.domain.desired import TokenCaveat, TokenSum

SYSTEM = {"role": "system", "content": "You are brief."}
DEVELOPER = {"role": "developer", "content": "You are brief.", "name": "boss"}
USER = {"role": "user", "content": "How do I reset my password?", "name": "bob"}
PARTS = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
    ],
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "reset", "arguments": '{"user": "bob"}'}}
CALLS = {"role": "assistant", "tool_calls": [CALL, CALL], "content": None}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "done"}
ANSWER = {"role": "assistant", "content": "Follow the link.", "weight": 1}
EMPTY = {"role": "assistant", "content": ""}
REFUSAL = {"role": "assistant", "refusal": "I must not do that."}
REFUSAL_PART = {
    "role": "assistant",
    "content": [{"type": "text", "text": "Sorry."}, {"type": "refusal", "refusal": "I must not do that."}],
}
TOOLS = [{"type": "function", "function": {"name": "reset", "parameters": {"type": "object"}}}]

CHATS = [
    {"messages": [SYSTEM, USER, ANSWER]},
    {"messages": [DEVELOPER, PARTS, ANSWER]},
    {"messages": [USER, CALLS, RESULT, ANSWER], "tools": TOOLS},
    {"messages": [SYSTEM, USER, EMPTY], "tools": []},
    {"messages": [SYSTEM, USER, {"role": "assistant", "content": "Où ça ? 😀"}, USER, CALLS], "tools": TOOLS},
    {"messages": [USER, REFUSAL, USER, REFUSAL_PART]},
    {"messages": [USER, REFUSAL]},
]
ASKED = [{"messages": [SYSTEM, USER]}, {"messages": [USER], "tools": TOOLS}]


def by_mapping(row: dict, *, has_answers: bool) -> int:
    count = TokenCount()
    count.add(row, has_answers=has_answers)
    count.finish()
    return count.total


def typed(row: dict) -> ChatRow | PreferenceRow:
    kind = ChatRow if "messages" in row else PreferenceRow
    return msgspec.json.decode(msgspec.json.encode(row), type=kind)


def item(row: dict) -> ItemRow:
    return ItemRow(msgspec.json.decode(msgspec.json.encode(row), type=Asked), row)


def pair(asked: dict) -> dict:
    return {"input": asked, "preferred_output": [ANSWER], "non_preferred_output": [EMPTY]}


@pytest.mark.parametrize("has_answers", [True, False])
def test_one_rule_for_both(has_answers):
    rows = [*CHATS, *map(pair, ASKED), *CHATS]
    expected = [by_mapping(row, has_answers=has_answers) for row in rows]
    assert row_tokens(map(typed, rows), has_answers=has_answers).tolist() == expected
    assert row_tokens(map(item, [*CHATS, *ASKED]), has_answers=has_answers).tolist() == [
        by_mapping(row, has_answers=has_answers) for row in [*CHATS, *ASKED]
    ]


def test_the_published_rule_for_typed_rows():
    text = sum(count_tokens([SYSTEM["content"], USER["content"], USER["name"], ANSWER["content"]]))
    assert row_tokens([typed(CHATS[0])], has_answers=True).tolist() == [3 + 3 * (3 + 1) + 1 + text]
    assert row_tokens([], has_answers=True).tolist() == []


def test_refusals_are_taught_and_billed_like_any_answer():
    refused, said = count_tokens(["I must not do that.", "Sorry."])
    prompt = row_tokens([typed({"messages": [USER, EMPTY]})], has_answers=False)[0]
    rows = [typed({"messages": [USER, one]}) for one in (REFUSAL, REFUSAL_PART)]
    assert row_tokens(rows, has_answers=True).tolist() == [prompt + 4 + refused, prompt + 4 + said + refused]


@pytest.mark.parametrize(
    ("row", "caveats"),
    [
        (CHATS[0], ()),
        (CHATS[1], (TokenCaveat.IMAGES,)),
        (CHATS[2], (TokenCaveat.TOOLS,)),
        (CHATS[3], ()),
        ({"messages": [USER, CALLS]}, (TokenCaveat.TOOLS,)),
        ({"messages": [PARTS, CALLS]}, (TokenCaveat.TOOLS, TokenCaveat.IMAGES)),
        (pair(ASKED[1]), (TokenCaveat.TOOLS,)),
        ({"messages": [{"role": "user", "content": "a" + " a" * 70_000}, ANSWER]}, (TokenCaveat.CUT,)),
    ],
)
def test_what_the_count_rests_on_is_told_whatever_counts(row, caveats):
    count = TokenCount()
    count.add(row, has_answers=True)
    count.finish()
    assert count.counted == TokenSum(tokens=count.total, caveats=caveats)
    assert Batch([typed(CHATS[0]), typed(row)], [1, 2], use=Use.SUPERVISED).token_caveats == caveats


def test_what_is_not_billed_is_not_cut():
    row = typed({"messages": [{"role": "user", "content": "a" + " a" * 70_000}, ANSWER]})
    assert Batch([row], [1], use=Use.EVALUATION).token_caveats == ()


def test_free_rows_count_as_their_json_or_as_their_messages():
    rows = [FreeRow({"q": "what?"}), FreeRow(CHATS[0])]
    expected = [3 + count_tokens(['{"q":"what?"}'])[0], by_mapping(CHATS[0], has_answers=False)]
    assert row_tokens(rows, has_answers=False).tolist() == expected


def test_the_order_of_keys_in_a_call_plays_no_part():
    turned = {**CALLS, "tool_calls": [dict(reversed(CALL.items()))] * 2}
    assert by_mapping({"messages": [USER, turned]}, has_answers=True) == by_mapping(
        {"messages": [USER, CALLS]}, has_answers=True
    )


def test_an_answer_is_what_its_row_takes_more_than_its_prompt():
    for row in CHATS:
        taken = row_tokens([typed(row)] * 2, has_answers=True)[0] - row_tokens([typed(row)], has_answers=False)[0]
        assert answer_tokens(typed(row)) == taken
    assert answer_tokens(typed(pair(ASKED[0]))) == 4
    assert answer_tokens(item(ASKED[0])) == 0


@pytest.mark.parametrize(("use", "has_answers"), [(Use.SUPERVISED, True), (Use.EVALUATION, False)])
def test_a_batch_counts_what_its_use_takes(use, has_answers):
    batch = Batch([typed(row) for row in CHATS], range(1, 6), use=use)
    assert batch.tokens.tolist() == [by_mapping(row, has_answers=has_answers) for row in CHATS]
    assert batch.tokens is batch.tokens
