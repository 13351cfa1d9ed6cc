"""Fields of a YAML mapping, each with the line it stands in.

Owns types and ranges of single values, and names that are missing, unknown or given twice. What a value is, its field says,
never YAML's guess: ``no`` is no boolean here. Problems are collected, so that a file's are shown all at once.
"""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

import yaml

_TEXT_TAG = "tag:yaml.org,2002:str"
_GUESSED = frozenset(f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))
_WHOLE = re.compile(r"[0-9]{1,15}")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|z|[+-]\d{2}:\d{2}))?", re.ASCII)


class Problems:
    """What is wrong with a file, each with its line."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def note(self, node: yaml.Node, text: str) -> None:
        """Notes a problem at the line where a node begins."""
        self.found.append(f"line {node.start_mark.line + 1}: {text}")


class Fields:
    """A mapping. Every ``take_*`` marks a name as known; None is absent or wrong. ``finish`` refuses unknown names."""

    def __init__(self, node: yaml.Node, problems: Problems, *, what: str) -> None:
        self.node = node
        self._problems = problems
        self._what = what
        self._values: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        self._known: set[str] = set()
        if not isinstance(node, yaml.MappingNode):
            problems.note(node, f"expected {what} to be a mapping, got {shown(node)}")
            return
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else shown(key)
            if name in self._values:
                problems.note(key, f"'{name}' is given twice")
            self._values[name] = (key, value)

    def has(self, name: str) -> bool:
        """Whether a name is given, whatever its value is."""
        return name in self._values

    def note(self, text: str, *, at: str | None = None) -> None:
        """Notes a problem where a name stands, or where the mapping begins."""
        self._problems.note(self._values[at][1] if at in self._values else self.node, text)

    def take(self, name: str, *, required: bool = False) -> yaml.Node | None:
        """The node of a value."""
        self._known.add(name)
        if name in self._values:
            return self._values[name][1]
        if required:
            self.note(f"{self._what} needs '{name}'")
        return None

    def take_text(self, name: str, *, required: bool = False, most: int = 1000) -> str | None:
        """A text that isn't empty; what YAML takes for something else must be quoted."""
        node = self.take(name, required=required)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or node.tag in _GUESSED or not 0 < len(node.value) <= most:
            self._refuse(name, node, f"text of 1 to {most:,} characters, in quotes where it looks like a number")
            return None
        return str(node.value)

    def take_choice(self, name: str, values: Sequence[str], *, required: bool = False) -> str | None:
        """One of the words given."""
        node = self.take(name, required=required)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or node.value not in values:
            self._refuse(name, node, f"one of {', '.join(values)}")
            return None
        return str(node.value)

    def take_whole(self, name: str, *, least: int, most: int, required: bool = False) -> int | None:
        """A whole number from ``least`` to ``most``."""
        node = self.take(name, required=required)
        if node is None:
            return None
        if not _is_plain(node, _WHOLE) or not least <= int(node.value) <= most:
            self._refuse(name, node, f"a whole number from {least:,} to {most:,}")
            return None
        return int(node.value)

    def take_number(self, name: str, *, above: float, most: float, required: bool = False) -> float | None:
        """A number greater than ``above`` and up to ``most``."""
        node = self.take(name, required=required)
        if node is None:
            return None
        if not _is_plain(node, _NUMBER) or not above < float(node.value) <= most:
            self._refuse(name, node, f"a number above {above:g}, up to {most:,g}")
            return None
        return float(node.value)

    def take_flag(self, name: str) -> bool:
        """``true`` or ``false``; false when absent."""
        node = self.take(name)
        if node is None:
            return False
        if not _is_plain(node, re.compile("true|false")):
            self._refuse(name, node, "true or false")
        return bool(node.value == "true")

    def take_moment(self, name: str, *, required: bool = False) -> dt.datetime | None:
        """A date, which begins at midnight UTC, or a date and time with its zone."""
        node = self.take(name, required=required)
        if node is None:
            return None
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        try:
            moment = dt.datetime.fromisoformat(text.upper()) if _MOMENT.fullmatch(text) else None
        except ValueError:
            moment = None
        if moment is None:
            self._refuse(name, node, "a date such as 2027-01-06, or a time such as 2027-01-06T12:00:00Z")
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

    def take_section(self, name: str) -> "Fields | None":
        """A mapping whose own fields are read the same way; None when it is absent."""
        node = self.take(name)
        return None if node is None else Fields(node, self._problems, what=f"'{name}'")

    def finish(self) -> None:
        """Refuses every name that nothing has asked for."""
        for name, (key, _) in self._values.items():
            if name not in self._known:
                self._problems.note(key, f"{self._what} knows no '{name}', only {', '.join(sorted(self._known))}")

    def _refuse(self, name: str, node: yaml.Node, expected: str) -> None:
        self._problems.note(node, f"'{name}': expected {expected}; got {shown(node)}")


def shown(node: yaml.Node) -> str:
    """A node in a few words."""
    match node:
        case yaml.MappingNode():
            return "a mapping"
        case yaml.SequenceNode():
            return "a list"
        case _ if not node.value:
            return "nothing"
        case _:
            text = str(node.value)
            return repr(text if len(text) <= 60 else text[:60] + "…")


def _is_plain(node: yaml.Node, pattern: re.Pattern[str]) -> Any:
    return isinstance(node, yaml.ScalarNode) and node.style is None and pattern.fullmatch(node.value)
