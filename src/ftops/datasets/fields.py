"""Which fields all rows of a file have, and where the first row without one stands.

Owns that count. Memory is bounded however many names the rows come up with.
"""

from collections.abc import Mapping
from typing import Any, Final

_MOST: Final = 1_000


class FieldScan:
    """Takes one row after the other. A null counts as absent: a template can't fill it in."""

    def __init__(self) -> None:
        self._lacking: dict[str, int] = {}
        self._first = 0
        self._is_full = False

    def take(self, row: Mapping[str, Any], line: int) -> None:
        """Takes the row in ``line``."""
        for name, value in row.items():
            if value is None or name in self._lacking:
                continue
            if len(self._lacking) == _MOST:
                self._is_full = True
                break
            self._lacking[name] = self._first
        for name, found in self._lacking.items():
            if not found and row.get(name) is None:
                self._lacking[name] = line
        self._first = self._first or line

    def lacking(self) -> Mapping[str, int] | None:
        """Gives the first line without each field, 0 where every row has it; None where there are too many names."""
        return None if self._is_full else self._lacking
