"""What a message of a training file may say: a text, or parts that are texts, refusals and images.

Owns the words for what is wrong with these, and what OpenAI takes of images. The engines read no more of an image than its
address; rows that OpenAI refuses are refused all the same.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

MOST_IMAGES = 10
_MOST_IMAGE_BYTES = 10_000_000
_PARTS = {"text": "text", "refusal": "refusal", "image_url": "image_url"}
_DATA_URL = re.compile(r"data:image/(jpeg|jpg|png|webp);base64,", re.IGNORECASE)
_FIRST_BYTES = {"jpeg": b"\xff\xd8\xff", "jpg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n", "webp": b"RIFF"}


def reads_images(model: str) -> bool:
    """Whether OpenAI trains this model, or one made from it, on images."""
    base = model.split(":")[1] if model.startswith("ft:") else model
    return base == "gpt-4o-2024-08-06"


def content_problem(message: Mapping[str, Any], *, takes_images: bool) -> str | None:
    """What is wrong with a message's content, or None. The message has a role."""
    content = message.get("content")
    if isinstance(content, str):
        return None
    role = message["role"]
    if content is None:
        replaced = role == "assistant" and any(message.get(key) for key in ("tool_calls", "refusal"))
        return None if replaced else "has no 'content'"
    if not isinstance(content, list) or not content:
        return "has 'content' that is neither a string nor a list of parts"
    for part in content:
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            return "has a content part without a type"
        problem = _part_problem(part, role, takes_images=takes_images)
        if problem is not None:
            return problem
    return None


def count_images(messages: Iterable[Mapping[str, Any]]) -> int:
    """The images in messages that nothing is wrong with."""
    contents = (message.get("content") for message in messages)
    return sum(part["type"] == "image_url" for content in contents if isinstance(content, list) for part in content)


def _part_problem(part: Mapping[str, Any], role: str, *, takes_images: bool) -> str | None:
    kind = part["type"]
    if kind not in _PARTS:
        return f"has a content part of unknown type '{kind[:64]}'"
    unknown = sorted(part.keys() - {"type", kind})
    if unknown:
        return f"has a content part with the unexpected key '{unknown[0][:64]}'"
    if kind == "image_url":
        if not takes_images:
            return "has an image, which this model and method aren't trained on"
        return _image_problem(part.get(kind)) if role == "user" else "has an image, which belongs to user messages"
    if kind == "refusal" and role != "assistant":
        return "has a refusal, which belongs to assistant messages"
    return None if isinstance(part.get(kind), str) else f"has a content part of type '{kind}' without text"


def _image_problem(image: object) -> str | None:
    if not isinstance(image, dict) or not isinstance(image.get("url"), str) or image.keys() - {"url", "detail"}:
        return "has an image that is not a dictionary of 'url' and 'detail'"
    if image.get("detail", "auto") not in ("auto", "low", "high"):
        return "has an image whose 'detail' is none of auto, low, high"
    url = image["url"]
    if url.startswith(("http://", "https://")):
        return None
    match = _DATA_URL.match(url)
    if match is None:
        return "has an image that is neither an address nor a JPEG, PNG or WEBP in a data URL"
    try:
        content = base64.b64decode(url[match.end() :], validate=True)
    except ValueError:
        return "has an image that is not valid base64"
    if len(content) > _MOST_IMAGE_BYTES:
        return "has an image of more than 10 MB"
    is_one = content.startswith(_FIRST_BYTES[match.group(1).lower()])
    return None if is_one else "has an image whose content is not of its type"
