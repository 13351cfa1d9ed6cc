"""Templates: ``{{item.x.y}}``, ``{{sample.output_text}}``, ``{{reference}}`` and their like, filled in from a context.

Owns their syntax: a dotted path between double braces, spaces around it allowed, list items by number (``calls.0.name`` or
``calls[0].name``). Nothing is ever evaluated: a path is looked up, a value is inserted, and what was inserted is not read
again. A variable that is missing is an error, never an empty string. The work is linear in the template and in what comes
out, and that is bounded.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

LONGEST_TEXT: Final = 1_000_000
"""Characters that a rendered template may have: short templates of long values would fill the memory otherwise."""

_PATH: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[[0-9]+\])*")
_STEP: Final = re.compile(r"[\w-]+")
_INDEX: Final = re.compile(r"[0-9]{1,9}")
_SHOWN: Final = 100


class TemplateProblem(Exception):
    """A template that can't be filled in. ``path`` is the variable that is missing, None where that isn't the trouble."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


def render(template: str, context: Mapping[str, Any], *, longest: int = LONGEST_TEXT) -> str:
    """Gives the template with every variable filled in; values that are no strings are written as JSON.

    Raises TemplateProblem, also where more than ``longest`` characters would come out.
    """
    pieces: list[str] = []
    room = longest
    for piece, is_path in _split(template):
        text = _text(look_up(piece, context)) if is_path else piece
        room -= len(text)
        if room < 0:
            raise TemplateProblem(f"the text is longer than {longest:,} characters once its variables are filled in")
        pieces.append(text)
    return "".join(pieces)


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
    value: Any = context
    for step in steps_of(path):
        value = _member(value, step)
        if value is None:
            raise TemplateProblem(f"{_shown(path)} is missing", path=path)
    return value


def paths_in(template: str) -> Iterator[str]:
    """Gives the path of every variable, in order. Raises TemplateProblem at what is no variable, and at open braces."""
    for piece, is_path in _split(template):
        if is_path:
            steps_of(piece)
            yield piece
        elif "{{" in piece:
            raise TemplateProblem("there is a {{ without its }}")


def steps_of(path: str) -> tuple[str, ...]:
    """Gives the steps of a path: names and list positions. Raises TemplateProblem when it is no path."""
    if not _PATH.fullmatch(path):
        raise TemplateProblem(f"{_shown(path)} is no variable")
    return tuple(_STEP.findall(path))


def _split(template: str) -> Iterator[tuple[str, bool]]:
    """Gives the pieces of a template, and of each whether it stood between braces. Braces left open are plain text."""
    at = 0
    while (opened := template.find("{{", at)) >= 0 and (closed := template.find("}}", opened + 2)) >= 0:
        yield template[at:opened], False
        yield template[opened + 2 : closed].strip(), True
        at = closed + 2
    yield template[at:], False


def _member(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, Sequence) and not isinstance(value, str) and _INDEX.fullmatch(step):
        return value[int(step)] if int(step) < len(value) else None
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError) as problem:
        raise TemplateProblem("a value can't be written as JSON") from problem


def _shown(path: str) -> str:
    return f"{{{{{path if len(path) <= _SHOWN else path[:_SHOWN] + '…'}}}}}"
