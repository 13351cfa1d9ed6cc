"""Personal data and secrets in rows, and in what other inspections quote of them."""

from checking_kit import chat, found_beside, found_in, pair
from ftops.datasets.checking.duplicates import DuplicateExamples
from ftops.datasets.checking.labels import LabelSpread
from ftops.datasets.checking.sensitive import SensitiveTexts
from ftops.datasets.checking.tasks import Tasks
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use

SENSITIVE = SensitiveTexts()
MAIL = "ada.lovelace@analytical-engines.org"
CARD = "4111 1111 1111 1111"
KEY = "ghp_" + "Zx81kQvR0mT5yWb2LnC7dHs4JfG9pEuA3oXi"


def told(found: tuple[Found, ...]) -> list[tuple[str, int, str, str]]:
    return [(one.code, one.line, one.field, one.says) for one in found]


def test_rows_without_anything_sensitive_are_well() -> None:
    assert found_in(SENSITIVE, [chat("Where is my card?", "On its way, order 12345.")]) == ()
    assert found_in(SENSITIVE, []) == ()


def test_personal_data_and_secrets_are_told_masked() -> None:
    rows = [
        chat("Where is my card?", "On its way."),
        chat(f"I am {MAIL}", "Hello"),
        chat("My key?", f"It is {KEY}.", system=f"Cards such as {CARD} are taken."),
    ]
    found = found_in(SENSITIVE, rows)
    assert told(found) == [
        ("D140", 2, "/messages/0/content", "e-mail address: ad…rg"),
        ("D140", 3, "/messages/0/content", "payment card number: 41…11"),
        ("D141", 3, "/messages/2/content", "GitHub token: ghp_…"),
    ]
    assert [one.kind for one in found] == ["e-mail address", "payment card number", "GitHub token"]


def test_a_row_counts_once_for_each_kind() -> None:
    rows = [chat(f"{MAIL}, {MAIL}", f"{MAIL}; {CARD}"), chat("hello", MAIL)]
    assert [(one.line, one.field, one.kind) for one in found_in(SENSITIVE, rows)] == [
        (1, "/messages/0/content", "e-mail address"),
        (2, "/messages/1/content", "e-mail address"),
        (1, "/messages/1/content", "payment card number"),
    ]


def test_a_system_prompt_counts_in_every_row_that_has_it() -> None:
    found = found_in(SENSITIVE, [chat(f"question {n}", "answer", system=f"Write to {MAIL}.") for n in range(30)])
    assert [one.line for one in found] == [1, 2, 3, 4, 5, 5]
    assert sum(one.count for one in found) == 30


def test_all_texts_of_a_row_are_searched() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "write", "arguments": f'{{"to": "{MAIL}"}}'}}
    messages = [{"role": "user", "content": "Write to Ada"}, {"role": "assistant", "tool_calls": [call]}]
    (one,) = found_in(SENSITIVE, [{"messages": messages}])
    assert one.field == "/messages/1/tool_calls/0/function/arguments"
    (one,) = found_in(SENSITIVE, [pair("Who?", "nobody", MAIL)], Use.DPO)
    assert one.field == "/non_preferred_output/0/content"
    (one,) = found_in(SENSITIVE, [{"messages": messages[:1], "reference": [MAIL]}], Use.REINFORCEMENT)
    assert one.field == "/reference/0"
    (one,) = found_in(SENSITIVE, [{"count": 1}, {"from": MAIL}], Use.FREE)
    assert (one.line, one.field) == (2, "/from")


def test_no_inspection_quotes_what_is_sensitive() -> None:
    rows = [chat("What is it?", MAIL), chat("what is it", KEY), *[chat(f"q{n}", CARD) for n in range(50)]]
    framed = [chat("q", "a", system=f"{KEY} is the key, {MAIL} the address of your master.")] * 9
    found = [
        *found_in(DuplicateExamples(), rows),
        *found_in(LabelSpread(), rows),
        *found_in(Tasks(), [*framed, *rows]),
        *found_beside(LabelSpread(), [chat(f"q{n}", "ab"[n % 2]) for n in range(50)], rows),
        *found_beside(Tasks(), framed, rows),
        *found_beside(Tasks(), rows, framed),
    ]
    assert {one.code for one in found} == {"D101", "D103", "D110", "D111", "D112", "D113", "D115"}
    said = " ".join(f"{one.says} {one.hint}" for one in found)
    assert "ghp_…" in said
    assert not any(value in said for value in (KEY[:12], MAIL[:6], CARD[:6]))
