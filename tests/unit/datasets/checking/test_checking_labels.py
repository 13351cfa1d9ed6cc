"""Labels: one that drowns the others, rare ones, misspelt ones, and those that training never has."""

import pytest

from checking_kit import banking77, chat, found_beside, found_in, pair
from ftops.datasets.checking.labels import LabelSpread
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from shared_data import missing, shared_path

LABELS = LabelSpread()


def answered(**counts: int) -> list[dict]:
    """Rows whose answers are labels, so many of each."""
    return [
        chat(f"{label} {number}", label.replace("__", " ")) for label, many in counts.items() for number in range(many)
    ]


def told(found: tuple[Found, ...]) -> list[tuple[str, int, str]]:
    return [(one.code, one.line, one.says) for one in found]


def test_balanced_labels_are_well() -> None:
    assert found_in(LABELS, answered(yes=20, no=20, maybe=15)) == ()
    assert found_in(LABELS, []) == ()


def test_a_label_with_more_than_nine_times_the_rows_of_the_others_is_told() -> None:
    assert found_in(LABELS, answered(no=10, yes=90)) == ()
    assert told(found_in(LABELS, answered(no=10, yes=91))) == [
        ("D110", 11, "'yes' is the answer of 91 of 101 rows, 9 times as many as the other label")
    ]
    assert told(found_in(LABELS, answered(a=100, b=10, c=9))) == [
        ("D110", 1, "'a' is the answer of 100 of 119 rows, 11 times as many as the 2 other labels on average")
    ]


def test_a_rare_label_is_told() -> None:
    found = found_in(LABELS, answered(yes=20, no=20, perhaps=4, never=1))
    assert told(found) == [
        ("D111", 45, "'never' is the answer of 1 row"),
        ("D111", 41, "'perhaps' is the answer of 4 rows"),
    ]


def test_many_rare_labels_are_counted() -> None:
    found = found_in(LABELS, answered(yes=40, no=40, **{f"{letter}-only": 2 for letter in "abcdefghi"}))
    assert [one.count for one in found] == [1, 1, 1, 1, 1, 4]


@pytest.mark.parametrize("label", ["Card arrival", "card_arrival.", "CARD-ARRIVAL", "card_arival", "card_arrivla"])
def test_a_label_that_may_be_misspelt_is_told(label: str) -> None:
    rows = [*answered(card_arrival=40, lost_card=40), chat("?", label)]
    (one,) = found_in(LABELS, rows)
    assert (one.code, one.line, one.kind) == ("D111", 81, "a label that may be misspelt")
    assert one.says == f"'{label}' is the answer of 1 row, 'card_arrival' of 40 rows: are they the same label?"
    assert one.hint == "write 'card_arrival', if it is meant"


@pytest.mark.parametrize("label", ["lost_cards2", "level 2", "lost"])
def test_labels_that_differ_on_purpose_are_rare_and_no_more(label: str) -> None:
    rows = [*answered(level__1=40, lost_card=40), chat("?", label)]
    assert [one.kind for one in found_in(LABELS, rows)] == ["a rare label"]


def test_short_labels_and_frequent_ones_are_no_misspellings() -> None:
    assert found_in(LABELS, answered(a=20, b=20)) == ()
    assert found_in(LABELS, answered(refund=20, refunds=20)) == ()
    rows = [*answered(plus=20), *[chat(f"{n}", sign) for n in range(20) for sign in ("!", ".")]]
    assert found_in(LABELS, rows) == ()


def test_answers_that_are_no_labels_are_left_alone() -> None:
    free = [chat(f"{number}", f"answer {number // 3}") for number in range(60)]
    assert found_in(LABELS, free) == ()
    long = [chat(f"{number}", "a long answer " * 10) for number in range(60)]
    assert found_in(LABELS, [*long, chat("x", "short")]) == ()
    different = [chat(f"{number}", f"answer {number}") for number in range(1_500)]
    assert found_in(LABELS, [*answered(no=1, yes=3_000), *different]) == ()
    assert found_in(LABELS, answered(yes=60)) == ()


def test_only_supervised_answers_are_taught_as_labels() -> None:
    assert found_in(LABELS, [pair(f"{n}", "yes" if n else "no", "-") for n in range(50)], Use.DPO) == ()
    assert found_in(LABELS, answered(yes=60, no=1), Use.EVALUATION) == ()


def test_a_label_that_training_does_not_have_is_told() -> None:
    train = answered(card_arrival=20, lost_card=20)
    other = [*answered(card_arrival=2, fraud=3), chat("?", "Lost Card"), chat("?", "lost_cart")]
    found = found_beside(LABELS, train, other, other_use=Use.EVALUATION)
    assert told(found) == [
        ("D115", 3, "'fraud' is the answer of 3 rows, and of none in training"),
        ("D115", 6, "'Lost Card' is the answer of 1 row, and of none in training"),
        ("D115", 7, "'lost_cart' is the answer of 1 row, and of none in training"),
    ]
    assert [one.count for one in found] == [3, 1, 1]
    assert [one.hint for one in found] == [
        "add rows with this answer to the training file",
        "is it 'lost_card'?",
        "is it 'lost_card'?",
    ]
    assert found_beside(LABELS, train, [*other[:2]]) == ()
    assert (
        found_beside(LABELS, train, [{"messages": [{"role": "user", "content": "?"}]}], other_use=Use.EVALUATION) == ()
    )


def test_labels_are_compared_with_training_that_has_labels() -> None:
    free = [chat(f"{number}", f"answer {number}") for number in range(60)]
    assert found_beside(LABELS, free, answered(yes=3, no=4)) == ()
    pairs = [pair(f"{n}", "yes" if n % 2 else "no", "-") for n in range(50)]
    assert found_beside(LABELS, pairs, answered(other=3), Use.DPO, other_use=Use.EVALUATION) == ()


@pytest.mark.skipif(not (TRAIN := shared_path("data/banking77/train.csv")).exists(), reason=missing(TRAIN))
def test_banking77_is_balanced() -> None:
    train = banking77(TRAIN)
    assert found_in(LABELS, train) == ()
    assert found_beside(LABELS, train, banking77(TRAIN.with_name("test.csv"))) == ()
    without = [row for row in train if row["messages"][-1]["content"] != "card_arrival"]
    (one,) = found_beside(LABELS, without, banking77(TRAIN.with_name("test.csv")))
    assert (one.code, one.count) == ("D115", 40)
