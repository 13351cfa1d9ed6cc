"""How a file of the corpus is made, and what is expected of it.

Each file has a dozen rows and one defect, in its third line unless the case says otherwise.
"""

import json
from dataclasses import dataclass
from typing import Any

from ftops.datasets.formats import Use

MODEL = "gpt-4o-2024-08-06"  # the one that takes images
GRADER = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
ITEM_PATHS = ("answer",)
ROWS = 12
PLACE = 3

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file, what it is for, and all that is to be found in it: ``CODE LINE:COLUMN FIELD: words``, in order."""

    name: str
    data: bytes
    use: Use
    model: str = MODEL
    found: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def message(role: str, content: Any = "words", **more: Any) -> Row:
    return {"role": role, "content": content, **more}


def user(content: Any = "a question", **more: Any) -> Row:
    return message("user", content, **more)


def answer(content: Any = "an answer", **more: Any) -> Row:
    return message("assistant", content, **more)


def chat(*messages: Any, **more: Any) -> Row:
    return {"messages": list(messages or (user(), answer())), **more}


def prompt(*messages: Any, **more: Any) -> Row:
    return {"messages": list(messages or (user(),)), "answer": "yes", **more}


def pair(**more: Any) -> Row:
    return {
        "input": chat(user()),
        "preferred_output": [answer()],
        "non_preferred_output": [answer("a worse one")],
        **more,
    }


_GOOD = {Use.SUPERVISED: chat, Use.DPO: pair, Use.REINFORCEMENT: prompt}


def line(row: Any) -> bytes:
    return json.dumps(row).encode() + b"\n"


def good_lines(use: Use, count: int) -> bytes:
    if use is not Use.REINFORCEMENT:
        return line(_GOOD[use]()) * count
    # Where all answers are the same, there is nothing to learn by reinforcement.
    return b"".join(line(prompt() | {"answer": ("yes", "no")[place % 2]}) for place in range(count))


def file_of(name: str, row: Any, *found: str, use: Use = Use.SUPERVISED, model: str = MODEL) -> File:
    """A file with ``row``, or these bytes, in its third line. ``found`` is without the line."""
    third = row if isinstance(row, bytes) else line(row)
    data = good_lines(use, PLACE - 1) + third + good_lines(use, ROWS - PLACE)
    placed = []
    for one in found:
        code, _, rest = one.partition(" ")
        placed.append(f"{code} {PLACE}:1 {rest}" if rest.startswith(("/", ":")) else f"{code} {PLACE}:{rest}")
    return File(name=name, data=data, use=use, model=model, found=tuple(placed))
