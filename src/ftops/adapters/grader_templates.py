"""Templates in graders and inputs: are they well formed, and do they name something that exists?

Owns the check alone; ``evaluation`` fills templates in.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from ftops.adapters.schema_problems import near_miss
from ftops.adapters.yaml_documents import child
from ftops.domain.foreign_text import quoted

_EXPRESSION: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_VARIABLE: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[[0-9]+\])*")
_STEP: Final = re.compile(r"[\w-]+")
_NO_TEMPLATE: Final = frozenset(
    (
        "type",
        "name",
        "source",
        "pattern",
        "schema",
        "calculate_output",
        "model",
        "embedding_model",
        "labels",
        "passing_labels",
        "abstained",
        "hallucinated",
        "criteria",
    )
)
# Graders that compare with the row's own reference where they state no other.
_COMPARING: Final = frozenset(("numeric", "tool_call", "label", "outcome"))
_REFERENCES: Final = frozenset(("reference", "reference_tools"))
_ANSWER: Final = ("output_text", "output_json", "output_tools")
_SAMPLE: Final = (*(f"sample.{one}" for one in _ANSWER), "sample.choices")
_ROW: Final = ("reference", "reference_tools", "rejected", "rejected_tools", "item")

IN_EVALS: Final = (*_SAMPLE, *_ROW)
IN_PAIRS: Final = (*(f"{side}.{one}" for side in ("first", "second") for one in _ANSWER), *_ROW)
IN_TRAINING: Final = (*_SAMPLE, "item")
IN_INPUT: Final = ("item",)

Finding = tuple[str, str, str | None]


def template_findings(value: Any, pointer: str, known: tuple[str, ...]) -> Iterator[Finding]:
    """Gives (JSON pointer, what was expected, hint) for every template below ``value`` that can't work.

    ``known`` are the variables there are; ``item`` stands for any field of the row.
    """
    for place, text in _templates(value, pointer):
        yield from ((place, expected, hint) for expected, hint in _faults(text, known))


def item_fields(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Gives (JSON pointer, field) for every ``{{item.FIELD}}`` below ``value``; of a path in a field its first step."""
    for place, text in _templates(value, pointer):
        for match in _EXPRESSION.finditer(text):
            name = match.group(1).strip()
            if _VARIABLE.fullmatch(name) and name.startswith("item."):
                yield place, _STEP.findall(name)[1]


def reference_places(grader: Any, pointer: str) -> Iterator[str]:
    """Gives the JSON pointer of everything in a grader that needs a row with a reference of its own."""
    if not isinstance(grader, dict):
        return
    if _compares_by_default(grader):
        yield pointer
    for place, text in _templates(grader, pointer):
        names = (match.group(1).strip() for match in _EXPRESSION.finditer(text))
        if any(_VARIABLE.fullmatch(name) and _STEP.findall(name)[0] in _REFERENCES for name in names):
            yield place
    inner = grader.get("graders")
    for key, one in inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ():
        if _compares_by_default(one):
            yield child(child(pointer, "graders"), key)


def _compares_by_default(grader: Any) -> bool:
    return isinstance(grader, dict) and str(grader.get("type")) in _COMPARING and "reference" not in grader


def _templates(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Gives (JSON pointer, text) for all text below ``value`` that is filled in, and has something to fill in."""
    if isinstance(value, str):
        if "{{" in value:
            yield pointer, value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _NO_TEMPLATE:
                yield from _templates(item, child(pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _templates(item, child(pointer, index))


def _faults(text: str, known: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    rest = _EXPRESSION.sub("", text)
    if "{{" in rest:
        yield "expected }} after {{", None
    for match in _EXPRESSION.finditer(text):
        name = match.group(1).strip()
        if not _VARIABLE.fullmatch(name):
            yield f"expected a variable between {{{{ and }}}}, got {quoted(name)}", None
        elif not _is_known(name, known):
            shown = [f"{{{{{'item.FIELD' if one == 'item' else one}}}}}" for one in known]
            yield f"expected one of {', '.join(shown)}, got {quoted(name)}", near_miss(name, set(known) - {name})


def _is_known(name: str, known: tuple[str, ...]) -> bool:
    for one in known:
        if one == "item":
            if name.startswith("item."):
                return True
        elif name == one or name.startswith((f"{one}.", f"{one}[")):
            return True
    return False
