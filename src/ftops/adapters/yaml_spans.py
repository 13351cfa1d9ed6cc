"""Where the parts of YAML text begin and end, so that one of them can be written anew and every other byte stays.

Owns positions alone: what the text means, and whether ftops accepts it at all, is for ``yaml_nodes`` to say, which has to be
asked first; it bounds depth and size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

_ANCHOR: Final = re.compile(r"&[^\s,\[\]{}]+\s*")
_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # both give the same marks


@dataclass(kw_only=True, slots=True)
class Span:
    """One node, in characters from the text's start. ``begin`` is that of its anchor, where it has one, ``start`` its own.

    ``end`` is behind its last character; of a block scalar behind its last line. ``text`` is a scalar's value, ``style`` its
    quote or block sign. Of a mapping ``items`` has keys and values, of a sequence the same value twice. ``anchored`` is what
    ``*name`` stands for, where the node is written so.
    """

    begin: int
    start: int
    end: int
    text: str | None = None
    style: str = ""
    is_flow: bool = False
    is_mapping: bool = False
    items: list[tuple["Span", "Span"]] = field(default_factory=list)
    anchored: "Span | None" = None

    @property
    def meant(self) -> "Span":
        """The node itself, or what it stands for."""
        return self.anchored or self

    def get(self, key: str) -> "Span | None":
        """Gives the value of a mapping's key; None where it has none, or is no mapping."""
        return next((value for one, value in self.items if self.is_mapping and one.meant.text == key), None)


def document_spans(text: str) -> list[Span]:
    """Gives the root of each document. ``text`` has no byte order mark, and ``yaml_nodes`` found no fault in it."""
    events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
    return [_node(next(events), events, {}, text) for event in events if isinstance(event, yaml.DocumentStartEvent)]


def _node(event: Any, events: Iterator[Any], anchors: dict[Any, Span], text: str) -> Span:
    begin, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        return Span(begin=begin, start=begin, end=end, anchored=anchors[event.anchor])
    anchor = _ANCHOR.match(text, begin) if event.anchor else None
    span = Span(begin=begin, start=anchor.end() if anchor else begin, end=end)
    if event.anchor:
        anchors[event.anchor] = span
    if isinstance(event, yaml.ScalarEvent):
        span.text, span.style = event.value, event.style or ""
        return span
    span.is_flow, span.is_mapping = bool(event.flow_style), isinstance(event, yaml.MappingStartEvent)
    following: Any = next(events)
    while not isinstance(following, yaml.CollectionEndEvent):
        key = _node(following, events, anchors, text)
        span.items.append((key, _node(next(events), events, anchors, text) if span.is_mapping else key))
        following = next(events)
    # The end of a block is marked where the next thing begins, comments between passed over.
    closing: Any = following.end_mark
    span.end = closing.index if span.is_flow or not span.items else span.items[-1][1].end
    return span
