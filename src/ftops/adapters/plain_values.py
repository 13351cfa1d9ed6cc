"""Looking into plain values that may have any shape: what is missing or of another kind is empty, never an error.

Owns that tolerance. It lets every rule look at a document that is wrong elsewhere, so that all problems come at once. Plain
values are dicts, lists and scalars: nothing else comes of YAML here.
"""

from collections.abc import Mapping
from typing import Any


def member(value: Any, key: str) -> Any:
    """Gives what ``value`` has under ``key``; None where it is no mapping, or has no such key."""
    return value.get(key) if isinstance(value, dict) else None


def mapping(value: Any) -> Mapping[str, Any]:
    """Gives ``value`` where it is a mapping, an empty one elsewhere."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Gives ``value`` where it is a list, an empty one elsewhere."""
    return value if isinstance(value, list) else []
