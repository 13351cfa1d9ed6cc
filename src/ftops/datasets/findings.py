"""What the checks found in one file, kept short: the first few of a kind with their lines, then a count.

Owns that grouping, and what a baseline takes away. Nothing here quotes more of a row than the value at fault.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ftops.datasets.checks import CHECKS, Check, CheckSettings, Level
from ftops.domain.foreign_text import visible
from ftops.errors import Problem

SHOWN_OF_A_KIND: Final = 5
_INDEX: Final = re.compile(r"/[0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One thing that a check found: the row's line, the field as a JSON pointer into the row, what is the matter, the remedy.

    ``kind`` groups what is alike beyond its code; where it is empty, what is said up to ``, got `` does. ``line`` 0 stands for
    the file as a whole. ``count`` is of rows, where one finding sums up many.
    """

    code: str
    line: int = 0
    column: int = 1
    field: str = ""
    says: str
    hint: str | None = None
    kind: str = ""
    count: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingGroup:
    """Findings of one kind in one file: how many there are, and the first few of them in the order of their lines."""

    file: str
    check: Check
    level: Level
    kind: str
    count: int
    shown: tuple[Found, ...]

    @property
    def rest(self) -> int:
        """How many are counted and not shown."""
        return self.count - sum(one.count for one in self.shown)

    def problems(self) -> tuple[Problem, ...]:
        """Gives them as problems of the file, with the code of the check, and one more that counts those that aren't shown."""
        found = [
            Problem(
                file=visible(self.file),
                line=max(1, one.line),
                column=one.column,
                field=visible(one.field),
                expected=f"{one.says} ({self.check.code})",
                hint=one.hint,
            )
            for one in self.shown
        ]
        if self.rest > 0:
            last = found[-1]
            says = f"{self.kind}: {self.rest:,} more like this ({self.check.code})"
            found.append(Problem(file=last.file, line=last.line, column=last.column, field=last.field, expected=says))
        return tuple(found)


@dataclass(kw_only=True, slots=True)
class FindingList:
    """Collects what is found in ``file``; memory stays bounded however many rows are wrong. Picklable."""

    file: str
    _shown: dict[tuple[str, str, str], list[Found]] = field(default_factory=dict)
    _counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, found: Found, *, line: int | None = None) -> None:
        """Records one finding; ``line`` is its line, where it doesn't say so itself."""
        kind = found.kind or found.says.partition(", got ")[0]
        key = (found.code, _INDEX.sub("/*", found.field), kind)
        self._counts[key] = self._counts.get(key, 0) + found.count
        shown = self._shown.setdefault(key, [])
        if len(shown) < SHOWN_OF_A_KIND:
            shown.append(found if line is None else replace(found, line=line))

    def merge(self, later: "FindingList") -> None:
        """Takes over what was found in a later part of the same file."""
        for key, count, shown in later.kinds():
            own = self._shown.setdefault(key, [])
            own.extend(shown[: max(0, SHOWN_OF_A_KIND - len(own))])
            self._counts[key] = self._counts.get(key, 0) + count

    def kinds(self) -> Iterator[tuple[tuple[str, str, str], int, tuple[Found, ...]]]:
        """Gives each kind with the number of its findings and those that are shown, for ``restore``."""
        for key, shown in self._shown.items():
            yield key, self._counts[key], tuple(shown)

    def restore(self, key: tuple[str, str, str], count: int, shown: Sequence[Found]) -> None:
        """Takes back what ``kinds`` gave."""
        self._counts[key] = count
        self._shown[key] = list(shown)

    def groups(self, settings: CheckSettings) -> tuple[FindingGroup, ...]:
        """Gives what is left where ``settings`` are in force: worst level first, then by the first line."""
        groups = []
        for key, shown in self._shown.items():
            check, count = CHECKS[key[0]], self._counts[key]
            level = settings.level_of(check)
            if level is not None:
                groups.append(
                    FindingGroup(file=self.file, check=check, level=level, kind=key[2], count=count, shown=tuple(shown))
                )
        return sorted_groups(groups)


def sorted_groups(groups: Iterable[FindingGroup]) -> tuple[FindingGroup, ...]:
    """Sorts groups of one or several files: by file, worst level first, then by the first line."""
    order = {Level.ERROR: 0, Level.WARNING: 1, Level.ADVICE: 2}
    return tuple(
        sorted(groups, key=lambda one: (one.file, order[one.level], one.shown[0].line, one.check.code, one.kind))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """Findings that somebody knows of: how many of each kind in each file. More than these are findings again."""

    known: Mapping[tuple[str, str, str], int] = field(default_factory=dict)

    def without_known(self, groups: Iterable[FindingGroup]) -> tuple[tuple[FindingGroup, ...], int]:
        """Gives the groups that are not known in full, as they are, and how many findings were left out.

        Checks of the format are never known: a backend would refuse the file.
        """
        kept, left_out = [], 0
        for group in groups:
            if not group.check.is_format and group.count <= self.known.get(_key(group), 0):
                left_out += group.count
            else:
                kept.append(group)
        return tuple(kept), left_out


def baseline_of(groups: Iterable[FindingGroup]) -> Baseline:
    """Gives the baseline that makes all of these known."""
    known: dict[tuple[str, str, str], int] = {}
    for group in groups:
        if not group.check.is_format:
            known[_key(group)] = known.get(_key(group), 0) + group.count
    return Baseline(known=known)


def _key(group: FindingGroup) -> tuple[str, str, str]:
    return group.file, group.check.code, group.kind
