"""The names that a client gives to its functions and formats."""

import re

from ftops.server.arguments import Arguments
from ftops.server.errors import ApiError

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_MAX_LENGTH = 64


def take_name(fields: Arguments) -> str:
    """The required ``name``: up to 64 letters, digits, underscores and hyphens."""
    fields.take_text("name", most=_MAX_LENGTH)
    name = fields.take_required_text("name")
    if _NAME.fullmatch(name) is None:
        raise ApiError(
            f"Invalid '{fields.path('name')}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'.",
            param=fields.path("name"),
            code="invalid_value",
        )
    return name
