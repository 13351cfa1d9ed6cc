"""People's choices: the blinding, majorities and agreement."""

import random

import pytest

from ftops.domain.preferences import Pair
from ftops.evaluation.choices import Blinding, Choice, agreement, majority

BETWEEN = ("ft:1", "lab", "a" * 64, "base", "lab", "a" * 64)
KEY = bytes(range(32))


def pairs(count: int) -> list[Pair]:
    return [Pair(row=f"{n:016x}", repeat=0, candidate="c" * 16, baseline="d" * 16) for n in range(count)]


class TestBlinding:
    def test_the_same_key_lays_out_alike_and_another_one_otherwise(self) -> None:
        first, same, other = Blinding(key=KEY), Blinding(key=KEY), Blinding(key=KEY[::-1])
        ids = [[blinding.pair_id(pair, BETWEEN) for pair in pairs(50)] for blinding in (first, same, other)]
        assert ids[0] == ids[1]
        assert not set(ids[0]) & set(ids[2])
        assert [first.is_turned(name) for name in ids[0]] == [same.is_turned(name) for name in ids[0]]
        assert sorted(ids[0], key=first.place) != sorted(ids[0], key=other.place)

    def test_sides_are_even_and_follow_neither_id_nor_place(self) -> None:
        blinding = Blinding(key=KEY)
        ids = [blinding.pair_id(pair, BETWEEN) for pair in pairs(2_000)]
        turned = [blinding.is_turned(name) for name in ids]
        assert 900 < sum(turned) < 1_100
        for order in (sorted(ids), sorted(ids, key=blinding.place)):
            half = [blinding.is_turned(name) for name in order[:1_000]]
            assert 440 < sum(half) < 560
        assert sorted(ids, key=blinding.place) != ids

    def test_ids_tell_apart_whatever_makes_a_pair_another_one(self) -> None:
        blinding, pair = Blinding(key=KEY), pairs(1)[0]
        swapped = Pair(row=pair.row, repeat=0, candidate=pair.baseline, baseline=pair.candidate)
        again = Pair(row=pair.row, repeat=1, candidate=pair.candidate, baseline=pair.baseline)
        names = {blinding.pair_id(one, BETWEEN) for one in (pair, swapped, again)}
        names.add(blinding.pair_id(pair, BETWEEN[::-1]))
        assert len(names) == 4

    @pytest.mark.parametrize("number", range(20))
    def test_a_choice_is_a_win_for_whoever_stood_there(self, number: int) -> None:
        blinding = Blinding(key=KEY)
        name = blinding.pair_id(pairs(number + 1)[number], BETWEEN)
        ours, theirs = (Choice.B, Choice.A) if blinding.is_turned(name) else (Choice.A, Choice.B)
        assert [blinding.win(name, choice) for choice in (ours, theirs, Choice.TIE)] == [1.0, 0.0, 0.5]


class TestMajority:
    @pytest.mark.parametrize(
        ("wins", "win"),
        [
            ([1.0], 1.0),
            ([0.0, 0.0, 1.0], 0.0),
            ([1.0, 0.0], 0.5),
            ([1.0, 1.0, 0.0, 0.0, 0.5], 0.5),
            ([1.0, 0.5, 0.5], 0.5),
            ([1.0, 1.0, 0.5], 1.0),
        ],
    )
    def test_most_votes_win_and_a_draw_is_a_tie(self, wins: list[float], win: float) -> None:
        assert majority(wins) == win


class TestAgreement:
    def test_one_choice_each_agrees_with_nobody(self) -> None:
        assert agreement([[1.0], [0.0]]) is None
        assert agreement([]) is None

    def test_krippendorffs_example(self) -> None:
        """The nominal example of "Computing Krippendorff's Alpha-Reliability" (2011), part C: alpha 0.743."""
        four_observers = [
            "1 2 3 3 2 1 4 1 2 . . .",
            "1 2 3 3 2 2 4 1 2 5 . 3",
            ". 3 3 3 2 3 4 2 2 5 1 .",
            "1 2 3 3 2 4 4 1 2 5 1 .",
        ]
        columns = zip(*(line.split() for line in four_observers), strict=True)
        units = [[float(value) for value in column if value != "."] for column in columns]
        found = agreement(units)
        assert found is not None
        assert found.alpha == pytest.approx(0.743, abs=5e-4)
        assert found.items == 11

    def test_all_alike_tell_nothing_of_chance(self) -> None:
        found = agreement([[1.0, 1.0], [1.0, 1.0, 1.0]])
        assert found is not None
        assert (found.share, found.alpha, found.items) == (1.0, None, 2)

    def test_chance_comes_to_nothing(self) -> None:
        draw = random.Random(7)
        found = agreement([[draw.choice([0.0, 1.0]) for _ in range(2)] for _ in range(5_000)])
        assert found is not None
        assert found.alpha == pytest.approx(0, abs=0.05)
        assert found.share == pytest.approx(0.5, abs=0.03)
