"""Is something mentioned in what was said? By normal forms, most of which need never be made.

Owns that question. The normal form of a text that isn't ASCII takes twenty times as long as a look at what it is written with,
which mostly settles it. The answer is always that of the normal forms.
"""

import unicodedata
from typing import Final

from ftops.datasets.normal_text import normal_text

_KEPT: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_DROPPED: Final = bytes(code for code in range(256) if code not in _KEPT)
_LOWER: Final = bytes(range(256)).lower()
# All characters in NFKC but those of ASCII that case folding makes letters of ASCII of.
FOLDED_TO_ASCII: Final = "ßẞİǰẖẗẘẙ"
_LATIN_1: Final = "\xff"


class Said:
    """A text, and what is in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._known_form: str | None = None
        self._known_ascii: bytes | None = None

    def has(self, form: str, written: str = "") -> bool:
        """Tells whether ``form``, a normal form, is in that of the text. ``written`` is a text that it is the form of."""
        if written and self._has_written(written):
            return True
        if form.isascii():
            if form.encode("ascii") not in self._ascii():
                return False
            if self.text.isascii():
                return True
        return form in self._form()

    def _has_written(self, written: str) -> bool:
        """Tells whether ``written`` is in the text as it is, where its normal form is the same whatever stands around it.

        No letter of Latin-1 composes with what precedes it, and none with a character of ASCII after it.
        """
        at = self.text.find(written) if max(written) <= _LATIN_1 else -1
        end = at + len(written)
        return at >= 0 and self.text[end : end + 1].isascii()

    def _form(self) -> str:
        if self._known_form is None:
            self._known_form = normal_text(self.text)
        return self._known_form

    def _ascii(self) -> bytes:
        """The letters and digits of ASCII in the normal form. A form of these that isn't among them isn't in it."""
        if self._known_ascii is None:
            text = self.text
            if not text.isascii():
                text = unicodedata.normalize("NFKC", text)
                if any(map(text.__contains__, FOLDED_TO_ASCII)):
                    text = text.casefold()
            self._known_ascii = text.encode("utf-8", "surrogatepass").translate(_LOWER, _DROPPED)
        return self._known_ascii
