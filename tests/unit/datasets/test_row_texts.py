"""Which texts of a row are read, and where they stand."""

from checking_kit import chat, pair, typed
from ftops.datasets.formats import Use
from ftops.datasets.row_texts import row_texts, texts_of


def texts(row: dict, use: Use = Use.SUPERVISED) -> list[tuple[str, str]]:
    placed = list(row_texts(typed(row, use)))
    assert texts_of(typed(row, use)) == [text for _, text in placed]
    return placed


def test_what_messages_say_is_read_in_its_order() -> None:
    assert texts(chat("hello", "hi", system="be kind")) == [
        ("/messages/0/content", "be kind"),
        ("/messages/1/content", "hello"),
        ("/messages/2/content", "hi"),
    ]


def test_parts_calls_and_refusals_are_read() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": '{"iban": 1}'}}
    messages = [
        {"role": "user", "content": [image, {"type": "text", "text": "who is it?"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "won't say"}]},
        {"role": "assistant", "content": None, "tool_calls": [call, call]},
        {"role": "tool", "content": "", "tool_call_id": "c"},
        {"role": "assistant", "refusal": "can't say"},
    ]
    assert texts({"messages": messages}) == [
        ("/messages/0/content/1/text", "who is it?"),
        ("/messages/1/content/0/refusal", "won't say"),
        ("/messages/2/tool_calls/0/function/arguments", '{"iban": 1}'),
        ("/messages/2/tool_calls/1/function/arguments", '{"iban": 1}'),
        ("/messages/4/refusal", "can't say"),
    ]


def test_what_stands_beside_plain_content_is_read() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": "{}"}}
    for more in ({"tool_calls": [call]}, {"refusal": "can't say"}):
        said = {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "well", **more}]}
        assert [text for _, text in texts(said)] == ["well", "{}" if "tool_calls" in more else "can't say"]
    assert texts(chat("", "hi")) == [("/messages/1/content", "hi")]


def test_both_answers_of_a_pair_are_read() -> None:
    assert texts(pair("say", "yes", "no"), Use.DPO) == [
        ("/input/messages/0/content", "say"),
        ("/preferred_output/0/content", "yes"),
        ("/non_preferred_output/0/content", "no"),
    ]


def test_further_fields_of_a_row_are_read() -> None:
    row = {**chat("how much?"), "answer": {"a/b~c": ["12 EUR", 12, ""]}, "tools": []}
    assert texts(row, Use.REINFORCEMENT) == [("/messages/0/content", "how much?"), ("/answer/a~1b~0c/0", "12 EUR")]
    assert texts({"topic": "cats", "seen": None}, Use.FREE) == [("/topic", "cats")]
