"""Reads OpenAI's training formats: contexts, replies, supervised targets and preference pairs.

Owns what counts as a context and when two replies are the same. Rows have been validated by the server, so this reads
leniently; it must not featurise.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType

from ftops.server.engines.interface import Message, Row

ReplyKey = NewType("ReplyKey", str)
"""A reply in canonical JSON: what makes two replies one class."""

HISTORY_TURNS = 6
"""Only so many turns before the last user turn are read: what is older hardly decides a reply."""

SYSTEM_ROLES = frozenset({"system", "developer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The conversation that a reply follows, as text: the last user turn, what came before it, and what came after it."""

    system: str
    history: str
    user: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A reply to learn, and the context it follows."""

    context: Context
    reply: ReplyKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two replies to one context, of which the first is preferred."""

    context: Context
    preferred: ReplyKey
    rejected: ReplyKey


def read_targets(row: Row) -> tuple[Target, ...]:
    """Gives the assistant turns of a supervised row that are to be learnt: all but those with ``weight`` 0."""
    messages: Sequence[Message] = row["messages"]
    return tuple(
        Target(context=read_context(messages[:place]), reply=reply_key(message))
        for place, message in enumerate(messages)
        if message.get("role") == "assistant" and message.get("weight", 1) != 0
    )


def read_pair(row: Row) -> Pair:
    """Gives the preference pair of a DPO row."""
    return Pair(
        context=read_context(row["input"]["messages"]),
        preferred=reply_key(row["preferred_output"][-1]),
        rejected=reply_key(row["non_preferred_output"][-1]),
    )


def read_context(messages: Sequence[Message]) -> Context:
    """Splits the conversation before a reply at its last user turn."""
    system = [message for message in messages if message.get("role") in SYSTEM_ROLES]
    turns = [message for message in messages if message.get("role") not in SYSTEM_ROLES]
    last_user = max((place for place, turn in enumerate(turns) if turn.get("role") == "user"), default=-1)
    before = turns[max(0, last_user - HISTORY_TURNS) : max(0, last_user)]
    return Context(
        system=_join(system),
        history=_join(before),
        user=message_text(turns[last_user]) if last_user >= 0 else "",
        after=_join(turns[last_user + 1 :]),
    )


def message_text(message: Message) -> str:
    """Gives everything readable in a message: its text, the addresses of its images, its refusal and its tool calls."""
    content = message.get("content")
    parts = [content] if isinstance(content, str) else [_part_text(part) for part in content or ()]
    parts.append(message.get("refusal") or "")
    functions = [call.get("function") or {} for call in message.get("tool_calls") or ()]
    functions.append(message.get("function_call") or {})
    parts += [f"{function.get('name', '')} {function.get('arguments', '')}" for function in functions if function]
    return "\n".join(part for part in parts if part)


def reply_key(message: Message) -> ReplyKey:
    """Gives the canonical JSON of a reply. Ids of tool calls are left out: they differ where the reply doesn't."""
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        content = "".join(_part_text(part) for part in content)
    reply: dict[str, Any] = {"content": content}
    if calls := message.get("tool_calls"):
        reply["tool_calls"] = [{key: value for key, value in call.items() if key != "id"} for call in calls]
    for field in ("function_call", "refusal"):
        if message.get(field) is not None:
            reply[field] = message[field]
    return ReplyKey(json.dumps(reply, sort_keys=True, separators=(",", ":")))


def reply_message(key: ReplyKey) -> dict[str, Any]:
    """Makes an assistant message of a canonical reply; ids of tool calls are derived from it, so that they are stable."""
    message: dict[str, Any] = {"role": "assistant", **json.loads(key)}
    if "tool_calls" in message:
        digest = hashlib.sha256(key.encode()).hexdigest()[:20]
        calls = enumerate(message["tool_calls"])
        message["tool_calls"] = [{"id": f"call_{digest}{place:04d}", **call} for place, call in calls]
    return message


def _part_text(part: Mapping[str, Any]) -> str:
    """Gives the text of a content part, the refusal in it, or the address of its image."""
    image = part.get("image_url")
    address = image.get("url") if isinstance(image, Mapping) else image
    return str(part.get("text") or part.get("refusal") or address or "")


def _join(messages: Iterable[Message]) -> str:
    return "\n".join(f"{message.get('role')}: {message_text(message)}" for message in messages)
