"""Near duplicates against the definition, worked out set by set; and the inputs that make such a search slow."""

import pickle
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets import near_duplicates, text_grams
from ftops.datasets.near_duplicates import similar_between, similar_groups, similar_pairs
from ftops.datasets.normal_text import normal_bytes, normal_text
from ftops.datasets.text_similarities import similarities
from ftops.datasets.text_sketches import Sketches, sketch

LATIN, KANA = "etaoinshrdlucmfwypvbgk", "あいうえおかきくけこさしすせそたちつてと漢字"


def grams(text):
    form = normal_text(text)
    return {form[at : at + 4] for at in range(len(form) - 3)} or ({form} if form else set())


def index_of(first, second):
    one, other = grams(first), grams(second)
    return len(one & other) / len(one | other)


def words(seed, count, letters=LATIN):
    drawn = random.Random(seed)
    return ["".join(drawn.choices(letters, k=drawn.randint(3, 9))) for _ in range(count)]


def text(drawn, vocabulary, length):
    return " ".join(drawn.choices(vocabulary, k=length))


def changed(drawn, given, vocabulary, least, most):
    """A text whose index with ``given`` lies between ``least`` and ``most``."""
    while True:
        parts = given.split()
        for _ in range(max(1, len(parts) // drawn.randint(2, 40))):
            at = drawn.randrange(len(parts))
            parts[at] = drawn.choice([drawn.choice(vocabulary), parts[at] + drawn.choice(vocabulary)[0]])
        if least <= index_of(given, made := " ".join(parts)) < most:
            return made


def planted(seed, *, pairs, length, least, most, letters=LATIN):
    """Texts, and which of them were made from which: the last ``pairs`` ones."""
    drawn, vocabulary = random.Random(seed), words(seed, 2000, letters)
    texts = [text(drawn, vocabulary, length) for _ in range(pairs)]
    return texts + [changed(drawn, each, vocabulary, least, most) for each in texts]


def sketched(texts):
    return sketch([normal_bytes(each) for each in texts])


def one_similarity(first, second):
    sketches = sketched([first, second])
    return similarities(sketches, np.array([0]), sketches, np.array([1]))[0]


@pytest.mark.parametrize(("length", "letters"), [(6, LATIN), (12, LATIN), (12, KANA), (300, LATIN)])
def test_at_least_95_of_100_at_the_threshold_are_found(length, letters):
    pairs = 80 if length == 300 else 400
    texts = planted(1, pairs=pairs, length=length, least=0.8, most=0.9, letters=letters)
    found = {(pair.first, pair.second) for pair in similar_pairs(sketched(texts))}
    wanted = {(each, pairs + each) for each in range(pairs)}
    assert len(found & wanted) >= 0.95 * pairs
    assert found <= wanted


@pytest.mark.parametrize(("length", "most"), [(12, 0.78), (300, 0.7)])
def test_pairs_below_the_threshold_are_not_reported(length, most):
    texts = planted(2, pairs=40 if length == 300 else 150, length=length, least=0.55, most=most)
    assert len(list(similar_pairs(sketched(texts)))) <= 1


@given(st.text("abcd ", max_size=60), st.text("abcd ", max_size=60) | st.text("abß漢", max_size=30))
def test_short_texts_have_their_index(first, second):
    expected = index_of(first, second) if grams(first) | grams(second) else 0
    # Of 114 grams of two texts two may share 16 bits of their hashes.
    assert one_similarity(first, second) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("length", [40, 80, 160, 640])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_any_length_has_nearly_its_index(length, share):
    drawn, vocabulary = random.Random(length), words(3, 3000)
    parts = text(drawn, vocabulary, length).split()
    first, second = " ".join(parts), " ".join(parts[: int(length * share)])
    assert one_similarity(first, second) == pytest.approx(index_of(first, second), abs=0.08)


def test_lengths_far_apart_and_texts_that_repeat():
    drawn, vocabulary = random.Random(5), words(5, 3000)
    long = text(drawn, vocabulary, 4000)
    assert one_similarity(long, long[:500]) < 0.1
    assert one_similarity("ab" * 5000, "ab" * 600) > 0.9
    assert one_similarity("lorem ipsum " * 1000, "lorem ipsum " * 20) > 0.9


# From this many grams on about every other one is left out of a sketch, and at 3,800 one more is.
THINNED = 807


@pytest.mark.parametrize("letters", [LATIN, KANA])
@pytest.mark.parametrize(("least", "most"), [(240, 280), (700, 780), (THINNED - 40, THINNED + 40), (3600, 4000)])
def test_sketches_of_two_kinds_compare(least, most, letters):
    errors = []
    for seed in range(20):
        whole = "".join(words(seed, 3500, letters))[: most + 3]
        texts = whole, whole[: least + 3]
        errors.append(one_similarity(*texts) - index_of(*texts))
        assert one_similarity(*reversed(texts)) == one_similarity(*texts)
    assert len(set(sketched(texts).levels.tolist())) == (1 if most == 780 else 2)
    assert abs(np.mean(errors)) < 0.015
    assert np.max(np.abs(errors)) < 0.08


def test_a_text_whose_grams_all_differ_is_thinned_out():
    drawn = random.Random(12)
    whole = "".join(drawn.choices(KANA * 20 + LATIN, k=100_000))
    sketches = sketched([whole, whole[10_000:], "".join(drawn.choices(LATIN, k=100_000))])
    alike = similarities(sketches, np.array([0, 0]), sketches, np.array([1, 2]))
    assert alike[0] == pytest.approx(index_of(whole, whole[10_000:]), abs=0.08)
    assert alike[1] < 0.1
    assert [(pair.first, pair.second) for pair in similar_pairs(sketches)] == [(0, 1)]


def test_only_the_beginning_of_an_endless_text_counts(monkeypatch):
    monkeypatch.setattr(text_grams, "LONGEST", 1000)
    beginning = "".join(words(6, 400))
    for letter in ("x", "é"):
        start = letter + beginning
        texts = [start + "".join(words(seed, 2000)) for seed in (7, 8)]
        assert one_similarity(*texts) == pytest.approx(1)
        assert one_similarity(start[:1000], texts[0]) == pytest.approx(1)


def test_groups_are_linked_and_in_order():
    base = "please tell me how I can activate the new card that came in the post today"
    texts = ["another thing altogether", base, "", base.replace("today", "now"), base.upper() + "!", "x", "?", "X."]
    assert similar_groups(sketched(texts)) == ((1, 3, 4), (5, 7))
    assert similar_groups(sketched(texts[:1])) == similar_groups(sketched([])) == ()


def test_spelling_that_normalisation_takes_away():
    texts = ["Die Straße ist gesperrt ½", "die STRASSE ist gesperrt 12", "漢字カード を 止める", "漢字ｶｰﾄﾞを止める。"]
    pairs = sorted(similar_pairs(sketched(texts)), key=lambda pair: pair.first)
    assert [(pair.first, pair.second, pair.similarity) for pair in pairs] == [(0, 1, 1.0), (2, 3, 1.0)]


def test_sketches_of_batches_are_those_of_all():
    texts = [*words(9, 40, KANA), *planted(9, pairs=40, length=12, least=0.8, most=0.9), "", "?", "漢字カードを止める"]
    whole = sketched(texts)
    parts = [pickle.loads(pickle.dumps(sketched(texts[at : at + 7]))) for at in range(0, len(texts), 7)]
    joined = Sketches.joined(parts)
    every = np.arange(len(texts))
    for field in ("signatures", "details", "ends", "levels", "identities"):
        assert np.array_equal(getattr(whole.taken(every), field), getattr(joined.taken(every), field))
    assert len(joined) == len(texts)
    assert len(Sketches.joined([])) == len(sketched([])) == 0


def test_leakage_names_one_source_for_each_text():
    texts = planted(10, pairs=100, length=12, least=0.8, most=0.9)
    first, second = texts[:100], [*texts[100:], texts[5], "something else that occurs nowhere", ""]
    found = {pair.second: pair for pair in similar_between(sketched(first), sketched(second))}
    assert sum(found.get(each) is not None and found[each].first == each for each in range(100)) >= 95
    assert (found[100].first, found[100].similarity) == (5, 1.0)
    assert not {101, 102} & set(found)
    for pair in found.values():
        assert pair.similarity == pytest.approx(index_of(first[pair.first], second[pair.second]), abs=0.06)
    assert not list(similar_between(sketched([]), sketched(second)))
    assert not list(similar_between(sketched(first), sketched([])))


MANY = 4000


@pytest.mark.parametrize(
    "texts",
    [
        ["how do I activate my card"] * MANY,
        [f"please track the parcel with the number {number:06d} for me right away" for number in range(MANY)],
        [f"{'lorem ipsum ' * 3}{word}" for word in words(11, MANY)],
        ["a"] * MANY,
        [chr(0x4E00 + number) for number in range(MANY)],
        [""] * MANY,
    ],
    ids=["equal", "similar", "below", "letter", "letters", "empty"],
)
def test_no_input_is_compared_all_with_all(texts, monkeypatch):
    compared = []
    near = near_duplicates._near
    monkeypatch.setattr(near_duplicates, "_near", lambda *given: compared.append(len(given[1])) or near(*given))
    sketches = sketched(texts)
    assert len(list(similar_pairs(sketches))) <= 6 * MANY
    list(similar_between(sketches, sketches))
    assert sum(compared) <= 2 * 36 * 5 * MANY


def test_many_similar_texts_are_one_group():
    texts = [f"please track the parcel with the number {number:06d} for me right away" for number in range(MANY)]
    (group,) = similar_groups(sketched(texts))
    assert len(group) >= 0.99 * MANY
