"""What templates know of an answer as ``sample``.

Owns its four variables; where an answer came from is the caller's to know.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

VARIABLES: Final = ("output_text", "output_json", "output_tools", "choices")


def sample_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Gives the variables for an assistant message, which stands in ``choices`` as it is."""
    known = sample_context(text_of(message) or "", message.get("tool_calls") or ())
    return {**known, "choices": _choices(message)}


def sample_context(text: str, tool_calls: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Gives the variables for a text and tool calls, which are the only one of ``choices``; ``output_json`` is there where
    the text is JSON."""
    calls = list(tool_calls)
    message = {"content": text, **({"tool_calls": calls} if calls else {})}
    known: dict[str, Any] = {"output_text": text, "output_tools": calls, "choices": _choices(message)}
    with contextlib.suppress(ValueError, RecursionError):  # not JSON: asking for output_json is then the item's error
        known["output_json"] = parsed_json(text)
    return known


def _choices(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [{"index": 0, "message": {"role": "assistant", **message}}]


def text_of(message: Mapping[str, Any]) -> str | None:
    """Gives a message's text, its text parts put together; None where it has no content, or one in another form."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        return None
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def parsed_json(text: str) -> Any:
    """Gives what a JSON text says. Raises ValueError or RecursionError where it is none: NaN is not JSON."""
    value = json.loads(text, parse_constant=_refuse_constant)
    if "\\ud" in text.lower():
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is a ValueError: no text could hold it
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
