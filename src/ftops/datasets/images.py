"""The images of a row: where they may stand, how many, how large, of which kind.

Owns OpenAI's limits for training on images. Images behind an address are not looked at.
"""

import binascii
import re
from typing import Any, Final

from ftops.datasets.excerpts import masked_value
from ftops.datasets.findings import Found

MOST_IMAGES: Final = 10
MAX_IMAGE_BYTES: Final = 10_000_000
VISION_MODELS: Final = ("gpt-4o-2024-08-06",)
_DETAILS: Final = ("auto", "low", "high")
_DATA: Final = re.compile(r"data:([^;,]{0,100})(;base64)?,", re.IGNORECASE)
_KINDS: Final = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/jpg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),
}


def is_sound_image(url: str) -> bool:
    """Tells whether an image may be trained on; ``image_finding`` says what is wrong with it."""
    return _wrong(url) is None


def image_finding(image: Any, pointer: str) -> Found | None:
    """Gives what is wrong with the value of a part's ``image_url``."""
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        return Found(code="D031", field=pointer, says="expected a mapping with url")
    unknown = sorted(image.keys() - {"url", "detail"})
    if unknown:
        return Found(code="D022", field=pointer, says=f"expected url and detail only, got {masked_value(unknown[0])}")
    if "detail" in image and image["detail"] not in _DETAILS:
        says = f"expected one of {', '.join(_DETAILS)}, got {masked_value(image['detail'])}"
        return Found(code="D031", field=f"{pointer}/detail", says=says)
    wrong = _wrong(image["url"])
    return None if wrong is None else Found(code="D031", field=f"{pointer}/url", says=wrong)


def _wrong(url: str) -> str | None:
    if url.startswith(("https://", "http://")):
        return None
    match = _DATA.match(url)
    if match is None:
        return f"expected an https address or a data URL, got {masked_value(url, limit=20)}"
    kind = match.group(1).lower()
    if kind not in _KINDS or match.group(2) is None:
        return f"expected JPEG, PNG or WEBP in base64, got {masked_value(match.group()[:60])}"
    encoded = url[match.end() :]
    size = len(encoded) * 3 // 4
    if size > MAX_IMAGE_BYTES:
        return f"expected at most {MAX_IMAGE_BYTES:,} bytes an image, got {size:,}"
    try:
        start = binascii.a2b_base64(encoded[:16])
        binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        return f"expected {kind} in base64, got other text"
    if not start.startswith(_KINDS[kind]):
        return f"expected {kind}, got other bytes"
    return None
