"""What counts as one piece of evidence."""

from ftops.domain.scores import ItemScore
from ftops.evaluation.units import Unit, sample_of


def answer(row: str, score: float = 1.0, *, repeat: int = 0, cluster: str | None = None) -> ItemScore:
    return ItemScore(row=row, score=score, output=None, repeat=repeat, cluster=cluster)


def test_each_item_is_a_unit() -> None:
    sample = sample_of([answer("a"), answer("b")])
    assert (sample.unit, sample.n, sample.units, sample.baseline) == (Unit.ITEM, 2, ((0,), (1,)), ())


def test_repeats_of_an_item_are_one_unit_in_whatever_order_they_come() -> None:
    sample = sample_of([answer("a", 0.1), answer("b"), answer("a", 0.2, repeat=1), answer("b", repeat=1)])
    assert (sample.unit, sample.n) == (Unit.REPEATED_ITEM, 2)
    assert [one.score for one in sample.candidate[0]] == [0.1, 0.2]


def test_repeats_of_the_baseline_alone_are_repeats() -> None:
    assert sample_of([answer("a")], [answer("a"), answer("a", repeat=1)]).unit is Unit.REPEATED_ITEM


def test_a_row_that_stands_twice_is_two_items() -> None:
    twice = [answer("a", 0.1), answer("a", 0.2)]
    sample = sample_of(twice, [answer("a", 0.3), answer("b"), answer("a", 0.4)])
    assert (sample.unit, sample.n) == (Unit.ITEM, 2)
    assert [(one.score, other.score) for (one,), (other,) in zip(sample.candidate, sample.baseline, strict=True)] == [
        (0.1, 0.3),
        (0.2, 0.4),
    ]


def test_what_only_one_model_has_is_left_out() -> None:
    sample = sample_of([answer("a"), answer("b")], [answer("b"), answer("c")])
    assert [one.row for (one,) in sample.candidate] == ["b"]
    assert sample_of([answer("a")], []).n == 0


def test_clusters_are_units_and_items_without_one_units_of_their_own() -> None:
    rows = [answer("a", cluster="x"), answer("b"), answer("c", cluster="x"), answer("d")]
    sample = sample_of(rows)
    assert (sample.unit, sample.units) == (Unit.CLUSTER, ((0, 2), (1,), (3,)))
