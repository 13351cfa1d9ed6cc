"""YAML text as plain values with the line and column of every key and value.

Owns what ftops accepts as YAML: UTF-8, bounded in size, depth and alias expansion, no tags, no duplicate and no non-string
keys, scalars by YAML 1.2 (``yaml_scalars``). It knows no schema. Problems are collected, never raised: a broken value is left
out of the result and named in ``broken``, so that the rest can still be checked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from ftops.adapters.yaml_documents import MAX_BYTES, Place, YamlDocument, child
from ftops.adapters.yaml_scalars import ScalarError, plain_scalar
from ftops.domain.foreign_text import excerpt, quoted, visible
from ftops.errors import Problem

MAX_DEPTH: Final = 50
MAX_NODES: Final = 50_000

_UNTAGGED: Final = "ftops:untagged"
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BLOCK_OPENERS: Final = re.compile(r"^[ \t?:-]{40,}", re.MULTILINE)
_FLOW_OPENERS: Final = 200
_FastLoader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # pure Python where PyYAML has no C


class _Loader(_FastLoader):  # type: ignore[misc]
    """Composes nodes without guessing types, so that explicit tags can be told from guesses."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """Gives one tag for whatever the text leaves untagged; ``yaml_scalars`` decides later."""
        return _UNTAGGED


@dataclass(kw_only=True, slots=True)
class YamlFile:
    """All documents of a file that can be read, and everything that is wrong with its YAML."""

    documents: list[YamlDocument] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_yaml(data: bytes, file: str) -> YamlFile:
    """Reads the bytes of ``file`` (a name for messages); never raises for what the bytes hold."""
    result = YamlFile()
    text = _decode(data, file, result.problems)
    if text is None:
        return result
    try:
        if _may_be_deep(text):
            _check_depth(text)
        for node in yaml.compose_all(text, Loader=_Loader):
            conversion = _Conversion(file=file)
            document = conversion.document(node)
            result.documents.append(document)
            result.problems.extend(conversion.problems)
    except yaml.MarkedYAMLError as error:
        result.problems.append(_syntax_problem(error, text, file))
    except _TooDeep as error:
        result.problems.append(_at(file, error.mark, f"expected at most {MAX_DEPTH} levels of nesting"))
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the pure loader lets chr() fail on \U00110000
        result.problems.append(Problem(file=file, expected=f"expected YAML: {visible(str(error))}"))
    if not result.documents and not result.problems:
        result.problems.append(Problem(file=file, expected="expected a YAML document, the file has none"))
    return result


class _TooDeep(Exception):
    def __init__(self, mark: Any) -> None:
        super().__init__()
        self.mark = mark


def _decode(data: bytes, file: str, problems: list[Problem]) -> str | None:
    if len(data) > MAX_BYTES:
        problems.append(Problem(file=file, expected=f"expected at most {MAX_BYTES:,} bytes, got {len(data):,}"))
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_column(data[: error.start].decode("utf-8", "replace"))
        wrong = f"expected UTF-8, got the byte \\x{data[error.start]:02x}"
        problems.append(Problem(file=file, line=line, column=column, expected=wrong))
        return None
    if match := _CONTROL.search(text):
        line, column = _line_column(text[: match.start()])
        wrong = f"expected printable text, got the character {visible(match.group())}"
        if match.group() in "\x85\u2028\u2029":
            wrong += ", which versions of YAML disagree about"
        problems.append(Problem(file=file, line=line, column=column, expected=wrong))
        return None
    return text


def _line_column(before: str) -> tuple[int, int]:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines), len(lines[-1]) + 1


def _may_be_deep(text: str) -> bool:
    """Whether nesting could come near what a recursive composer stands; counts openers, so it may say yes too often."""
    return text.count("[") + text.count("{") > _FLOW_OPENERS or _BLOCK_OPENERS.search(text) is not None


def _check_depth(text: str) -> None:
    """Walks the events, which needs no recursion; raises ``_TooDeep``."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _TooDeep(event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = visible(error.problem or error.context or "malformed YAML")
    if mark is None:
        return Problem(file=file, expected=f"expected YAML: {said}")
    hint = None
    lines = text.splitlines()
    if mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        hint = "YAML is indented with spaces, not tabs"
    return _at(file, mark, f"expected YAML: {said}", hint=hint)


def _at(file: str, mark: Any, expected: str, *, pointer: str = "", hint: str | None = None) -> Problem:
    return Problem(
        file=file, line=mark.line + 1, column=mark.column + 1, field=visible(pointer), expected=expected, hint=hint
    )


@dataclass(kw_only=True, slots=True)
class _Conversion:
    """Turns the nodes of one document into plain values; aliases count each time they are used."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    values: dict[str, Place] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    open_nodes: list[yaml.Node] = field(default_factory=list)
    count: int = 0
    is_full: bool = False

    def document(self, node: yaml.Node) -> YamlDocument:
        value = self._value(node, "")
        return YamlDocument(
            value=value,
            place=_place(node),
            values=self.values,
            keys=self.keys,
            broken=frozenset(self.broken),
        )

    def _value(self, node: yaml.Node, pointer: str) -> Any:
        self.values[pointer] = _place(node)
        self.count += 1
        if self.count > MAX_NODES:
            if not self.is_full:
                self.is_full = True
                self._refuse(
                    node, "", f"expected at most {MAX_NODES:,} values, aliases counted each time they are used"
                )
            return None
        if node.tag != _UNTAGGED:
            return self._refuse(node, pointer, f"expected no tag, got {_shown_tag(node)}", hint="put text in quotes")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, pointer)
        if any(node is outer for outer in self.open_nodes):
            return self._refuse(node, pointer, "expected no alias to a value that contains it")
        if len(self.open_nodes) >= MAX_DEPTH:
            return self._refuse(node, pointer, f"expected at most {MAX_DEPTH} levels of nesting")
        self.open_nodes.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return dict(self._items(node, pointer))
            return [self._value(item, child(pointer, i)) for i, item in enumerate(node.value)]
        finally:
            self.open_nodes.pop()

    def _scalar(self, node: yaml.ScalarNode, pointer: str) -> Any:
        text: str = node.value
        if node.style:
            # Only an escape can make one: what stands in the file was UTF-8.
            if _SURROGATE.search(text):
                return self._refuse(node, pointer, "expected Unicode text, got half of a surrogate pair")
            return text
        try:
            return plain_scalar(text)
        except ScalarError as error:
            return self._refuse(node, pointer, str(error))

    def _items(self, node: yaml.MappingNode, pointer: str) -> Iterator[tuple[str, Any]]:
        seen: dict[str, Place] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, pointer)
            if key is None:
                self.broken.add(pointer)
                continue
            place = _place(key_node)
            here = child(pointer, key)
            if key in seen:
                first = f"the first one is in line {seen[key].line}"
                self.problems.append(_at(self.file, key_node.start_mark, "duplicate key", pointer=here, hint=first))
                continue
            seen[key] = self.keys[here] = place
            yield key, self._value(value_node, here)

    def _key(self, node: yaml.Node, pointer: str) -> str | None:
        self.count += 1
        if not isinstance(node, yaml.ScalarNode):
            self.problems.append(_at(self.file, node.start_mark, "expected text as key", pointer=pointer))
            return None
        if node.tag != _UNTAGGED:
            wrong = f"expected no tag, got {_shown_tag(node)}"
            self.problems.append(_at(self.file, node.start_mark, wrong, pointer=pointer))
            return None
        try:
            key = node.value if node.style else plain_scalar(node.value)
        except ScalarError:
            key = node.value
        if isinstance(key, str) and not (node.style and _SURROGATE.search(key)):
            return key
        shown = "half of a surrogate pair" if isinstance(key, str) else excerpt(key)
        wrong = f"expected text as key, got {shown}"
        hint = f'write "{visible(node.value)}"' if not isinstance(key, str) and node.value else None
        self.problems.append(_at(self.file, node.start_mark, wrong, pointer=pointer, hint=hint))
        return None

    def _refuse(self, node: yaml.Node, pointer: str, expected: str, *, hint: str | None = None) -> None:
        self.problems.append(_at(self.file, node.start_mark, expected, pointer=pointer, hint=hint))
        self.broken.add(pointer)


def _place(node: yaml.Node) -> Place:
    mark = node.start_mark
    return Place(mark.line + 1, mark.column + 1)


def _shown_tag(node: yaml.Node) -> str:
    return quoted(node.tag.replace("tag:yaml.org,2002:", "!!"))
