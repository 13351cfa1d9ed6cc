"""Rows of formats that others train on: what they have to become.

Owns the remedies. A format is known by its keys, and none of these is taken as it is.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

_REMEDIES: Final = (
    ({"conversations"}, "write each turn of conversations as one of messages: from as role, value as content"),
    ({"chosen", "rejected"}, "write the prompt as messages of input, chosen and rejected as the two outputs"),
    ({"instruction", "output"}, "write instruction and input as a message of the user, output as the assistant's"),
    ({"question", "answer"}, "write question and answer as messages of user and assistant"),
    ({"custom_id", "body"}, "this is a request of a batch: the messages are in its body"),
)


def remedy_of(row: Mapping[str, Any]) -> str | None:
    """Gives what to do about a row without the keys of any format; None where nobody knows."""
    for keys, remedy in _REMEDIES:
        if keys <= row.keys():
            return remedy
    near = get_close_matches("messages", [key for key in list(row)[:20] if len(key) < 20], n=1, cutoff=0.8)
    return "did you mean messages?" if near else None
