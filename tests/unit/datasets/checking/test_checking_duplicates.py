"""Rows with the prompt of another: in one file, with different answers, and in training and evaluation."""

import pytest

from checking_kit import banking77, chat, found_beside, found_in, pair, typed
from ftops.datasets.batches import Batch
from ftops.datasets.checking.duplicates import DuplicateExamples
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from shared_data import missing, shared_path

DUPLICATES = DuplicateExamples()
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


def called(name: str, arguments: str, content: str | None = None) -> dict:
    """An assistant's message that calls a function."""
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


def of(code: str, found: tuple[Found, ...]) -> list[tuple[int, str]]:
    return [(one.line, one.says) for one in found if one.code == code]


def count(code: str, found: tuple[Found, ...]) -> int:
    return sum(one.count for one in found if one.code == code)


def test_different_prompts_are_no_duplicates() -> None:
    assert found_in(DUPLICATES, [chat("where is it?", "here"), chat("what is it?", "here")]) == ()
    assert found_in(DUPLICATES, []) == ()


def test_a_prompt_is_the_same_whatever_its_case_blanks_and_punctuation() -> None:
    rows = [
        chat("Where is my card?", "Card arrival"),
        chat("something else", "x"),
        chat("where is my  card", "card arrival."),
        chat("WHERE IS MY CARD!!", "lost card"),
        chat("Where is my card?", "Card arrival"),
        chat("where is my CARD", "lost card"),
    ]
    assert of("D101", found_in(DUPLICATES, rows)) == [
        (3, "the prompt of line 1 again, with the same answer"),
        (4, "the prompt of line 1 again, with another answer"),
        (5, "the prompt of line 1 again, the whole row is the same"),
        (6, "the prompt of line 4 again, with the same answer"),
    ]


def test_the_hint_counts_what_surplus_rows_share() -> None:
    rows = [chat("a", "1"), chat("A", "1"), chat("a", "1"), chat("a?", "2")]
    (hint,) = {one.hint for one in found_in(DUPLICATES, rows) if one.code == "D101"}
    assert hint == (
        "take out surplus rows: of 3 with the prompt of an earlier one, 2 have its answer too, and 1 are the whole row again"
    )


def test_many_duplicates_are_told_by_the_first_few_and_a_count() -> None:
    found = found_in(DUPLICATES, [chat("again", "yes") for _ in range(100)])
    assert [one.line for one in found] == [2, 3, 4, 5, 6, 7]
    assert [one.count for one in found] == [1, 1, 1, 1, 1, 94]
    assert len({one.kind for one in found}) == 1


def test_what_frames_a_prompt_counts_within_a_file() -> None:
    assert (
        found_in(DUPLICATES, [chat("Bonjour", "a", system="Translate."), chat("Bonjour", "b", system="Sum up.")]) == ()
    )
    assert found_in(DUPLICATES, [chat("Bonjour", "a"), chat("Bonjour", "b", tools=[TOOL])]) == ()
    assert (
        count("D101", found_in(DUPLICATES, [chat("x", "a", tools=[]), chat("x", "a"), chat("x", "a", tools=None)])) == 2
    )
    spaced = {"function": {"parameters": {"type": "object"}, "name": "look_up"}, "type": "function"}
    assert count("D101", found_in(DUPLICATES, [chat("x", "a", tools=[TOOL]), chat("x", "a", tools=[spaced])])) == 1


def test_earlier_turns_are_part_of_the_prompt() -> None:
    rows = [chat("Hello", "Hi", "And now?", "Bye"), chat("Hello", "Hey you", "And now?", "Bye")]
    assert found_in(DUPLICATES, rows) == ()


def test_images_tell_prompts_apart() -> None:
    def shown(url: str) -> dict:
        parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
        return {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A cat"}]}

    rows = [shown("https://example.com/1.png"), shown("https://example.com/2.png"), shown("https://example.com/1.png")]
    assert of("D101", found_in(DUPLICATES, rows)) == [(3, "the prompt of line 1 again, the whole row is the same")]


def test_prompts_of_signs_alone_are_compared_as_they_are() -> None:
    assert count("D101", found_in(DUPLICATES, [chat("+", "a"), chat("-", "b"), chat(" + ", "a")])) == 1


def test_a_row_that_asks_nothing_is_told_by_its_instructions_or_its_answer() -> None:
    rows = [
        {"messages": [{"role": "system", "content": "A poem on rain"}, {"role": "assistant", "content": "Drip"}]},
        {"messages": [{"role": "system", "content": "A poem on snow"}, {"role": "assistant", "content": "Flake"}]},
        {"messages": [{"role": "assistant", "content": "Once upon a time"}]},
        {"messages": [{"role": "assistant", "content": "There was a king"}]},
        {"messages": [{"role": "system", "content": "a poem on rain"}, {"role": "assistant", "content": "Drop"}]},
    ]
    assert of("D101", found_in(DUPLICATES, rows)) == [(5, "the prompt of line 1 again, with another answer")]


def test_short_answers_that_differ_contradict_one_another() -> None:
    rows = [
        chat("Where is it?", "card_arrival"),
        chat("where is it", "lost_card"),
        chat("where is it", "Card_Arrival."),
        *[chat("WHERE is it", "lost_card") for _ in range(4)],
        chat("what is 1 + 1", "2"),
    ]
    (one,) = [one for one in found_in(DUPLICATES, rows) if one.code == "D103"]
    assert one.line == 2
    assert one.says == (
        "the prompt of line 1 with another answer: 'card_arrival' (lines 1, 3), 'lost_card' (lines 2, 4, 5 and 2 more)"
    )


def test_many_contradicting_answers_are_not_all_listed() -> None:
    found = found_in(DUPLICATES, [chat("pick one", word) for word in "abcdef"])
    assert of("D103", found) == [
        (2, "the prompt of line 1 with another answer: 'a' (line 1), 'b' (line 2), 'c' (line 3), 'd' (line 4), 2 more")
    ]


def test_each_contradicted_prompt_counts_once() -> None:
    rows = [chat(f"prompt {number // 3}", f"answer {number % 3}") for number in range(30)]
    found = found_in(DUPLICATES, rows)
    assert count("D103", found) == 10
    assert [one.line for one in found if one.code == "D103"] == [2, 5, 8, 11, 14, 17]


def test_signs_count_in_short_answers() -> None:
    assert count("D103", found_in(DUPLICATES, [chat("which?", "C"), chat("which", "C++")])) == 1
    assert count("D103", found_in(DUPLICATES, [chat("which?", "!"), chat("which", ".")])) == 1


def test_long_answers_are_two_ways_to_say_a_thing() -> None:
    rows = [chat("Tell me a story", "Once upon a time " * 10), chat("tell me a story", "There was a king " * 10)]
    assert [one.code for one in found_in(DUPLICATES, rows)] == ["D101"]
    assert [one.code for one in found_in(DUPLICATES, [*rows, chat("tell me a story", "No.")])] == ["D101", "D101"]


def test_calls_contradict_one_another_by_name_and_arguments() -> None:
    def asking(*answers: dict) -> list[dict]:
        asked = {"role": "user", "content": "Weather in Paris?"}
        return [{"messages": [asked, answer], "tools": [TOOL]} for answer in answers]

    same = asking(called("look_up", '{"a": 1, "b": 2}'), called("look_up", '{"b":2,"a":1}'))
    assert [one.code for one in found_in(DUPLICATES, same)] == ["D101"]
    other = asking(called("look_up", '{"a": 1}'), called("look_up", '{"a": 2}', "Let me see."), called("look_up", "a:"))
    says = (
        "the prompt of line 1 with another answer: 'look_up({\"a\":1})' (line 1), "
        "'Let me see.\\x0alook_up({\"a\":2})' (line 2), 'look_up(a:)' (line 3)"
    )
    assert of("D103", found_in(DUPLICATES, other)) == [(2, says)]


def test_a_preference_prompt_may_have_several_pairs() -> None:
    rows = [pair("Say it", "good", "bad"), pair("Say it", "good", "worse"), pair("say it", "good ", "bad")]
    assert of("D101", found_in(DUPLICATES, rows, Use.DPO)) == [(3, "the prompt of line 1 again, with the same answer")]


def test_what_a_grader_goes_by_is_the_answer_of_a_reinforcement_row() -> None:
    asked = [{"role": "user", "content": "6 times 7"}]
    rows = [{"messages": asked, "answer": 42}, {"messages": asked, "answer": 41}, {"messages": asked}]
    found = found_in(DUPLICATES, rows[:2], Use.REINFORCEMENT)
    assert of("D103", found) == [
        (2, "the prompt of line 1 with another answer: '{\"answer\":42}' (line 1), '{\"answer\":41}' (line 2)")
    ]
    assert [one.code for one in found_in(DUPLICATES, rows, Use.REINFORCEMENT)] == ["D101", "D101"]


def test_free_rows_are_the_same_when_all_of_them_is() -> None:
    rows = [{"topic": "a", "n": 1}, {"topic": "A", "n": 1}, {"n": 1, "topic": "a"}]
    assert of("D101", found_in(DUPLICATES, rows, Use.FREE)) == [(3, "the prompt of line 1 again, with the same answer")]


def test_a_prompt_that_is_trained_on_is_leaked() -> None:
    train = [chat("other", "x"), chat("Where is it?", "here"), chat("where is it", "here")]
    found = found_beside(DUPLICATES, train, [chat("WHERE IS IT", "there"), chat("elsewhere", "x")])
    assert of("D104", found) == [(1, "the prompt of line 2 in train.jsonl, which is trained on")]
    assert found_beside(DUPLICATES, train, []) == ()
    assert found_beside(DUPLICATES, [], train) == ()
    assert found_beside(DUPLICATES, train, [{"free": "row"}], other_use=Use.FREE) == ()


def test_a_frame_that_all_rows_share_hides_no_leak() -> None:
    train = [chat("Where?", "here", system="Be brief."), chat("When?", "now", system="Be brief.")]
    other = [chat("where", "there", system="You are kind."), chat("who", "me", system="You are kind.")]
    assert count("D104", found_beside(DUPLICATES, train, other)) == 1
    documents = [chat("Sum up", "A", system="Text one"), chat("Sum up", "B", system="Text two")]
    assert found_beside(DUPLICATES, documents, [chat("Sum up", "C", system="Text three")]) == ()
    assert count("D104", found_beside(DUPLICATES, documents, [chat("Sum up", "C", system="text two")])) == 1


def test_leaks_between_preference_sets_go_by_the_prompt() -> None:
    found = found_beside(DUPLICATES, [pair("Say it", "good", "bad")], [pair("say it!", "fine", "poor")], Use.DPO)
    assert count("D104", found) == 1


def test_file_names_are_shown_without_control_characters() -> None:
    row = chat("Where?", "here")
    seen = (DUPLICATES.look(Batch([typed(row, Use.SUPERVISED)], [1], use=Use.SUPERVISED)),)
    facts = FileFacts(path="a\nb.jsonl", use=Use.SUPERVISED, rows=1)
    (one,) = DUPLICATES.compare(seen, facts, seen, facts)
    assert one.says == "the prompt of line 1 in a\\x0ab.jsonl, which is trained on"


def test_fields_with_numbers_of_any_size() -> None:
    asked = {"messages": [{"role": "user", "content": "how many?"}]}
    rows = [{**asked, "answer": number} for number in (10**30, 10**30, -(10**40))]
    found = found_in(DUPLICATES, rows, Use.REINFORCEMENT)
    assert count("D101", found) == 2
    assert found[0].says == "the prompt of line 1 again, the whole row is the same"


@pytest.mark.skipif(not (TRAIN := shared_path("data/banking77/train.csv")).exists(), reason=missing(TRAIN))
def test_banking77_has_what_its_readme_tells() -> None:
    train = banking77(TRAIN)
    found = found_in(DUPLICATES, train)
    assert count("D101", found) == 32
    assert count("D103", found) == 1
    (told,) = of("D103", found)
    assert "'pending_top_up'" in told[1]
    assert "'top_up_reverted'" in told[1]
    leaked = found_beside(DUPLICATES, train, banking77(TRAIN.with_name("test.csv")))
    assert count("D104", leaked) == 29
