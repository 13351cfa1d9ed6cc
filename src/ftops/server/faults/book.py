"""Keeps the rules in force: reads the file again when it has changed, and reports what they struck.

Owns which counts live on. A rule that a changed file still has, word for word, keeps its counts; one that is new begins at
nothing. A file that is gone or wrong changes nothing: the last good rules stay in force.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from typing import Any

from ftops.server.faults.reading import FaultsInvalid, load, parse
from ftops.server.faults.rules import Rule
from ftops.server.faults.tally import Exchange, Tally

FAULTS_LOG = logging.getLogger("ftops.server.faults")

CURRENT_EXCHANGE: ContextVar[Exchange | None] = ContextVar("ftops_faults_exchange", default=None)
"""The request that this thread or task works for, for what strikes below the routes."""

_LOOK_SECONDS = 0.2
# Two writes within a tick of the file system's clock leave the same time behind: until then only the content tells.
_SETTLED_NS = 2_000_000_000
_REMOVED_KEPT = 1000

Stamp = tuple[int, int, int]


class FaultBook:
    """The faults of one server. Safe to use from any thread."""

    def __init__(self, file: Path) -> None:
        """Reads the file; ``FaultsInvalid`` when it isn't one."""
        self._file = file
        self._lock = threading.Lock()
        self._stamp = _stamp(file)
        data = load(file)
        self._data: bytes | None = data
        self._looked_at = time.monotonic()
        self._loaded_at = int(time.time())
        self._problem: str | None = None
        self._tallies = _carry_on((), parse(data))
        self._removed: list[Tally] = []

    def tallies(self) -> tuple[Tally, ...]:
        """The rules in force, in the file's order."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at >= _LOOK_SECONDS:
                self._looked_at = now
                self._look()
            return self._tallies

    def report(self) -> Mapping[str, Any]:
        """What ``GET /faults`` answers: each rule with its counts, and whether the file as it is now is in force."""
        tallies = self.tallies()
        with self._lock:
            return {
                "object": "faults",
                "file": str(self._file),
                "loaded_at": self._loaded_at,
                "problem": self._problem,
                "faults": [each.report() for each in tallies],
                "removed": [each.report() for each in self._removed],
            }

    def log_summary(self) -> None:
        """Tells the log what each rule has struck. Call it once, at the end."""
        for each in (*self._tallies, *self._removed):
            counts = each.report()
            FAULTS_LOG.info("%s: matched %d, fired %d", counts["name"], counts["matched"], counts["fired"])

    def _look(self) -> None:
        stamp = _stamp(self._file)
        known, self._stamp = self._stamp, stamp
        if stamp is None and known is not None:
            return  # most likely it is just being replaced; at the next look it is a problem
        if stamp is not None and stamp == known and time.time_ns() - stamp[0] > _SETTLED_NS:
            return
        try:
            known_data, self._data = self._data, None
            self._data = data = load(self._file)
            if data == known_data:
                return
            rules = parse(data)
        except FaultsInvalid as error:
            if str(error) != self._problem:
                FAULTS_LOG.error("%s: %s; the last good rules stay in force", self._file, error)
            self._problem = str(error)
            return
        before = self._tallies
        self._tallies = _carry_on(before, rules)
        gone = [each for each in before if each.fired and each not in self._tallies]
        self._removed = [*self._removed, *gone][-_REMOVED_KEPT:]
        self._problem = None
        self._loaded_at = int(time.time())
        FAULTS_LOG.info("%s was read again: %d rules are in force", self._file, len(rules))


def _carry_on(before: tuple[Tally, ...], rules: tuple[Rule, ...]) -> tuple[Tally, ...]:
    """Counts for the rules; one that was there before keeps its own, the first of several that say the same the first's."""
    known: dict[Rule, list[Tally]] = {}
    for each in before:
        known.setdefault(each.rule, []).append(each)
    tallies = []
    for rule, name in zip(rules, _names(rules), strict=True):
        same = known.get(rule)
        tally = same.pop(0) if same else Tally(rule, name=name)
        tally.name = name
        tallies.append(tally)
    return tuple(tallies)


def _names(rules: tuple[Rule, ...]) -> Iterator[str]:
    """A name for each rule: its own, or its kind and its number among those, or the next number that nobody has."""
    taken = {rule.name for rule in rules}
    seen: Counter[str] = Counter()
    for rule in rules:
        seen[rule.kind] += 1
        numbered = (f"{rule.kind.value} {number}" for number in count(seen[rule.kind]))
        name = rule.name or next(each for each in numbered if each not in taken)
        taken.add(name)
        yield name


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
