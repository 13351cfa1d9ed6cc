"""Whether something is mentioned is what the normal forms say, however it was found out."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ftops.datasets.checking.mentions import FOLDED_TO_ASCII, Said
from ftops.datasets.normal_text import normal_text

# Letters that fold to several, that compose, that are written in another width, and what is left out of normal forms.
LETTERS = st.text(
    "aAeEsSkK1 .,'\u0301\u030c\u00b2\u00e9\u00c9\u00df\u1e9e\u0130\u01f0\uff21\uff11\u212a–漢\n", max_size=8
)


@given(LETTERS, LETTERS, st.integers(0, 8), st.integers(0, 8))
def test_mentions_are_those_of_the_normal_forms(text: str, other: str, begin: int, end: int) -> None:
    for written in (text[begin:end], other, text[begin:end].lower()):
        form = normal_text(written)
        expected = form in normal_text(text)
        assert Said(text).has(form) is expected
        assert Said(text).has(form, written) is expected
        said = Said(text)
        assert [said.has(form), said.has(form)] == [expected, expected]


def test_every_letter_that_folds_to_ascii_is_known() -> None:
    codes = (chr(code) for code in range(0x80, sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
    folding = (sign for sign in codes if any(map(str.isascii, sign.casefold())) and sign.casefold() != sign)
    normal = {sign for sign in folding if unicodedata.normalize("NFKC", sign) == sign}
    assert normal == set(FOLDED_TO_ASCII)
