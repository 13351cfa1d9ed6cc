"""One alias of one manifest, written anew in the manifest's own bytes: comments, order, quotes and line ends stay.

Owns the edit and the proof that it is one: what comes of it is read back, and has to mean what was there with this alias
changed and nothing else. It decides nothing about revisions, and touches no file.
"""

import codecs
import copy
import json
from typing import Any, Final

from ftops.adapters.yaml_nodes import YamlFile, read_yaml
from ftops.adapters.yaml_scalars import ScalarError, plain_scalar
from ftops.adapters.yaml_spans import Span, document_spans
from ftops.domain.manifest import LATEST

_BREAKS: Final = "\r\n"


class NotEditable(ValueError):
    """The alias can't be written without touching something else; the text says why, for a person who then does it."""


def with_alias(data: bytes, *, fine_tune: str, alias: str, to: str) -> bytes:
    """Gives a manifest's bytes with ``spec.aliases.ALIAS`` of that fine-tune set to ``to``; added where it isn't there yet.

    ``data`` is a file that ftops reads without a fault, with one document or several. Raises NotEditable.
    """
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    text = data[len(mark) :].decode("utf-8")
    before = read_yaml(data, "")
    number = next((n for n, one in enumerate(before.documents) if _name(one.value) == fine_tune), None)
    if before.problems or number is None:
        raise NotEditable(f"the file declares no {fine_tune} any more")
    edited = mark + _edited(text, document_spans(text)[number], alias, to).encode("utf-8")
    _prove(before, edited, number, alias, to)
    return edited


def _name(document: Any) -> Any:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    return metadata.get("name") if isinstance(metadata, dict) else None


def _edited(text: str, root: Span, alias: str, to: str) -> str:
    spec = _own(root.get("spec"), "spec")
    if spec.get("aliases") is None:
        return _with_aliases(text, root, spec, alias, to)
    aliases = _own(spec.get("aliases"), "spec.aliases")
    key, value = next(((key, value) for key, value in aliases.items if key.meant.text == alias), (None, None))
    if key is None or value is None:
        return _with_entry(text, aliases, f"{_key(alias, aliases, spec)}: {_scalar(to)}")
    behind = text[value.start : value.end]
    rest = behind[len(behind.rstrip()) :] if value.style in {"|", ">"} else ""  # a block's last line ends as it did
    return text[: value.start] + _scalar(to, value.style, key.style) + rest + text[value.end :]


def _own(span: Span | None, what: str) -> Span:
    if span is None or span.anchored is not None:
        raise NotEditable(f"{what} is a YAML alias there (*name), of something that stands elsewhere")
    return span


def _scalar(to: str, style: str = "", key_style: str = "") -> str:
    """A revision always stands in quotes, as some look like numbers; ``latest`` where they don't stem from a revision."""
    if style == "'":
        return f"'{to}'"
    is_json = style == key_style == '"'
    return to if to == LATEST and not is_json else f'"{to}"'


def _key(alias: str, *like: Span) -> str:
    """Gives the key as the others of its mapping are written: of an empty one as those around it."""
    first = next((one.items[0][0] for one in like if one.items), None)
    try:
        is_text = isinstance(plain_scalar(alias), str)
    except ScalarError:
        is_text = False
    style = first.style if first is not None and first.style in {"'", '"'} else ""
    return f"{style}{alias}{style}" if is_text or style else f'"{alias}"'


def _with_aliases(text: str, root: Span, spec: Span, alias: str, to: str) -> str:
    key, entry = _key("aliases", spec), f"{_key(alias, spec)}: {_scalar(to)}"
    if spec.is_flow:
        return _with_entry(text, spec, f"{key}: {{{entry}}}")
    column = _column(text, spec)
    step = column - _column(text, root) or 2
    return _with_entry(text, spec, f"{key}:", " " * (column + step) + entry)


def _with_entry(text: str, mapping: Span, *lines: str) -> str:
    """Adds an entry behind a mapping's last one: to its line, or as lines of their own."""
    if mapping.is_flow and mapping.items:
        at = mapping.items[-1][1].end
        return text[:at] + ", " + lines[0] + text[at:]
    if mapping.is_flow:
        return text[: mapping.end - 1] + lines[0] + text[mapping.end - 1 :]
    at = _line_end(text, mapping.end)
    line_break = _line_break(text, at)
    added = line_break.join((" " * _column(text, mapping) + lines[0], *lines[1:]))
    is_last_open = at == len(text) and not text.endswith(("\r", "\n"))
    return text[:at] + (line_break + added if is_last_open else added + line_break) + text[at:]


def _column(text: str, mapping: Span) -> int:
    begin = mapping.items[0][0].begin
    return begin - max(text.rfind(mark, 0, begin) for mark in _BREAKS) - 1


def _line_end(text: str, at: int) -> int:
    """Gives where the next line begins."""
    if at and text[at - 1] in _BREAKS:
        return at
    ends = [found for mark in _BREAKS if (found := text.find(mark, at)) >= 0]
    if not ends:
        return len(text)
    end = min(ends)
    return end + (2 if text.startswith("\r\n", end) else 1)


def _line_break(text: str, at: int) -> str:
    """Gives the break that ends the line before, or the first one of the text."""
    end = at if text[:at].endswith(("\r", "\n")) else _line_end(text, 0)
    return next((mark for mark in ("\r\n", "\n", "\r") if text[:end].endswith(mark)), "\n")


def _prove(before: YamlFile, edited: bytes, number: int, alias: str, to: str) -> None:
    """Raises NotEditable where the edited bytes don't mean the old documents with that alias changed."""
    wanted = [copy.deepcopy(one.value) for one in before.documents]
    wanted[number]["spec"].setdefault("aliases", {})[alias] = to
    after = read_yaml(edited, "")
    # As text: in Python 1, 1.0 and True are equal, and mappings in any order.
    if after.problems or json.dumps([one.value for one in after.documents]) != json.dumps(wanted):
        raise NotEditable(
            "other lines are written in terms of it (an anchor, &name), or its layout is out of the ordinary"
        )
