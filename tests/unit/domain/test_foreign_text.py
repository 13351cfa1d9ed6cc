"""Foreign text never moves a terminal's cursor, and values are named briefly."""

import subprocess

import pytest

from ftops.domain.foreign_text import excerpt, quoted, shell_word, visible


def test_control_characters_are_spelled():
    assert visible("a\x1b[31m\n\u2028\u202eb\ud800") == "a\\x1b[31m\\x0a\\u2028\\u202eb\\ud800"


def test_what_cannot_be_seen_is_spelled():
    assert visible("pay\u200bpal\u2060\xad\U000e0041\u061c") == "pay\\u200bpal\\u2060\\xad\\U000e0041\\u061c"
    assert visible("Grüße ❤\ufe0f 漢字") == "Grüße ❤\ufe0f 漢字"


def test_long_text_is_cut():
    assert quoted("x" * 50, limit=5) == "'xxxx…'"
    assert quoted("x" * 5, limit=5) == "'xxxxx'"


def test_a_word_of_a_command_is_one_word_to_a_shell():
    words = ["a.jsonl", "a b;$(x)`y`'\"\\", "tab\t'\\\x1b[31m$(x)", ""]
    assert shell_word(words[0]) == "a.jsonl"
    assert all(visible(shell_word(word)) == shell_word(word) for word in words)
    line = f"printf '%s|' {' '.join(map(shell_word, words))}"
    said = subprocess.run(["bash", "-c", line], capture_output=True, check=True, text=True)
    assert said.stdout == "".join(f"{word}|" for word in words)


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "null"), (True, "the boolean true"), (3, "the integer 3"), (0.5, "the number 0.5"),
     ("a\tb", r"the string 'a\x09b'"),
     ([], "an empty list"), ([1], "a list"), ({}, "an empty mapping"), ({"a": 1}, "a mapping"), (b"", "a bytes")],
)  # fmt: skip
def test_values_are_named(value, words):
    assert excerpt(value) == words
