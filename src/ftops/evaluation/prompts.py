"""A baseline's own prompt: what stands before the question in place of, or after, a row's system messages.

Owns how a prompt is read from a file's text and how it is put before a row's messages; ``few_shot`` draws the examples.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_HALF_OF_A_PAIR: Final = re.compile("[\ud800-\udfff]")
_SYSTEM: Final = frozenset({"system", "developer"})


class PromptProblem(Exception):
    """A prompt file that holds no messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replacement:
    """Messages that replace the leading system messages."""

    messages: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Turns that follow the leading system messages: those of ``count`` examples."""

    messages: tuple[Mapping[str, Any], ...]
    count: int


Prompt = Replacement | Examples


def read_prompt(text: str) -> Replacement:
    """Reads a prompt file: a JSON list of messages, or an object whose ``messages`` is one. Raises PromptProblem."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise PromptProblem(f"a prompt file is a JSON list of messages: {problem}") from problem
    messages = value.get("messages") if isinstance(value, dict) else value
    if not isinstance(messages, list) or not all(
        isinstance(m, dict) and isinstance(m.get("role"), str) for m in messages
    ):
        raise PromptProblem("a prompt file is a JSON list of messages, each with a role")
    if _HALF_OF_A_PAIR.search(json.dumps(messages, ensure_ascii=False)):
        raise PromptProblem("a prompt file has half of a surrogate pair, which is no text")
    return Replacement(messages=tuple(messages))


def with_prompt(messages: Sequence[Mapping[str, Any]], prompt: Prompt | None) -> tuple[Mapping[str, Any], ...]:
    """Gives a row's messages with the prompt before its first message that is no system message."""
    if prompt is None:
        return tuple(messages)
    leading = count_leading_system(messages)
    kept = messages[:leading] if isinstance(prompt, Examples) else ()
    return (*kept, *prompt.messages, *messages[leading:])


def count_leading_system(messages: Sequence[Mapping[str, Any]]) -> int:
    """Counts the system (or developer) messages at the start."""
    return next((i for i, message in enumerate(messages) if message.get("role") not in _SYSTEM), len(messages))
