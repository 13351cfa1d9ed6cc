"""Is there nothing to be said of a row that decodes? What its types alone don't tell, as quickly as can be.

Owns the quick form of the rules that ``formats`` has in words: it must never accept what is found fault with there.
"""

from collections.abc import Sequence
from typing import Any, Final

from ftops.datasets.images import MOST_IMAGES, is_sound_image
from ftops.datasets.rows import Asked, AssistantMessage, ImagePart, Message, PreferenceRow, ToolMessage
from ftops.datasets.tools import Call, Offer, Talk, offer_of

_NO_TOOLS: Final = Asked([]).tools  # a row without tools has this very object


def is_plain_lesson(row: Asked) -> bool:
    """Tells whether a row is a conversation of texts that ends with a lesson, as most are: nothing is to be said of these."""
    if row.tools is not _NO_TOOLS:
        return False
    kind: type | None = None
    message: Any = None
    for message in row.messages:
        kind = message.__class__
        if message.content.__class__ is not str or kind is ToolMessage:
            return False
        if kind is AssistantMessage and message.tool_calls is not None:
            return False
    return kind is AssistantMessage and message.weight == 1


def is_sound_conversation(asked: Asked, *, takes_images: bool) -> bool:
    """Tells whether tools, calls, results, contents and images are all right. Raises what decoding raises for broken tools."""
    if memoryview(asked.tools).nbytes:
        return _is_sound_in_full(asked, takes_images=takes_images)
    for message in asked.messages:
        kind = message.__class__
        if message.content.__class__ is not str or kind is ToolMessage:
            return _is_sound_in_full(asked, takes_images=takes_images)
        if kind is AssistantMessage and message.tool_calls is not None:  # type: ignore[union-attr]
            return _is_sound_in_full(asked, takes_images=takes_images)
    return True


def ends_with_answer(asked: Asked) -> bool:
    """Tells whether the last message is the assistant's."""
    return asked.messages[-1].__class__ is AssistantMessage


def has_lesson(asked: Asked) -> bool:
    """Tells whether there is an assistant's message that is learnt from."""
    return any(isinstance(one, AssistantMessage) and one.weight for one in reversed(asked.messages))


def is_sound_preference(row: PreferenceRow) -> bool:
    """Tells whether the conversation and both answers are all right."""
    if not is_sound_conversation(row.input, takes_images=False):
        return False
    answers = (*row.preferred_output, *row.non_preferred_output)
    if all(answer.content.__class__ is str and answer.tool_calls is None for answer in answers):
        return True
    offer = offer_of(bytes(row.input.tools))
    return all(_has_content(answer) and _are_sound_calls((answer,), offer) for answer in answers)


def _is_sound_in_full(asked: Asked, *, takes_images: bool) -> bool:
    offer = offer_of(bytes(asked.tools))
    if offer.found or not _are_sound_calls(asked.messages, offer):
        return False
    images = 0
    for message in asked.messages:
        if isinstance(message, AssistantMessage) and not _has_content(message):
            return False
        content = message.content
        for part in content if isinstance(content, list) else ():
            if isinstance(part, ImagePart):
                images += 1
                if not takes_images or not is_sound_image(part.image_url.url):
                    return False
    return images <= MOST_IMAGES


def _has_content(message: AssistantMessage) -> bool:
    return message.content is not None or bool(message.tool_calls) or bool(message.refusal)


def _are_sound_calls(messages: Sequence[Message], offer: Offer) -> bool:
    talk = Talk(offer)
    for message in messages:
        if isinstance(message, ToolMessage):
            talk.take_result("", message.tool_call_id)
        elif isinstance(message, AssistantMessage) and message.tool_calls:
            talk.take_calls(
                Call("", call.id, call.function.name, call.function.arguments) for call in message.tool_calls
            )
        else:
            talk.take_other()
    if not isinstance(messages[-1], AssistantMessage):
        talk.take_other()
    return not talk.found
