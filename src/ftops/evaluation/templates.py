"""Templates: ``{{item.x.y}}``, ``{{sample.output_text}}``, ``{{reference}}`` and their like, filled in from a context.

Owns their syntax: a dotted path between double braces, spaces around it allowed, list items by number (``calls.0.name`` or
``calls[0].name``). Nothing is ever evaluated: a path is looked up, a value is inserted, and what was inserted is not read
again. A variable that is missing is an error, never an empty string.
"""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_PLACE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PATH: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*")
_STEP: Final = re.compile(r"[\w-]+")


class TemplateProblem(Exception):
    """A template that can't be filled in: a variable that is missing, or something that is no variable."""


def render(template: str, context: Mapping[str, Any]) -> str:
    """Gives the template with every variable filled in; values that are no strings are written as JSON.

    Raises TemplateProblem.
    """
    return _PLACE.sub(lambda place: _text(look_up(place[1].strip(), context)), template)


def render_all(value: Any, context: Mapping[str, Any]) -> Any:
    """Gives a JSON value with every string in it rendered, keys left alone. Raises TemplateProblem."""
    if isinstance(value, str):
        return render(value, context)
    if isinstance(value, Mapping):
        return {key: render_all(item, context) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [render_all(item, context) for item in value]
    return value


def look_up(path: str, context: Mapping[str, Any]) -> Any:
    """Gives the value that a path leads to. Raises TemplateProblem where it leads nowhere, null included."""
    if not _PATH.fullmatch(path):
        raise TemplateProblem(f"{{{{{path}}}}} is no variable")
    value: Any = context
    for step in _STEP.findall(path):
        value = _member(value, step)
        if value is None:
            raise TemplateProblem(f"{{{{{path}}}}} is missing")
    return value


def _member(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, Sequence) and not isinstance(value, str) and step.isdecimal():
        return value[int(step)] if int(step) < len(value) else None
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def sample_context(text: str, tool_calls: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Gives what templates know of an answer as ``sample``; ``output_json`` is there where the text is JSON."""
    known: dict[str, Any] = {"output_text": text, "output_tools": list(tool_calls)}
    with contextlib.suppress(ValueError, RecursionError):  # not JSON: asking for output_json is then the item's error
        known["output_json"] = json.loads(text)
    return known
