"""Reads ``response_format``: what an answer's content has to look like.

Owns the two JSON formats. What a client's schema may be, ``schema_check`` knows; what it says of a value, ``schema_fit``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.chat.names import take_name
from ftops.server.chat.schema_check import UnevaluatedKeyword, check_schema
from ftops.server.chat.schema_fit import Fit
from ftops.server.chat.schema_places import Schema, SchemaFault
from ftops.server.chat.work import TooComplex, Work
from ftops.server.errors import ApiError, unsupported_value

_CHARACTERS_PER_STEP = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonFormat:
    """Content that is a JSON object, of a schema if one is given. Looking at replies draws on the request's ``work``."""

    work: Work
    schema: Schema | None = None

    def fits(self, content: object) -> bool:
        """Whether a message's content is of this format; none is once the work is used up."""
        if not isinstance(content, str):
            return False
        try:
            self.work.spend(1 + len(content) // _CHARACTERS_PER_STEP)
            value = msgspec.json.decode(content.encode())
        except (TooComplex, msgspec.DecodeError, ValueError, RecursionError):
            return False
        return self.fits_value(value)

    def fits_value(self, value: object) -> bool:
        """Whether a JSON value is of this format; none is once the work is used up."""
        return isinstance(value, dict) if self.schema is None else Fit(self.schema, self.work).fits(value)


def read_response_format(arguments: Arguments, messages: Sequence[Mapping[str, Any]], work: Work) -> JsonFormat | None:
    """The format, checked; None for plain text."""
    section = arguments.take_section("response_format")
    if section is None:
        return None
    section.take_required_text("type")
    kind = section.take_choice("type", ("text", "json_object", "json_schema"))
    schema = _read_schema(section, work) if kind == "json_schema" else None
    section.finish()
    if kind == "json_object" and not any("json" in text.lower() for text in _texts(messages)):
        raise ApiError(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            param="messages",
        )
    return None if kind == "text" else JsonFormat(work=work, schema=schema)


def _read_schema(section: Arguments, work: Work) -> Schema | None:
    given = section.take_section("json_schema")
    if given is None:
        raise missing_parameter(section.path("json_schema"))
    name = take_name(given)
    given.take_text("description")
    schema = given.take_object("schema")
    is_strict = given.take_flag("strict") is True
    given.finish()
    if schema is None:
        return None
    try:
        check_schema(schema, work=work, is_strict=is_strict, is_evaluated=True)
    except UnevaluatedKeyword as error:
        raise unsupported_value("response_format", f"uses '{error}', which this server doesn't evaluate.") from error
    except SchemaFault as error:
        raise ApiError(f"Invalid schema for response_format '{name}': {error}", param="response_format") from error
    return schema


def _texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (message["content"] for message in messages if isinstance(message.get("content"), str))
