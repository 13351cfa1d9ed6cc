"""One page of a list, and the names of those who ask for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and whether more follow."""

    items: Sequence[Item]
    has_more: bool

    def map(self, change: Callable[[Item], Other]) -> "Page[Other]":
        """The same page of other things."""
        return Page(items=tuple(change(item) for item in self.items), has_more=self.has_more)


def cut(rows: Sequence[Item], limit: int) -> Page[Item]:
    """Makes a page of a query that asked for one row more than ``limit``."""
    return Page(items=tuple(rows[:limit]), has_more=len(rows) > limit)


class UnknownCursor(LookupError):
    """``after`` names nothing in this list."""

    def __init__(self, after: str) -> None:
        super().__init__(after)
        self.after = after
