"""The normal form of a text: NFKC, then case folded, letters and digits only.

Owns the one rule by which texts count as the same: in the split of ``docs/manifest.md``, where it is part of revisions and
never changes, and in the checks for duplicates. What Unicode calls a letter or a digit is Python's ``\\w`` without ``_``.
"""

import re
import unicodedata
from typing import Final

_WORDS: Final = re.compile(r"[^\W_]+")
# For ASCII, where NFKC changes nothing and folding is lower-casing: each byte's lower case, and the bytes to drop.
_LOWER: Final = bytes(range(256)).lower()  # bytes.lower leaves all but A to Z alone
_DROPPED: Final = bytes(code for code in range(128) if not chr(code).isalnum())


def normal_text(text: str) -> str:
    """Gives the normal form, which is empty for a text of signs alone."""
    if text.isascii():
        return normal_bytes(text).decode("ascii")
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(_WORDS.findall(folded.replace(" ", "")))  # most of what goes are blanks, which replace drops faster


def normal_bytes(text: str) -> bytes:
    """Gives the normal form in UTF-8."""
    if text.isascii():
        return text.encode("ascii").translate(_LOWER, _DROPPED)
    return normal_text(text).encode("utf-8", "surrogatepass")
