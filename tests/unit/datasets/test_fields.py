"""Which fields all rows have, and the first line without one."""

from ftops.datasets.fields import FieldScan


def lacking(*rows):
    scan = FieldScan()
    for line, row in enumerate(rows, start=1):
        scan.take(row, line)
    return scan.lacking()


def test_no_rows():
    assert lacking() == {}


def test_the_first_line_without_a_field():
    assert lacking({"a": 1, "b": 0}, {"a": 2, "c": 3}, {"a": 3, "c": None}) == {"a": 0, "b": 2, "c": 1}


def test_a_null_is_as_good_as_nothing():
    assert lacking({"a": None}, {"a": 1}) == {"a": 1}


def test_memory_is_bounded():
    assert lacking(*({f"a{i}": 1} for i in range(1_000))) is not None
    assert lacking(*({f"a{i}": 1} for i in range(1_001))) is None
