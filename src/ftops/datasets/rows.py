"""A sound row as values: OpenAI's training formats as typed structs, decoded in one step.

Owns the shapes of rows with nothing wrong in them. What doesn't decode here is looked at key by key in ``formats``, which says
what is wrong and whether anything is. Tools and their parameters stay raw bytes: rows of one file mostly share them.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

import msgspec

_T = TypeVar("_T")
Several = Annotated[list[_T], msgspec.Meta(min_length=1)]
Single = Annotated[list[_T], msgspec.Meta(min_length=1, max_length=1)]


class TextPart(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True, gc=False):
    """A piece of text."""

    text: str


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True, gc=False):
    """A refusal, in an assistant's message."""

    refusal: str


class ImageUrl(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Where an image is: an address, or the image itself as a data URL."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url", forbid_unknown_fields=True, gc=False):
    """An image, in a user's message."""

    image_url: ImageUrl


class CalledFunction(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Which function is called, with arguments that are a JSON object written as text."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A call of a function by the assistant."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class SystemMessage(msgspec.Struct, tag_field="role", tag="system", forbid_unknown_fields=True, gc=False):
    """What the system says; ``developer`` means the same."""

    content: str | Several[TextPart]
    name: str | None = None


class DeveloperMessage(SystemMessage, tag_field="role", tag="developer", forbid_unknown_fields=True, gc=False):
    """What the developer says."""


class UserMessage(msgspec.Struct, tag_field="role", tag="user", forbid_unknown_fields=True, gc=False):
    """What the user says or shows."""

    content: str | Several[TextPart | ImagePart]
    name: str | None = None


class AssistantMessage(msgspec.Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True, gc=False):
    """What the model says or calls; with ``weight`` 0 nothing is learnt from it."""

    content: str | Several[TextPart | RefusalPart] | None = None
    name: str | None = None
    weight: Literal[0, 1] = 1
    tool_calls: Several[ToolCall] | None = None
    refusal: str | None = None


class ToolMessage(msgspec.Struct, tag_field="role", tag="tool", forbid_unknown_fields=True, gc=False):
    """What a tool answered."""

    content: str | Several[TextPart]
    tool_call_id: str
    name: str | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


class Asked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A conversation with the tools that are offered in it. ``tools`` are the bytes of a JSON list, or empty."""

    messages: Several[Message]
    tools: msgspec.Raw = msgspec.Raw(b"")
    parallel_tool_calls: bool | None = None


class ChatRow(Asked, forbid_unknown_fields=True, gc=False):
    """A row of supervised training: the last message is the assistant's."""


class PreferenceRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A row of DPO: one answer that is preferred to another."""

    input: Asked
    preferred_output: Single[AssistantMessage]
    non_preferred_output: Single[AssistantMessage]


class ItemRow(msgspec.Struct, gc=False):
    """A row of reinforcement or evaluation: a conversation, and fields that graders and templates name (``item``)."""

    asked: Asked
    item: dict[str, Any]


class FreeRow(msgspec.Struct, gc=False):
    """A row of an evaluation that states its own ``input``: any object."""

    item: dict[str, Any]


Row = ChatRow | PreferenceRow | ItemRow | FreeRow


def text_of(content: Any) -> str:
    """Gives the text of a message's content: itself, or its text parts joined; images have none."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    return "".join(part.text for part in content if isinstance(part, TextPart))


def refusals_of(message: AssistantMessage) -> Iterator[str]:
    """Gives what a message refuses with, in the field for it or in parts of its content."""
    if message.refusal:
        yield message.refusal
    if isinstance(message.content, list):
        yield from (part.refusal for part in message.content if isinstance(part, RefusalPart))
