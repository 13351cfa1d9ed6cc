"""Tools and their calls: what a row offers, what its messages call, and what answers the calls.

Owns the rules for both. Typed and untyped rows are checked by the same code; rows of one file mostly offer the same tools,
which are read once.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec

from ftops.datasets.excerpts import masked_excerpt, masked_value, masked_words
from ftops.datasets.findings import Found
from ftops.datasets.tool_schemas import ToolSchema, tool_schema
from ftops.domain.foreign_text import visible

# OpenAI's reference, "FunctionObject" and "tools".
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST_TOOLS: Final = 128
_KEPT_BYTES: Final = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """The tools of a row. ``schemas`` has each offered name; ``found`` is what is to be said, below the field ``tools``."""

    schemas: Mapping[str, ToolSchema | None] = field(default_factory=dict)
    found: tuple[Found, ...] = ()


NO_OFFER: Final = Offer()


@dataclass(frozen=True, slots=True)
class Call:
    """A call as a row has it; ``place`` is its JSON pointer."""

    place: str
    id: str
    name: str
    arguments: str


def offer_of(tools: bytes) -> Offer:
    """Gives what is offered by ``tools``: a JSON list, or nothing. Raises what decoding raises where it is no JSON."""
    if not tools or tools == b"null":
        return NO_OFFER
    return _known_offer(tools) if len(tools) <= _KEPT_BYTES else _read_offer(tools)


@lru_cache(maxsize=1_000)
def _known_offer(tools: bytes) -> Offer:
    return _read_offer(tools)


def _read_offer(raw: bytes) -> Offer:
    tools = msgspec.json.decode(raw)
    if not isinstance(tools, list):
        return Offer(found=(Found(code="D040", says=f"expected a list of tools, got {masked_value(tools)}"),))
    found = []
    if len(tools) > _MOST_TOOLS:
        found.append(Found(code="D040", says=f"expected at most {_MOST_TOOLS} tools, got {len(tools):,}"))
    schemas: dict[str, ToolSchema | None] = {}
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        schema = None
        found += [_below(one, f"/{index}") for one in _tool_findings(tool, function, name)]
        if isinstance(function, Mapping):
            schema, wrong = tool_schema(function.get("parameters"))
            if wrong is not None:
                found.append(_below(wrong, f"/{index}/function/parameters"))
        if isinstance(name, str):
            if name in schemas:
                says = f"expected each tool once, got {masked_excerpt(name)} again"
                found.append(Found(code="D041", field=f"/{index}/function/name", says=says))
            schemas[name] = schema
    return Offer(schemas=schemas, found=tuple(found))


def _tool_findings(tool: Any, function: Any, name: Any) -> Iterator[Found]:
    if not isinstance(tool, Mapping):
        yield Found(code="D040", says=f"expected a tool, got {masked_value(tool)}")
        return
    if tool.get("type") != "function":
        got = masked_value(tool["type"]) if "type" in tool else "none"
        yield Found(code="D040", field="/type", says=f"expected type function, got {got}")
    if not isinstance(function, Mapping) or not isinstance(name, str):
        yield Found(code="D040", says="expected a function with a name")
    elif not _NAME.fullmatch(name):
        says = f"expected up to 64 letters, digits, _ and -, got {masked_value(name)}"
        yield Found(code="D040", field="/function/name", says=says)


def _below(found: Found, place: str) -> Found:
    return Found(code=found.code, field=place + found.field, says=found.says, hint=found.hint, kind=found.kind)


class Talk:
    """Follows one conversation, message by message. ``found`` gathers what is wrong with its calls and their results."""

    def __init__(self, offer: Offer) -> None:
        self.found: list[Found] = []
        self._offered = offer.schemas
        self._is_offering = bool(offer.schemas or offer.found)
        self._open: dict[str, str] = {}

    def take_calls(self, calls: Iterable[Call]) -> None:
        """Takes the calls of an assistant's message."""
        self.take_other()
        for call in calls:
            if not self._is_offering:
                says = "expected a tool that the row offers, it offers none"
                self._add("D051", call.place, says, "add the tools that requests will have")
            if call.id in self._open:
                says = f"expected an id of its own, got {masked_excerpt(call.id)} again"
                self._add("D050", f"{call.place}/id", says)
            self._open[call.id] = call.place
            self._take_arguments(call)

    def take_result(self, place: str, call_id: str) -> None:
        """Takes a tool's message."""
        if self._open.pop(call_id, None) is None:
            says = f"expected the id of a call before it that has no result yet, got {masked_excerpt(call_id)}"
            self._add("D048", f"{place}/tool_call_id", says)

    def take_other(self) -> None:
        """Takes a message of another kind, or the end of a prompt: by now all calls should have their results."""
        for place in self._open.values():
            self._add("D049", place, "expected a tool message with the result of this call")
        self._open.clear()

    def _take_arguments(self, call: Call) -> None:
        at = f"{call.place}/function/arguments"
        arguments = _decoded(call.arguments)
        if isinstance(arguments, str) and isinstance(_decoded(arguments), dict):
            self._add("D044", at, "expected a JSON object as text, got one that was made text twice", _ONCE)
        elif arguments is _BROKEN:
            self._add("D043", at, "expected a JSON object written as text, got what is no JSON")
        elif not isinstance(arguments, dict):
            self._add(
                "D045", at, f"expected a JSON object written as text, got {masked_value(arguments)} written as text"
            )
        elif self._offered:
            self._compare(call, arguments, at)

    def _compare(self, call: Call, arguments: Any, at: str) -> None:
        if call.name not in self._offered:
            from difflib import get_close_matches

            near = get_close_matches(call.name, self._offered, n=1)
            hint = f"did you mean {visible(masked_words(near[0]))}?" if near else None
            says = f"expected one of the row's tools, got {masked_value(call.name)}"
            self._add("D046", f"{call.place}/function/name", says, hint)
            return
        schema = self._offered[call.name]
        for wrong in () if schema is None else schema.faults(arguments):
            self._add("D047", at, f"expected arguments that fit the tool's parameters, got others: {wrong}")

    def _add(self, code: str, place: str, says: str, hint: str | None = None) -> None:
        self.found.append(Found(code=code, field=place, says=says, hint=hint))


_ONCE: Final = "encode the object once, not its text again"
_BROKEN: Final = object()


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _BROKEN
