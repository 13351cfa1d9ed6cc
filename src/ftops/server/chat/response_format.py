"""Reads ``response_format``: what an answer's content has to look like.

Owns the two JSON formats. A schema comes from a client and is data: nothing it refers to is fetched, and keywords that
evaluate regular expressions are refused, since a hostile one can hold a thread for good.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, SchemaError
from referencing import Registry

from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.errors import ApiError, unsupported_value

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_DEPTH = 64
_MAX_SCHEMA = 256 * 1024
_REFUSED_KEYWORDS = ("pattern", "patternProperties", "$dynamicRef", "$recursiveRef")


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonFormat:
    """Content that is a JSON object, of a schema if one is given."""

    schema: Mapping[str, Any] | None = None
    encoded: bytes = b"{}"

    def fits(self, content: object) -> bool:
        """Whether a message's content is of this format."""
        if not isinstance(content, str):
            return False
        try:
            value = msgspec.json.decode(content.encode())
        except (msgspec.DecodeError, ValueError, RecursionError):
            return False
        return self.fits_value(value)

    def fits_value(self, value: object) -> bool:
        """Whether a JSON value is of this format."""
        if self.schema is None:
            return isinstance(value, dict)
        return bool(_validator(self.encoded).is_valid(value))


def read_response_format(arguments: Arguments, messages: Sequence[Mapping[str, Any]]) -> JsonFormat | None:
    """The format, checked; None for plain text."""
    section = arguments.take_section("response_format")
    if section is None:
        return None
    section.take_required_text("type")
    kind = section.take_choice("type", ("text", "json_object", "json_schema"))
    schema = _read_schema(section) if kind == "json_schema" else None
    section.finish()
    if kind == "json_object" and not any("json" in text.lower() for text in _texts(messages)):
        raise ApiError(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            param="messages",
        )
    return None if kind == "text" else schema or JsonFormat()


def _read_schema(section: Arguments) -> JsonFormat:
    given = section.take_section("json_schema")
    if given is None:
        raise missing_parameter(section.path("json_schema"))
    name = given.take_required_text("name")
    if _NAME.fullmatch(name) is None:
        raise ApiError(
            f"Invalid '{given.path('name')}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$' and has at most 64 characters.",
            param=given.path("name"),
            code="invalid_value",
        )
    given.take_text("description")
    schema = given.take_object("schema")
    is_strict = given.take_flag("strict") is True
    given.finish()
    if schema is None:
        return JsonFormat()
    fault = _fault_of(schema, is_strict=is_strict)
    if fault is not None:
        raise ApiError(f"Invalid schema for response_format '{name}': {fault}", param="response_format")
    return JsonFormat(schema=schema, encoded=msgspec.json.encode(schema))


def _fault_of(schema: Mapping[str, Any], *, is_strict: bool) -> str | None:
    try:
        is_long = len(msgspec.json.encode(schema)) > _MAX_SCHEMA
        nested = list(_subschemas(schema, 0))
    except RecursionError:
        return f"it nests deeper than {_MAX_DEPTH} levels."
    if is_long:
        return f"it is longer than {_MAX_SCHEMA} bytes."
    for keyword in _REFUSED_KEYWORDS:
        if any(keyword in each for each in nested):
            raise unsupported_value("response_format", f"uses '{keyword}', which this server doesn't evaluate.")
    try:
        Draft202012Validator.check_schema(schema)
        _validator(msgspec.json.encode(schema)).is_valid({})
    except SchemaError as error:
        return f"{error.message[:200]}."
    except Exception:  # noqa: BLE001 - a reference that leads nowhere, or in circles, fails in the validator's own ways
        return "a reference in it can't be followed."
    if not is_strict:
        return None
    if schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {json.dumps(schema.get('type'))[:50]}'."
    return next((fault for fault in map(_strict_fault, nested) if fault is not None), None)


def _strict_fault(schema: Mapping[str, Any]) -> str | None:
    """Strict schemas leave no property open, as OpenAI's guide to structured outputs demands."""
    properties = schema.get("properties")
    if schema.get("type") != "object" and not isinstance(properties, dict):
        return None
    if schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    missing = sorted(set(properties or {}) - set(schema.get("required") or ()))
    if missing:
        return (
            "'required' is required to be supplied and to be an array including every key in properties. "
            f"Missing '{missing[0][:100]}'."
        )
    return None


def _subschemas(schema: object, depth: int) -> Iterator[Mapping[str, Any]]:
    """A schema and all within it; names of properties aren't keywords, and so are stepped over."""
    if depth > _MAX_DEPTH:
        raise RecursionError
    if isinstance(schema, list):
        for each in schema:
            yield from _subschemas(each, depth + 1)
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs", "definitions", "dependentSchemas") and isinstance(value, dict):
            for each in value.values():
                yield from _subschemas(each, depth + 1)
        elif keyword not in ("enum", "const", "default", "examples", "required"):
            yield from _subschemas(value, depth + 1)


@lru_cache(maxsize=64)
def _validator(encoded: bytes) -> Draft202012Validator:
    # An empty registry: a reference to elsewhere is an error, never a request.
    return Draft202012Validator(msgspec.json.decode(encoded), registry=Registry())


def _texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (message["content"] for message in messages if isinstance(message.get("content"), str))
