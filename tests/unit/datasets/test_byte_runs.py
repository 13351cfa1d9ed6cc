"""Where bytes of a class stand, compared with what a regular expression finds."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets.byte_runs import Literals, between, codes_of, equal, in_turn, places, runs

DATA = st.binary(max_size=60) | st.text("ab01-é", max_size=60).map(str.encode)


@given(DATA)
def test_classes_are_those_of_expressions(data: bytes) -> None:
    codes = codes_of(data)
    assert list(places(between(codes, "0", "9"))) == [one.start() for one in re.finditer(rb"[0-9]", data)]
    assert list(places(equal(codes, "-"))) == [one.start() for one in re.finditer(rb"-", data)]


@given(DATA)
def test_flags_in_turn_are_a_sequence(data: bytes) -> None:
    codes = codes_of(data)
    flags = (equal(codes, "a"), between(codes, "0", "9"), equal(codes, "-"))
    assert list(places(in_turn(*flags))) == [one.start() for one in re.finditer(rb"a(?=[0-9]-)", data)]


@given(DATA, st.integers(1, 9))
def test_runs_begin_with_a_flag_and_end_where_members_do(data: bytes, least: int) -> None:
    members = between(codes_of(data), "0", "9") | between(codes_of(data), "a", "z")
    assert list(runs(members, least, first=members)) == [
        one.span() for one in re.finditer(rb"[0-9a-z]{%d,}" % least, data)
    ]
    digits = between(codes_of(data), "0", "9")
    assert list(runs(members, least, first=digits)) == [
        one.span() for one in re.finditer(rb"[0-9][0-9a-z]{%d,}" % (least - 1), data)
    ]


@given(
    DATA | st.text("abc", max_size=40).map(str.encode),
    st.sampled_from([b"a", b"ab", b"aa", b"aab", b"01-", "-é".encode()]),
)
def test_literals_are_found_wherever_they_are(data: bytes, literal: bytes) -> None:
    found = [one.start() for one in re.finditer(b"(?=" + re.escape(literal) + b")", data)]
    literals = Literals(data)
    assert [list(literals.places(literal)) for _ in range(2)] == [found, found]
