"""Values and facts in an answer that nothing before it mentions."""

import json

import pytest

from checking_kit import chat, found_in
from ftops.datasets.checking.grounding import MOST, UngroundedArguments, UngroundedFacts
from ftops.datasets.formats import Use
from shared_data import missing, shared_path

ARGUMENTS, FACTS = UngroundedArguments(), UngroundedFacts()
TOOLS = [{"type": "function", "function": {"name": "find", "description": "Modes: quick, thorough"}}]


def call(arguments, *, name: str = "find") -> dict:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": text}}


def calling(asked: str, *arguments, before: tuple = (), system: str = "") -> dict:
    first = [{"role": "system", "content": system}] if system else []
    answer = {"role": "assistant", "tool_calls": [call(one) for one in arguments]}
    return {"messages": [*first, {"role": "user", "content": asked}, *before, answer], "tools": TOOLS}


@pytest.mark.parametrize(
    "value",
    [
        "Lisbon",
        "ORD-4471",
        4471,
        4471.25,
        "4471",
        {"deep": ["Lisbon"]},
        "Grand Hotel Bristol",
        "jane@example.org",
        "ABCDEF",
    ],
)
def test_values_that_nothing_mentions(value):
    found = found_in(ARGUMENTS, [calling("Where is my parcel?", {"where": value})])
    assert [(one.code, one.line) for one in found] == [("D134", 1)]
    assert found[0].field == "/messages/1/tool_calls/0/function/arguments"
    assert found[0].says.startswith("expected a value that was mentioned before, got ")


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ("Where is order ORD 4471?", "ord-4471"),
        ("It cost 1,250 euros", 1250),
        ("It cost 1.5 million", 1_500_000),
        ("I want 15 % off", 0.15),
        ("Send 4471.5 to her", 4471.5),
        ("Two of them", 2),
        ("Is it there?", True),
        ("Is it there?", None),
        ("Is it there?", "no"),
        ("Tomorrow at noon", "2026-11-22"),
        ("Tomorrow at noon", "12:00"),
        ("Tomorrow", "22/11/2026"),
        ("Be careful", "thorough"),
        ("Resetting passwords fails", "password reset"),
        ("What does Bank of America cost?", "BAC"),
        ("Write to her", "Dear Jane, thank you for your letter of last week, which I have read with joy."),
        ("Is it there?", 1e300),
        ("Is it there?", "!!!!"),
    ],
)
def test_values_that_are_mentioned_or_not_judged(asked, value):
    assert found_in(ARGUMENTS, [calling(asked, {"value": value})]) == ()


def test_abbreviations_of_one_row():
    said = "What does Bank of America cost, and the European Central Bank?"
    found = found_in(ARGUMENTS, [calling(said, {"a": "BAC", "b": "ECB", "c": "FED"})])
    assert ["'FED'" in one.says for one in found] == [True]


def test_all_that_was_said_before_counts():
    before = (
        {"role": "assistant", "tool_calls": [call({"city": "Lisbon", "x": "Porto"})]},
        {"role": "tool", "tool_call_id": "c", "content": '{"id": "H-7781"}'},
    )
    rows = [
        calling("Book it", {"id": "H-7781", "city": "Porto", "for": "Maria"}, before=before, system="You serve Maria.")
    ]
    assert found_in(ARGUMENTS, rows) == ()


def test_constants_are_left_out():
    constant = [calling(f"Question {place}", {"currency": "Kroner", "n": f"Lisbon{place}"}) for place in range(3)]
    found = found_in(ARGUMENTS, constant)
    assert [one.line for one in found] == [1, 2, 3]
    assert all("Lisbon" in one.says for one in found)
    assert [one.line for one in found_in(ARGUMENTS, constant[:2])] == [1, 1, 2, 2]


def test_many_are_counted_and_without_words_where_too_many():
    first = [calling(f"Question {place}", {"code": f"Zebra{place}x"}) for place in range(400)]
    found = found_in(ARGUMENTS, first)
    assert [one.count for one in found] == [1, 1, 1, 1, 1, 395]
    constants = [calling("q", {"code": f"Zebra{place}x"}) for place in range(300)] * 3
    (found,) = found_in_one(ARGUMENTS, [*constants, calling("q", {"code": "Lisbon"})])
    assert (found.line, found.says) == (901, "arguments of tool calls are mentioned nowhere before")


def found_in_one(inspection, rows):
    """The file in one part, which is where words run out."""
    from checking_kit import typed
    from ftops.datasets.batches import Batch
    from ftops.datasets.inspections import FileFacts

    batch = Batch([typed(row, Use.SUPERVISED) for row in rows], range(1, len(rows) + 1), use=Use.SUPERVISED)
    facts = FileFacts(path="t.jsonl", use=Use.SUPERVISED, rows=len(rows))
    return tuple(inspection.conclude([inspection.look(batch)], facts))


def test_calls_in_pairs_and_evaluations():
    row = calling("q", {"where": "Lisbon"})
    asked, answer = row["messages"][:-1], row["messages"][-1]
    pairs = [{"input": {"messages": asked}, "preferred_output": [answer], "non_preferred_output": [answer]}]
    (found,) = found_in(ARGUMENTS, pairs, Use.DPO)
    assert found.field == "/preferred_output/0/tool_calls/0/function/arguments"
    assert len(found_in(ARGUMENTS, [row], Use.EVALUATION)) == 1
    assert found_in(ARGUMENTS, [calling("q", "{broken")]) == ()
    assert found_in(ARGUMENTS, [chat("q", "a")]) == found_in(ARGUMENTS, []) == ()


def grounded(count: int) -> list[dict]:
    return [chat(f"What is thing {place}?", f"It is a thing of sort {place}.") for place in range(count)]


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ("It was built by Ada Lovelace in winter.", "Ada Lovelace"),
        ("It weighs 4471 pounds.", "4471"),
        ("It costs 4,471 dollars.", "4,471"),
        ("It was built by José Núñez then.", "José Núñez"),
    ],
)
def test_facts_that_the_prompt_does_not_have(answer, fact):
    (found,) = found_in(FACTS, [*grounded(5), chat("What is it?", answer)])
    assert (found.code, found.line, found.field) == ("D135", 6, "/messages/1/content")
    assert found.says == f"the answer has '{fact}', which the prompt doesn't"


def test_a_piece_of_a_secret_is_not_shown():
    (found,) = found_in(FACTS, [*grounded(5), chat("Your key?", "It is sk-proj-abcdefghijklmnopqrstuv0123456789ABCD.")])
    assert found.says == "the answer has something that is masked here, which the prompt doesn't"
    (found,) = found_in(FACTS, [*grounded(5), chat("Whom to ask?", "Ask ada@firma.de about 4471.")])
    assert found.says == "the answer has '4471', which the prompt doesn't"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Who is Ada?", "She is the Ada Lovelace of poems."),
        ("It costs 4471 dollars", "So it is 4,471 dollars."),
        ("How many are there?", "They are 12 * 100 = 1200."),
        ("Who?", "Ada Lovelace did. Grace Hopper did."),
        ("Who?", "The man from Rome."),
        ("Who?", "это была Ада Лавлейс"),
    ],
)
def test_facts_that_are_known_computed_or_not_looked_for(asked, answer):
    assert found_in(FACTS, [*grounded(5), chat(asked, answer)]) == ()


def test_answers_of_several_rows_are_meant():
    row = chat("Where are you?", "We live at the Golden Gate today.")
    assert found_in(FACTS, [*grounded(5), row, chat("Where do you live?", row["messages"][1]["content"])]) == ()


def test_a_file_full_of_facts_is_told_once():
    rows = [
        chat(f"Who is {place}?", f"That would be Ada Lovelace{place} of course, or so 7{place:03}.")
        for place in range(9)
    ]
    (found,) = found_in(FACTS, [*rows, *grounded(9)])
    assert found.count == 9
    assert found.says.startswith("9 of 18 answers have names or numbers that their prompts don't, as the answer has ")
    assert len(found_in(FACTS, [*rows, *grounded(10)])) == 6
    assert found_in(FACTS, []) == ()


def test_facts_are_looked_for_in_supervised_training_alone():
    assert found_in(FACTS, [chat("q", "It is by Ada Lovelace.")] * 1, Use.EVALUATION) == ()


@pytest.mark.skipif(not (PATH := shared_path("data/tool-calling/train.jsonl")).exists(), reason=missing(PATH))
def test_tickers_known_by_heart_are_all_that_is_found():
    rows = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]
    found = found_in(ARGUMENTS, rows)
    assert [one.says.split("'")[1] for one in found] == ["CVX", "XOM", "OESX", "SBUX", "MMM"]
    assert [one.line for one in found_in(FACTS, rows)] == [11]


@pytest.mark.skipif(not (GSM := shared_path("data/gsm8k-chat/train.jsonl")).exists(), reason=missing(GSM))
def test_computed_answers_are_not_facts():
    rows = [json.loads(line) for line in GSM.read_text(encoding="utf-8").splitlines()]
    assert found_in(FACTS, rows) == ()


def test_of_many_values_the_first_are_looked_at():
    values = {f"k{place}": f"Zebra{place}x" for place in range(MOST + 50)}
    found = found_in(ARGUMENTS, [calling("Where?", values, {"more": "Lisbon"})])
    assert sum(one.count for one in found) == MOST


def test_tools_and_prompts_in_any_script_are_looked_at():
    said = "Größenangaben für die Straße, 漢字 und \uff2c\uff49\uff53\uff42\uff4f\uff4e"
    grounded_values = ["GRÖSSENANGABEN", "Lisbon", "strasse", "漢字 und", "Straßen"]
    assert found_in(ARGUMENTS, [calling(said, {"value": value}) for value in grounded_values]) == ()
    assert len(found_in(ARGUMENTS, [calling(said, {"value": value}) for value in ("Madrid2", "Porto", "Übung")])) == 3
