"""Too few rows, rows that training cuts, and texts that all end at one length."""

import pytest

from checking_kit import chat, found_in, pair
from ftops.datasets.batches import Batch
from ftops.datasets.checking.lengths import LengthPileUps, TruncatedExamples
from ftops.datasets.checking.sizes import Sizes, size_finding
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.datasets.tokens import ROW_LIMIT, billed_tokens

CUT, PILE = TruncatedExamples(), LengthPileUps()


@pytest.mark.parametrize(
    ("rows", "code"), [(0, "D060"), (9, "D060"), (10, "D061"), (49, "D061"), (50, "D062"), (99, "D062"), (100, None)]
)
def test_how_many_rows_there_are(rows, code):
    found = found_in(Sizes(), [chat("q", "a")] * rows)
    assert [one.code for one in found] == ([] if code is None else [code])
    assert found == (() if code is None else (size_finding(rows),))


def test_one_row_is_no_rows():
    assert size_finding(1).says == "expected at least 10 rows to train on, got 1 row"


def test_evaluations_may_be_small():
    facts = FileFacts(path="e.jsonl", use=Use.EVALUATION, rows=3)
    assert list(Sizes().conclude([None], facts)) == []


def long(tokens: int) -> str:
    return "a" + " a" * (tokens - 1)


def test_what_is_cut_is_told():
    shape = 3 + 2 * 4
    fits = chat(long(ROW_LIMIT - shape - 1), "a")
    half = chat(long(ROW_LIMIT - shape - 1), long(11))
    whole = chat(long(ROW_LIMIT), "short")
    found = found_in(CUT, [fits, half, chat("q", "a"), whole])
    assert [(one.code, one.line, one.field) for one in found] == [
        ("D120", 2, "/messages/1"),
        ("D120", 4, "/messages/1"),
    ]
    assert (
        found[0].says
        == "expected at most 65,536 tokens, training cuts off the last 10, part of the answer, which has 15"
    )
    assert (
        found[1].says
        == "expected at most 65,536 tokens, training cuts off the last 12, with the whole answer among them"
    )


def test_a_prompt_without_an_answer_is_cut_too():
    row = {"messages": [{"role": "user", "content": long(ROW_LIMIT)}]}
    (found,) = found_in(CUT, [row], Use.REINFORCEMENT)
    assert found.says.endswith("the last 7, all of them prompt")


def test_only_training_cuts():
    assert CUT.look(Batch([], [], use=Use.SUPERVISED)).total == 0
    assert found_in(CUT, [chat(long(ROW_LIMIT), "a")], Use.EVALUATION) == ()


def test_billed_tokens_are_those_read_in_every_epoch():
    import numpy as np

    assert billed_tokens(np.array([ROW_LIMIT + 5, 10, 20]), epochs=3) == 3 * (ROW_LIMIT + 30)
    assert billed_tokens(np.array([], dtype=np.int64), epochs=3) == 0


def sentence(number: int, length: int, end: str = "") -> str:
    text = f"Question {number} about an order that never came and whom to ask where it may be now and why"
    return (text * 4)[: length - len(end)] + end


def spread(count: int) -> list[dict]:
    return [chat(sentence(number, 20 + number % 50), f"Answer {number}.") for number in range(count)]


def test_texts_that_were_cut_pile_up():
    rows = [*spread(90), *[chat(sentence(number, 80), "Yes.") for number in range(100, 110)]]
    (found,) = found_in(PILE, rows)
    assert (found.code, found.line, found.count) == ("D121", 91, 10)
    assert found.says == "10 of 100 prompts (10 %) have 80 characters, the most that any has, and stop in mid-sentence"


def test_answers_pile_up_as_prompts_do():
    rows = [chat(str(number), sentence(number, 255 if number % 3 else 60 + number)) for number in range(60)]
    (found,) = found_in(PILE, rows)
    assert found.kind == "answers pile up at one length"
    assert found.count == 40


@pytest.mark.parametrize(
    "piled",
    [
        [chat(sentence(number, 80), "a") for number in range(100, 109)],  # nine are too few
        [chat(sentence(number, 80, "."), "a") for number in range(100, 120)],  # they end
        [chat(sentence(1, 80), "a")] * 20,  # they are one text
        [chat(f"{number:080}", "a") for number in range(20)],  # they are identifiers
        [chat(sentence(number, 70 + number % 11), "a") for number in range(200, 310)],  # it's where texts are long
    ],
)
def test_what_is_no_pile(piled):
    assert found_in(PILE, [*spread(90), *piled]) == ()


def test_a_small_share_is_no_pile():
    rows = [*spread(300), *[chat(sentence(number, 80), "a") for number in range(1000, 1014)]]
    assert found_in(PILE, rows) == ()


def test_short_and_absent_texts_are_no_pile():
    assert found_in(PILE, [chat("to be", "or not to be")] * 40) == ()
    assert found_in(PILE, []) == ()
    assert found_in(PILE, [{"any": "thing"}] * 20, Use.FREE) == ()
    assert found_in(PILE, [pair("q", "", "no")] * 20, Use.DPO) == ()
