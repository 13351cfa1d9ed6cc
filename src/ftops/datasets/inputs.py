"""Digests of what is sent before the reply, to tell evaluation rows that were trained on.

Owns when two inputs count as equal: same messages and tools, whatever the order of keys, the spelling of absent values, the
Unicode composition and the blanks around a text.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ftops.datasets.conversations import exchange, text_of

_DIGITS: Final = 16
_UNSENT: Final = frozenset(("weight",))


def input_digest(row: Mapping[str, Any]) -> str:
    """Gives 16 hex digits of the input of a row in any training format; of a free row, of the whole row."""
    asked = exchange(row)
    return request_digest(asked.asked, asked.tools) if asked.asked else _digest(row)


def request_digest(messages: Sequence[Any], tools: Any = None) -> str:
    """Gives 16 hex digits of messages and tools as they would be sent."""
    return _digest([[_normal(message) for message in messages], tools or None])


def _normal(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    kept = {key: value for key, value in message.items() if value is not None and key not in _UNSENT}
    content = kept.get("content")
    if isinstance(content, str) or _is_text_only(content):
        kept["content"] = unicodedata.normalize("NFC", text_of(message)).strip()
    return kept


def _is_text_only(content: Any) -> bool:
    return isinstance(content, list) and all(
        isinstance(part, Mapping) and part.get("type") == "text" for part in content
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:_DIGITS]
