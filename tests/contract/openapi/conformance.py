"""Holds an answer against the mended document: path, status, content type, body, and fields that it doesn't know or has lost.

Knows nothing of how the answer was got: see ``recorder`` for that.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from document import SERVED, Json
from fields import lost_fields
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

PREFIX = "/v1"
_ENVELOPE: Json = {"$ref": "#/components/schemas/ErrorResponse"}
_DONE = b"[DONE]"
# What the document doesn't tell of, but clients read. A span of time is like 6m0s, 1.2s or 6ms.
_SPAN = r"([0-9]+h)?([0-9]+m)?([0-9]+(\.[0-9]+)?s)?|[0-9]+ms"
_HEADERS = {
    "x-request-id": r"req_[0-9a-f]{32}",
    "openai-version": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "openai-processing-ms": "[0-9]+",
    "openai-organization": ".+",
}
_LIMIT_HEADERS = {
    f"x-ratelimit-{what}-{unit}": _SPAN if what == "reset" else "[0-9]+"
    for what in ("limit", "remaining", "reset")
    for unit in ("requests", "tokens")
}
_WAIT_HEADERS = {"retry-after": "[1-9][0-9]*", "retry-after-ms": "[1-9][0-9]*"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer, with what was asked. ``path`` begins with ``/v1``; header names are in lower case."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def __str__(self) -> str:
        return f"{self.method} {self.path} → {self.status}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """``operation`` is the document's method and path, None outside it; ``unknown`` names fields as ``Schema.field``."""

    operation: str | None
    faults: tuple[str, ...]
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Published:
    """The mended document, ready to judge."""

    document: Json
    _validators: dict[str, Draft202012Validator] = field(default_factory=dict)

    def judge(self, answer: Answer) -> Verdict:
        """What of an answer contradicts the document."""
        path = template_of(answer.path)
        operation = self.document["paths"].get(path, {}).get(answer.method.lower())
        faults = list(_faults_of_headers(answer))
        if operation is None:
            # Not the document's to say, but every client reads an error from the same envelope.
            expected = 404 if path is None else 405
            if answer.status not in (expected, 401, 403):
                faults.append(f"status {answer.status} of what the document doesn't have, instead of {expected}")
            faults += self._faults_of_json(answer.body, _ENVELOPE)
            return _verdict(answer, None, faults)
        name = f"{answer.method.lower()} {path}"
        documented = operation["responses"].get(str(answer.status))
        if documented is None:
            return _verdict(answer, name, [*faults, f"status {answer.status} is not documented"])
        content = self._resolve(documented)["content"].get(answer.content_type)
        if content is None:
            return _verdict(answer, name, [*faults, f"content type {answer.content_type!r} is not documented"])
        schema = content["schema"]
        unknown: set[str] = set()
        try:
            bodies = _bodies(answer)
        except _Broken as error:
            return _verdict(answer, name, [*faults, str(error)])
        for body in bodies if schema else ():
            faults += self._faults_of_json(body, schema)
            if not faults:
                told = json.loads(body)
                unknown.update(self._unknown(told, schema, at=""))
                faults += lost_fields(told, name)
        return _verdict(answer, name, faults, frozenset(unknown))

    def is_valid(self, value: object, schema: Json) -> bool:
        """Whether a value fits a schema of the document."""
        return bool(self._validator(schema).is_valid(value))

    def fault_of(self, value: object, schema: Json) -> str | None:
        """Why a value doesn't fit a schema of the document; None when it does."""
        error = best_match(self._validator(schema).iter_errors(value))
        return None if error is None else f"{error.json_path}: {error.message}"

    def _faults_of_json(self, body: bytes, schema: Json) -> list[str]:
        try:
            value = json.loads(body)
        except ValueError:
            return ["the body isn't JSON"]
        fault = self.fault_of(value, schema)
        return [] if fault is None else [fault]

    def _validator(self, schema: Json) -> Draft202012Validator:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        return self._validators[key]

    def _resolve(self, schema: Json) -> Json:
        while isinstance(schema.get("$ref"), str):
            value: Any = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                value = value[step]
            schema = value
        return schema

    def _unknown(self, value: object, schema: Json, *, at: str) -> Iterator[str]:
        """The fields that no schema which fits the value describes, under the name of the schema around them."""
        fitting = list(self._fitting(value, schema, at))
        if isinstance(value, list):
            for name, each in fitting:
                for item in value:
                    yield from self._unknown(item, each["items"], at=name) if "items" in each else ()
        if not isinstance(value, dict) or any(_is_open(each) for _, each in fitting):
            return
        for key, inner in value.items():
            known = [(name, each["properties"][key]) for name, each in fitting if key in each.get("properties", {})]
            if not known:
                yield f"{fitting[0][0] if fitting else at}.{key}"
            for name, each in known:
                yield from self._unknown(inner, each, at=f"{name}.{key}")

    def _fitting(self, value: object, schema: Json, at: str) -> Iterator[tuple[str, Json]]:
        """The schemas without references or alternatives that together describe this value, each with its name."""
        if isinstance(schema.get("$ref"), str):
            yield from self._fitting(value, self._resolve(schema), schema["$ref"].rpartition("/")[2])
            return
        for member in schema.get("allOf", ()):
            yield from self._fitting(value, member, at)
        for member in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            if self.is_valid(value, member):
                yield from self._fitting(value, member, at)
        if not {"allOf", "anyOf", "oneOf"} & schema.keys() or "properties" in schema:
            yield at, schema


@cache
def template_of(path: str) -> str | None:
    """The document's path for a path of a request; None when it has none."""
    bare = path.removeprefix(PREFIX)
    if bare == path:
        return None
    # Fixed words before placeholders, for /files/{file_id} would take much.
    for template in sorted(SERVED, key=lambda each: each.count("{")):
        if _pattern(template).fullmatch(bare):
            return template
    return None


@cache
def _pattern(template: str) -> "re.Pattern[str]":
    # A model's name may hold slashes; an id doesn't.
    parts = re.split(r"\{(\w+)\}", template)
    named = {"model": ".+"}
    return re.compile("".join(named.get(part, "[^/]+") if at % 2 else re.escape(part) for at, part in enumerate(parts)))


def _faults_of_headers(answer: Answer) -> Iterator[str]:
    expected = dict(_HEADERS)
    if answer.path == f"{PREFIX}/chat/completions" and answer.status in (200, 429):
        expected |= _LIMIT_HEADERS
    if answer.status == 429:
        expected |= _WAIT_HEADERS
    for name, pattern in expected.items():
        value = answer.headers.get(name, "")
        if not value or not re.fullmatch(pattern, value):
            yield f"header {name}: {value!r}"


def _bodies(answer: Answer) -> list[bytes]:
    """The body, or the events of a stream. ``_Broken`` when it isn't told as OpenAI's streams are."""
    if answer.content_type != "text/event-stream":
        return [answer.body]
    # By bytes: text has more ends of lines than events do.
    *events, rest = answer.body.split(b"\n\n")
    if rest or any(not event.startswith(b"data: ") or b"\n" in event for event in events):
        raise _Broken("the stream isn't made of lines of data")
    told = [event.removeprefix(b"data: ") for event in events]
    if told[-1:] != [_DONE]:
        raise _Broken("the stream has no end")
    return told[:-1]


class _Broken(Exception):
    """A stream that no client could read."""


def _is_open(schema: Json) -> bool:
    """Whether an object may hold what its schema doesn't name."""
    if "properties" not in schema:
        return True
    return schema.get("additionalProperties", False) is not False


def _verdict(
    answer: Answer, operation: str | None, faults: list[str], unknown: frozenset[str] = frozenset()
) -> Verdict:
    shown = tuple(f"{answer}: {fault}" for fault in faults)
    return Verdict(operation=operation, faults=shown, unknown=unknown)
