"""The rules for one row of a training file, in OpenAI's supervised, preference and reinforcement formats.

Owns what a row may hold and the words for what is wrong with it; what it says of tools is ``training_tools``', and what its
messages say ``training_content``'s. Positions count from 1. Keys that OpenAI's formats don't name are let through in a row,
and refused in a message, where they are most often misspelt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftops.graders.kinds import Grader
from ftops.graders.rules import missing_reference
from ftops.server.jobs.training_content import MOST_IMAGES, content_problem, count_images, reads_images
from ftops.server.jobs.training_tools import Calls, offered_tools, tools_problem

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_MESSAGE_KEYS = frozenset(
    {"role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with a row. ``message`` goes on after ``Example 7``, or stands alone if it is about the file."""

    message: str
    is_about_file: bool = False


def fault_of(row: Mapping[str, Any], *, method: str, model: str, grader: Grader | None = None) -> Fault | None:
    """The first thing wrong with a row for a job of this method, or None. It must have what a ``grader``'s templates name."""
    if "messages" not in row and "prompt" in row and "completion" in row:
        return Fault(
            message=f"Input file is in the prompt-completion format, but the specified model {model} is a chat model "
            "and requires chat-formatted data. See our fine-tuning guide for how to structure your dataset.",
            is_about_file=True,
        )
    is_preference = "input" in row and "preferred_output" in row
    if method == "dpo":
        return _preference_fault(row) if is_preference or "messages" not in row else _wrong_method("chat", "dpo")
    if is_preference and "messages" not in row:
        return _wrong_method("preference", method)
    takes_images = reads_images(model)
    if method == "reinforcement":
        return _prompt_fault(row, grader, takes_images=takes_images)
    return _chat_fault(row, takes_images=takes_images)


def _wrong_method(form: str, method: str) -> Fault:
    return Fault(
        message=f"Input file is in the {form} format, which doesn't fit the fine-tuning method {method}.",
        is_about_file=True,
    )


def _chat_fault(row: Mapping[str, Any], *, takes_images: bool) -> Fault | None:
    fault = _conversation_fault(row, "", takes_images=takes_images)
    if fault is not None:
        return fault
    messages = row["messages"]
    if messages[-1]["role"] != "assistant":
        return Fault(
            message=", the last message must be the assistant's: rows that end otherwise are in the reinforcement format, "
            "which doesn't fit the fine-tuning method supervised"
        )
    if not any(each["role"] == "assistant" and each.get("weight", 1) != 0 for each in messages):
        return Fault(message=" must have at least one assistant message whose weight is not 0")
    return None


def _prompt_fault(row: Mapping[str, Any], grader: Grader | None, *, takes_images: bool) -> Fault | None:
    fault = _conversation_fault(row, "", takes_images=takes_images)
    if fault is not None:
        return fault
    if row["messages"][-1]["role"] == "assistant":
        return Fault(
            message=", the last message must not be the assistant's, which the model is to write: rows that end with it are "
            "in the supervised format, which doesn't fit the fine-tuning method reinforcement"
        )
    missing = None if grader is None else missing_reference(grader, row)
    if missing is not None:
        return Fault(message=f" has no '{missing[:64]}', which the grader names as {{{{item.{missing[:64]}}}}}")
    return None


def _preference_fault(row: Mapping[str, Any]) -> Fault | None:
    given = row.get("input")
    if not isinstance(given, dict):
        return Fault(message=", 'input' is missing or not a dictionary")
    fault = _conversation_fault(given, " input", takes_images=False)
    if fault is not None:
        return fault
    offered = offered_tools(given)
    return _output_fault(row, "preferred_output", offered) or _output_fault(row, "non_preferred_output", offered)


def _output_fault(row: Mapping[str, Any], name: str, offered: frozenset[str] | None) -> Fault | None:
    output = row.get(name)
    fault = _messages_fault(output, f" {name}", Calls(offered), key=name, takes_images=False)
    if fault is not None or not isinstance(output, list):
        return fault
    if len(output) != 1 or output[0]["role"] != "assistant":
        return Fault(message=f", '{name}' must be a list with one assistant message")
    return None


def _conversation_fault(row: Mapping[str, Any], place: str, *, takes_images: bool) -> Fault | None:
    """What is wrong with the messages of a row, or with its tools; without a fault there is at least one message."""
    problem = tools_problem(row)
    if problem is not None:
        return Fault(message=f",{place} {problem}")
    return _messages_fault(row.get("messages"), place, Calls(offered_tools(row)), takes_images=takes_images)


def _messages_fault(
    messages: object, place: str, calls: Calls, *, takes_images: bool, key: str = "messages"
) -> Fault | None:
    if not isinstance(messages, list) or not messages:
        return Fault(message=f",{place} '{key}' must be a list with at least one message")
    for number, message in enumerate(messages, start=1):
        problem = _message_problem(message, calls, takes_images=takes_images)
        if problem is not None:
            return Fault(message=f",{place} message {number} {problem}")
    if count_images(messages) > MOST_IMAGES:
        return Fault(message=f",{place} has more than {MOST_IMAGES} images")
    return None


def _message_problem(message: object, calls: Calls, *, takes_images: bool) -> str | None:
    if not isinstance(message, dict):
        return "is not a dictionary"
    if "role" not in message:
        return "Discriminator 'role' is missing in value"
    role = message["role"]
    if not isinstance(role, str) or role not in _ROLES:
        return f"Discriminator 'role' must be one of {', '.join(sorted(_ROLES))}"
    unknown = sorted(message.keys() - _MESSAGE_KEYS)
    if unknown:
        return f"has the unexpected key '{unknown[0][:64]}'"
    if "weight" in message and (role != "assistant" or not _is_weight(message["weight"])):
        return "has a weight, which must be 0 or 1 and belongs to assistant messages"
    return _text_problem(message) or calls.problem(message) or content_problem(message, takes_images=takes_images)


def _is_weight(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in (0, 1)


def _text_problem(message: Mapping[str, Any]) -> str | None:
    for key in ("name", "refusal"):
        if not isinstance(message.get(key), str | None):
            return f"has a '{key}' that is not a string"
    if message.get("refusal") is not None and message["role"] != "assistant":
        return "has a 'refusal', which belongs to assistant messages"
    return None
