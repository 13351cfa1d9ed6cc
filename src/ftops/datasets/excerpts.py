"""Values of rows as messages may show them: cut, control characters escaped, secrets and personal data masked.

Owns that whatever quotes a row does it in this way.
"""

from functools import lru_cache
from typing import Any, Final

from ftops.domain.foreign_text import excerpt, quoted

_SHOWN: Final = 40
_MASKED: Final = 20_000  # longer than any key, so that none is cut before it is known for one
_KEPT: Final = 100


def masked_excerpt(text: str, *, limit: int = _SHOWN) -> str:
    """Quotes the beginning of ``text``: up to ``limit`` characters."""
    return quoted(_masked(text), limit=limit)


def masked_value(value: Any, *, limit: int = _SHOWN) -> str:
    """Names a JSON value in a sentence: ``the string 'abc'``, ``the integer 3``, ``null``, ``a mapping``."""
    if isinstance(value, str):
        return f"the string {masked_excerpt(value, limit=limit)}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"the integer {masked_excerpt(str(value), limit=limit)[1:-1]}"  # as long as the number of a card
    return excerpt(value, limit=limit)


def masked_words(text: str) -> str:
    """Gives a sentence that holds names from a row without what is sensitive in it; neither cut nor quoted."""
    return _masked(text)


def _masked(text: str) -> str:
    return _known(text) if len(text) <= _KEPT else _without_sensitive(text)


@lru_cache(maxsize=1_000)  # keys and roles are the same in all rows
def _known(text: str) -> str:
    return _without_sensitive(text)


def _without_sensitive(text: str) -> str:
    from ftops.datasets.personal_data import without_sensitive  # most files need none

    return without_sensitive(text[:_MASKED])
