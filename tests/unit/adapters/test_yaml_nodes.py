"""YAML as ftops reads it: hostile, broken and surprising text gives problems with a place, and never a traceback."""

# ruff: noqa: E501  (a case is one line)

import math
from itertools import pairwise

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ftops.adapters import yaml_nodes
from ftops.adapters.yaml_documents import MAX_BYTES
from ftops.adapters.yaml_nodes import read_yaml
from ftops.adapters.yaml_scalars import ScalarError, plain_scalar


def problems(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [str(problem) for problem in read_yaml(data, "f.yaml").problems]


def value(text: str):
    read = read_yaml(text.encode(), "f.yaml")
    assert read.problems == []
    return read.documents[0].value


STRINGS = ["yes", "no", "on", "off", "y", "012", "-012", "1_0", "0b1", "1:30", "0o8", "0xG", "+", "-", ".", "1e", "e1", "01.5",
           "2026-11-21", "<<", "=", "NULl", "0X1F", "1.2.3", "9" * 401 + "x", "tRUE", "-0x1F"]  # fmt: skip


@pytest.mark.parametrize("text", STRINGS)
def test_strings_stay_strings(text):
    assert plain_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("-0", 0), ("+12", 12), ("0o12", 10), ("0x1F", 31), ("1e-1", 0.1), ("1.", 1.0), (".5", 0.5), ("-1.5E+3", -1500.0),
     ("", None), ("~", None), ("null", None), ("Null", None), ("true", True), ("FALSE", False), ("0.9", 0.9)],
)  # fmt: skip
def test_core_scalars(text, expected):
    found = plain_scalar(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "text", [".inf", "-.Inf", ".NaN", "1e999", "9" * 401, "9007199254740992", "0xFFFFFFFFFFFFFFFF"]
)
def test_numbers_that_json_cannot_carry_are_refused(text):
    with pytest.raises(ScalarError, match="expected a"):
        plain_scalar(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=50)
def test_every_finite_number_survives(number):
    assert math.isclose(float(plain_scalar(repr(number).replace("e-", "e-"))), number, rel_tol=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["f.yaml:1:1: expected a YAML document, the file has none"]),
        ("# nothing\n", ["f.yaml:1:1: expected a YAML document, the file has none"]),
        ("a: 1\nb:\n  c: 2\n  c: 3\n", ["f.yaml:4:3 /b/c: duplicate key (the first one is in line 3)"]),
        ("a/b~: {x: 1, x: 2}\n", ["f.yaml:1:14 /a~1b~0/x: duplicate key (the first one is in line 1)"]),
        ("1: x\n", ['f.yaml:1:1: expected text as key, got the integer 1 (write "1")']),
        ("true: x\n", ['f.yaml:1:1: expected text as key, got the boolean true (write "true")']),
        ("? [a]\n: x\n", ["f.yaml:1:3: expected text as key"]),
        ("~: x\n", ['f.yaml:1:1: expected text as key, got null (write "~")']),
        ("!!str a: x\n", ["f.yaml:1:1: expected no tag, got '!!str'"]),
        ("a: !!python/object:os.system x\n", ["f.yaml:1:4 /a: expected no tag, got '!!python/object:os.system' (put text in quotes)"]),
        ("a: !local x\n", ["f.yaml:1:4 /a: expected no tag, got '!local' (put text in quotes)"]),
        ("a: !!set {x}\n", ["f.yaml:1:4 /a: expected no tag, got '!!set' (put text in quotes)"]),
        ("a: &x [*x]\n", ["f.yaml:1:4 /a/0: expected no alias to a value that contains it"]),
        ("a: *x\n", ["f.yaml:1:4: expected YAML: found undefined alias"]),
        ("a: .inf\n", ["f.yaml:1:4 /a: expected a finite number, or text in quotes, got .inf"]),
        ("a:\n\tb: 1\n", ["f.yaml:2:1: expected YAML: found character that cannot start any token (YAML is indented with spaces, not tabs)"]),
        ("a: b: c\n", ["f.yaml:1:5: expected YAML: mapping values are not allowed in this context"]),
        ("a: x\x07\n", [r"f.yaml:1:5: expected printable text, got the character \x07"]),
        ("a: x\u0085y\n", [r"f.yaml:1:5: expected printable text, got the character \x85, which versions of YAML disagree about"]),
        ("a: 1\r\nb: \u2028\n", [r"f.yaml:2:4: expected printable text, got the character \u2028, which versions of YAML disagree about"]),
        (b"a: 1\nb: \xff\n", [r"f.yaml:2:4: expected UTF-8, got the byte \xff"]),
        ("a: 1\n".encode("utf-16"), [r"f.yaml:1:1: expected UTF-8, got the byte \xff"]),
        (b"#" * (MAX_BYTES + 1), ["f.yaml:1:1: expected at most 1,000,000 bytes, got 1,000,001"]),
        ("[" * 5000, ["f.yaml:1:51: expected at most 50 levels of nesting"]),
        ("- " * 5000, ["f.yaml:1:101: expected at most 50 levels of nesting"]),
        ("[" * 60 + "]" * 60, ["f.yaml:1:51 " + "/0" * 50 + ": expected at most 50 levels of nesting"]),
    ],
)  # fmt: skip
def test_broken_text(text, expected):
    assert problems(text) == expected


def test_an_alias_bomb_is_bounded():
    names = "abcdefghi"
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise(names))
    (problem,) = problems(bomb)
    assert problem.endswith("expected at most 50,000 values, aliases counted each time they are used")


def test_plain_aliases_are_fine():
    assert value("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_merge_key_is_an_ordinary_key():
    assert value("a: &x {b: 1}\nc: {<<: *x}\n") == {"a": {"b": 1}, "c": {"<<": {"b": 1}}}


def test_a_byte_order_mark_and_line_ends_of_windows_are_accepted():
    assert value("\ufeffa: 1\r\nb: |\r\n  x\r\n") == {"a": 1, "b": "x\n"}


def test_quoted_scalars_are_text():
    assert value("""{a: "1", b: 'true', c: "", d: "\\x41"}""") == {"a": "1", "b": "true", "c": "", "d": "A"}


def test_places_are_those_of_keys_and_values():
    (first, second) = read_yaml(b"a: 1\nb: [x,\n    {c: y}]\n---\nz: 1\n", "f").documents
    assert (first.at("/b/1/c").line, first.at("/b/1/c").column) == (3, 9)
    assert first.at("/b/1/missing/deeper") == first.values["/b/1"]
    assert first.keys["/b"].line == 2
    assert second.place.line == 5


def test_documents_before_an_error_are_read():
    read = read_yaml(b"a: 1\n---\nb: [\n", "f.yaml")
    assert [document.value for document in read.documents] == [{"a": 1}]
    assert len(read.problems) == 1


def test_a_broken_value_is_named():
    (document,) = read_yaml(b"a: {b: .nan, c: 1}\n", "f.yaml").documents
    assert document.value == {"a": {"b": None, "c": 1}}
    assert document.broken == {"/a/b"}


def test_huge_numbers_as_keys_are_text():
    assert value(f"{'9' * 500}: 1\n") == {"9" * 500: 1}


class TestPurePython:
    """Where PyYAML has no C, the pure loader must agree."""

    @pytest.fixture(autouse=True)
    def pure_loader(self, monkeypatch):
        class Pure(yaml.SafeLoader):
            resolve = yaml_nodes._Loader.resolve

        monkeypatch.setattr(yaml_nodes, "_Loader", Pure)

    def test_values(self):
        assert value("a: [yes, 012, '1', 1e-1]\n") == {"a": ["yes", "012", "1", 0.1]}

    def test_half_of_a_surrogate_pair(self):
        assert problems('a: "\\ud800"\n') == ["f.yaml:1:4 /a: expected Unicode text, got half of a surrogate pair"]
        assert problems('"\\ud800": 1\n') == ["f.yaml:1:1: expected text as key, got half of a surrogate pair"]

    def test_no_such_character(self):
        (problem,) = problems('a: "\\U00110000"\n')
        assert problem.startswith("f.yaml:1:1: expected YAML: ")

    def test_depth(self):
        assert problems("[" * 5000) == ["f.yaml:1:51: expected at most 50 levels of nesting"]

    def test_syntax(self):
        assert problems("a: [1\n")[0].startswith("f.yaml:2:1: expected YAML: ")


FRAGMENTS = ["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", "&x ", "*x", "!!str ", "!", '"', "'", "|\n", "---\n", "1", "\t", ",",
             "%YAML 1.2\n", "<<", "? ", "\\", "#", "...\n", "é", "\x00", "\u2028", "~"]  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=60), st.lists(st.sampled_from(FRAGMENTS), max_size=25).map(lambda p: "".join(p).encode())
    )
)
@example(b"%YAML 3.0\n---\na")
@example(b"%TAG ! !\n---\na")
@settings(max_examples=200)
def test_no_text_gives_a_traceback(data):
    read = read_yaml(data, "f.yaml")
    assert read.documents or read.problems
    assert all(str(problem).isprintable() for problem in read.problems)
