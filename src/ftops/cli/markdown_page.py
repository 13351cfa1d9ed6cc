"""A page of Markdown that can be cut: a summary that always stands, and sections of items that each belong to a fine-tune.

Owns how a page is put together and cut. An item is shown as a whole or not at all, in its section's order, and sections
that come first are filled first; of what was left out is said how much, and of a few fine-tunes which.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ftops.cli.markdown_text import code

_ROOM_FOR_REMARK: Final = 2_000
_MOST_NAMED: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """Lines that belong together; ``fine_tune`` is whose they are, None where they are nobody's."""

    fine_tune: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Items between lines that stand before and behind them where there is an item.

    ``what`` names the items where some are left out. ``gap`` puts an empty line behind each, as blocks of HTML need.
    """

    what: str
    before: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    behind: tuple[str, ...] = ()
    gap: bool = False

    def lines(self, items: Sequence[Item]) -> list[str]:
        """Gives those of its items with what stands around them."""
        if not items:
            return []
        inner = [line for item in items for line in (*item.lines, *([""] if self.gap else []))]
        return [*self.before, *inner, *self.behind, *([] if self.gap and not self.behind else [""])]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A whole page: the summary's line, lines below it, and sections, those first that matter most."""

    title: str
    below: tuple[str, ...] = ()
    sections: tuple[Section, ...] = field(default=())

    def text(self) -> str:
        """Gives all of it."""
        return _joined(self._head(), *(section.lines(section.items) for section in self.sections))

    def cut(self, limit: int, elsewhere: str, *, before: str = "", behind: str = "") -> str:
        """Gives as much as ``limit`` UTF-8 bytes hold, with ``before`` and ``behind`` always there.

        ``elsewhere`` is the end of the sentence that says what was left out, where all of it is.
        """
        whole = f"{before}{self.text()}{behind}"
        if _bytes(whole) <= limit:
            return whole
        fixed = f"{before}{_joined(self._head())}{behind}{elsewhere}"
        chosen = self._fitting(limit - _bytes(fixed) - _ROOM_FOR_REMARK)
        shown = [section.lines(items) for section, items in zip(self.sections, chosen, strict=True)]
        remark = [f"*{self._left_out(chosen)}{elsewhere}*", ""]
        return f"{before}{_joined(self._head(), *shown, remark)}{behind}"

    def _head(self) -> list[str]:
        return [self.title, "", *(line for line in self.below), *([""] if self.below else [])]

    def _fitting(self, room: int) -> list[tuple[Item, ...]]:
        """Gives the items of each section that there is room for. One that is too long takes no room from the next ones."""
        chosen = []
        for section in self.sections:
            left = room - _size([*section.before, *section.behind, ""])
            items = []
            for item in section.items:
                size = _size([*item.lines, *([""] if section.gap else [])])
                if size <= left:
                    items.append(item)
                    left -= size
            chosen.append(tuple(items))
            room = left if items else room
        return chosen

    def _left_out(self, chosen: Sequence[Sequence[Item]]) -> str:
        said = []
        for section, items in zip(self.sections, chosen, strict=True):
            shown = set(map(id, items))
            left = [item for item in section.items if id(item) not in shown]
            names = sorted({item.fine_tune for item in left if item.fine_tune is not None})
            said += [f"{section.what}{_of(names)}"] if left else []
        return f"Left out here for want of room: {'; '.join(said)}. "


def _of(names: Sequence[str]) -> str:
    """Says whose items they are: by name where they are few."""
    if not names:
        return ""
    if len(names) <= _MOST_NAMED:
        return f" of {', '.join(map(code, names))}"
    return f" of {len(names):,} fine-tunes"


def table(head: Sequence[str], aligned: str = "") -> tuple[str, ...]:
    """Gives the first two lines of a table; ``aligned`` has a letter for each column: ``l`` or ``r``."""
    signs = aligned or "l" * len(head)
    return row(*head), row(*("---" if sign == "l" else "--:" for sign in signs))


def row(*cells: str) -> str:
    """Gives a line of a table, of cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"


def _joined(*parts: Sequence[str]) -> str:
    return "\n".join(line for part in parts for line in part)


def _size(lines: Sequence[str]) -> int:
    return sum(_bytes(line) + 1 for line in lines)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
