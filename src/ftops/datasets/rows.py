"""A sound row as values: OpenAI's training formats as typed structs, decoded in one step.

Owns the shapes of rows with nothing wrong in them. What doesn't decode here is looked at key by key in ``formats``, which says
what is wrong and whether anything is. Tools and their parameters stay raw bytes: rows of one file mostly share them.
"""

from typing import Any, Literal

import msgspec


class TextPart(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    """A piece of text."""

    text: str


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True):
    """A refusal, in an assistant's message."""

    refusal: str


class ImageUrl(msgspec.Struct, forbid_unknown_fields=True):
    """Where an image is: an address, or the image itself as a data URL."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url", forbid_unknown_fields=True):
    """An image, in a user's message."""

    image_url: ImageUrl


class CalledFunction(msgspec.Struct, forbid_unknown_fields=True):
    """Which function is called, with arguments that are a JSON object written as text."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, forbid_unknown_fields=True):
    """A call of a function by the assistant."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class SystemMessage(msgspec.Struct, tag_field="role", tag="system", forbid_unknown_fields=True):
    """What the system says; ``developer`` means the same."""

    content: str | list[TextPart]
    name: str | None = None


class DeveloperMessage(SystemMessage, tag_field="role", tag="developer", forbid_unknown_fields=True):
    """What the developer says."""


class UserMessage(msgspec.Struct, tag_field="role", tag="user", forbid_unknown_fields=True):
    """What the user says or shows."""

    content: str | list[TextPart | ImagePart]
    name: str | None = None


class AssistantMessage(msgspec.Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True):
    """What the model says or calls; with ``weight`` 0 nothing is learnt from it."""

    content: str | list[TextPart | RefusalPart] | None = None
    name: str | None = None
    weight: Literal[0, 1] = 1
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None


class ToolMessage(msgspec.Struct, tag_field="role", tag="tool", forbid_unknown_fields=True):
    """What a tool answered."""

    content: str | list[TextPart]
    tool_call_id: str
    name: str | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """A conversation with the tools that are offered in it. ``tools`` are the bytes of a JSON list, or empty."""

    messages: list[Message]
    tools: msgspec.Raw = msgspec.Raw(b"")
    parallel_tool_calls: bool | None = None


class ChatRow(Asked, forbid_unknown_fields=True):
    """A row of supervised training: the last message is the assistant's."""


class PreferenceRow(msgspec.Struct, forbid_unknown_fields=True):
    """A row of DPO: one answer that is preferred to another."""

    input: Asked
    preferred_output: list[AssistantMessage]
    non_preferred_output: list[AssistantMessage]


class ItemRow(msgspec.Struct):
    """A row of reinforcement or evaluation: a conversation, and fields that graders and templates name (``item``)."""

    asked: Asked
    item: dict[str, Any]


class FreeRow(msgspec.Struct):
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
