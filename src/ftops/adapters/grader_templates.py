"""Templates in graders and inputs: are they well formed, and do they name something that exists?

Owns the check alone; ``evaluation`` fills templates in.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ftops.adapters.schema_problems import near_miss
from ftops.adapters.yaml_nodes import child
from ftops.domain.foreign_text import quoted

_EXPRESSION: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_VARIABLE: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[[0-9]+\])*")
_NO_TEMPLATE: Final = frozenset(("type", "name", "source", "pattern", "schema", "calculate_output", "model", "labels"))
_SAMPLE: Final = ("sample.output_text", "sample.output_json", "sample.output_tools")

IN_EVALS: Final = (*_SAMPLE, "reference", "reference_tools", "rejected", "item")
IN_TRAINING: Final = (*_SAMPLE, "sample.choices", "item")
IN_INPUT: Final = ("item",)

Finding = tuple[str, str, str | None]


def template_findings(value: Any, pointer: str, known: tuple[str, ...]) -> Iterator[Finding]:
    """Gives (JSON pointer, what was expected, hint) for every template below ``value`` that can't work.

    ``known`` are the variables there are; ``item`` stands for any field of the row.
    """
    if isinstance(value, str):
        yield from ((pointer, expected, hint) for expected, hint in _faults(value, known))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _NO_TEMPLATE:
                yield from template_findings(item, child(pointer, key), known)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from template_findings(item, child(pointer, index), known)


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
            yield f"expected one of {', '.join(shown)}, got {quoted(name)}", near_miss(name, known)


def _is_known(name: str, known: tuple[str, ...]) -> bool:
    for one in known:
        if one == "item":
            if name.startswith("item."):
                return True
        elif name == one or name.startswith((f"{one}.", f"{one}[")):
            return True
    return False
