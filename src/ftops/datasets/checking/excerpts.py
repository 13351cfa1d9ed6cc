"""Texts of rows as messages may show them: cut, control characters escaped, secrets and personal data masked.

Owns that every inspection that quotes more than a name does it in this way.
"""

from ftops.datasets.personal_data import without_sensitive
from ftops.domain.foreign_text import quoted


def masked_excerpt(text: str) -> str:
    """Quotes the beginning of ``text``."""
    return quoted(without_sensitive(text))
