"""What a life prints: one line per thing that happened, the same in every run and, byte for byte, from ``transcript.mjs``.

Owns what is made stable: ids and hashes become ``<file 1>``, numbered as they appear, so that it still shows which is which;
times become ``<time>``, and random padding ``<noise>``; fractions get nine digits. Nothing else is changed or left out.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import openai

_KINDS = "batch_req|batch|call|chatcmpl|evt|file|ftckpt|ftevent|ftjob|part|req|upload|wh"
_ID = re.compile(rf"(?<!\w)({_KINDS})[-_][A-Za-z0-9]{{12,}}(?![A-Za-z0-9])|(?<=:)[A-Za-z0-9]{{8}}(?=[:\"` ]|$)")
_TIMES = re.compile(r"created|.*_at|estimated_finish|execution_time")
_NOISE = "obfuscation"

_names: dict[str, str] = {}


def chapter(title: str) -> None:
    """Begins a part of the life."""
    _print(f"\n# {title}")


def say(label: str, value: object) -> None:
    """One line: what it is, and what it was."""
    _print(f"{label}: {_stable(_canonical(_plain(value)))}")


def refused(label: str, call: Callable[[], object]) -> None:
    """One line for a call that must fail: the error as the SDK shows it."""
    try:
        call()
    except openai.APIStatusError as error:
        body: Any = error.body
        shown = {
            "class": type(error).__name__,
            "status": error.status_code,
            "type": error.type,
            "param": error.param,
            "code": error.code,
            "message": body["message"],
            "has request id": (error.request_id or "").startswith("req_"),
        }
        say(label, shown)
    else:
        raise AssertionError(f"{label}: was not refused")


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    # The SDK warns of shapes that its types don't tell, such as graders by key in a multi grader; it keeps them all the same.
    return value.to_dict(warnings=False) if isinstance(value, openai.BaseModel) else value


def _canonical(value: Any, name: str = "") -> str:
    match value:
        case dict():
            pairs = (f"{json.dumps(key, ensure_ascii=False)}: {_canonical(value[key], key)}" for key in sorted(value))
            return "{" + ", ".join(pairs) + "}"
        case list():
            return "[" + ", ".join(map(_canonical, value)) + "]"
        case str() if name == _NOISE:
            return "<noise>"
        case bool() | None | str():
            return json.dumps(value, ensure_ascii=False)
        case _ if _TIMES.fullmatch(name):
            return "<time>"
        case _:
            return str(int(value)) if value == int(value) else f"{value:.9f}"


def _stable(text: str) -> str:
    return _ID.sub(_name, text)


def _name(found: re.Match[str]) -> str:
    kind = found[1] or "hash"
    if found[0] not in _names:
        known = sum(name.startswith(f"<{kind} ") for name in _names.values())
        _names[found[0]] = f"<{kind} {known + 1}>"
    return _names[found[0]]


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
