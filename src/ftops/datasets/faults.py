"""What is wrong in the rows of one file, kept short: the first few of a kind with their lines, then a count.

Owns that grouping. Nothing here quotes more of a row than the value at fault.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from ftops.domain.foreign_text import visible
from ftops.errors import Problem

SHOWN_OF_A_KIND: Final = 5
_INDEX: Final = re.compile(r"/[0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing wrong in a row: the field as a JSON pointer into the row, and what was expected."""

    field: str = ""
    expected: str
    hint: str | None = None


@dataclass(kw_only=True, slots=True)
class FaultList:
    """Collects faults of ``file``; memory stays bounded however many rows are wrong."""

    file: str
    _shown: dict[tuple[str, str], list[Problem]] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, fault: Fault, *, line: int, column: int = 1) -> None:
        """Records ``fault`` of the row in ``line``; ``column`` counts from 1, which also stands for one that isn't known."""
        kind = (_INDEX.sub("/*", fault.field), fault.expected.partition(", got ")[0])
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if count <= SHOWN_OF_A_KIND:
            problem = Problem(
                file=visible(self.file),
                line=line,
                column=column,
                field=visible(fault.field),
                expected=fault.expected,
                hint=fault.hint,
            )
            self._shown.setdefault(kind, []).append(problem)

    def problems(self) -> tuple[Problem, ...]:
        """Gives the first five of each kind, and one more that counts the rest."""
        found: list[Problem] = []
        for kind, shown in self._shown.items():
            found.extend(shown)
            rest = self._counts[kind] - len(shown)
            if rest:
                last = shown[-1]
                more = f"{kind[1]}: {rest:,} more like this"
                found.append(
                    Problem(file=last.file, line=last.line, column=last.column, field=last.field, expected=more)
                )
        return tuple(found)
