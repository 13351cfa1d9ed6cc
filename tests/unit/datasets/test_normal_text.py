"""The normal form is part of revisions: the fast ways give what the rule says, for every text."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets.normal_text import normal_bytes, normal_text

ASCII = st.text(st.characters(max_codepoint=0x7F))


def by_the_rule(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        ("?! _-\n\t\x00\x7f", ""),
        ("Hello, World_1!", "helloworld1"),
        ("Straße Ⅳ ﬁ ½", "strasseivfi12"),
        ("カード、ﾊﾝｶｸ 漢字。", "カードハンカク漢字"),
        ("a\u00a0b\u2003c\u200bd", "abcd"),
        ("\ud800x", "x"),
        ("e\u0301 É", "éé"),
        ("🙂 ok", "ok"),
    ],
)
def test_examples(text, normal):
    assert normal_text(text) == normal


@given(st.text(st.characters(codec=None)) | ASCII)
def test_the_rule(text):
    assert normal_text(text) == by_the_rule(text)


@given(st.text(st.characters(codec=None)) | ASCII)
def test_its_bytes(text):
    assert normal_bytes(text).decode("utf-8", "surrogatepass") == by_the_rule(text)
