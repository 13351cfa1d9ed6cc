"""One pass over a dataset under all checks: in parts of whole lines, in one process or several.

Owns cutting the work up and putting it together again: whatever the number of processes and parts, the same is found. It opens
no file, and what a check makes of rows is the check's.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Final, TypeGuard

import msgspec

from ftops.datasets.batches import Batch
from ftops.datasets.decoding import decode_rows
from ftops.datasets.findings import FindingList
from ftops.datasets.formats import NO_DEMANDS, Demands, Use
from ftops.datasets.inspections import Comparison, FileFacts, Inspection
from ftops.datasets.lines import Chunk, chunks
from ftops.datasets.split import Part, part_name, part_of
from ftops.domain.manifest import Split

_PARTS: Final[tuple[Part, ...]] = ("train", "validation")
_AHEAD: Final = 2  # parts in the queue for each process, so that none waits


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspected:
    """What was seen of a file, or of one part of a split: the findings in itself, and what comparisons go on from."""

    facts: FileFacts
    findings: FindingList
    tokens: int
    seen: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """What one pass found: the file itself, or with a split its train and its validation part.

    ``sha256`` (hex) and ``size`` (bytes) are of the content with CRLF made LF.
    """

    sha256: str
    size: int
    parts: tuple[Inspected, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examiner:
    """Examines files with a set of inspections. ``workers`` has so many ``processes`` beside this one."""

    inspections: tuple[Inspection, ...]
    workers: Executor | None = None
    processes: int = 0

    def examine(
        self,
        stream: BinaryIO,
        *,
        path: str,
        use: Use,
        split: Split | None = None,
        demands: Demands = NO_DEMANDS,
        systems: tuple[str, ...] = (),
        told: Callable[[int], None] = lambda _: None,
    ) -> Examination:
        """Reads the whole ``stream`` once. ``path`` names the file in messages; ``told`` hears of the bytes done.

        ``demands`` are what the rows must be beyond their ``use``, ``systems`` as in ``FileFacts``.
        """
        findings = FindingList(file=path)
        content = _Content(chunks(stream, findings))
        keys: Sequence[Part | None] = (None,) if split is None else _PARTS
        gathered = [_Gathered() for _ in keys]
        for looked in self._looked(content, partial(look_at, use=use, split=split, demands=demands)):
            findings.merge(looked.findings)
            for whole, part in zip(gathered, looked.parts, strict=True):
                whole.take(part)
            told(looked.size)
        parts: list[Inspected] = []
        for key, whole in zip(keys, gathered, strict=True):
            name = path if split is None or key is None else part_name(path, split, key)
            facts = FileFacts(path=name, use=use, rows=whole.rows, systems=systems)
            own = findings if not parts else FindingList(file=path)
            parts.append(self._concluded(facts, whole, own))
        return Examination(sha256=content.sha256.hexdigest(), size=content.size, parts=tuple(parts))

    def compare(self, train: Inspected, other: Inspected) -> FindingList:
        """Gives what is found in the other file, a validation or evaluation set, beside the training file.

        That is nothing where either has no sound rows, as the validation part of a small split may.
        """
        found = FindingList(file=other.findings.file)
        if not (train.facts.rows and other.facts.rows):
            return found
        # The training file may have been under further inspections, which stand after these.
        for inspection, seen, beside in zip(self.inspections, train.seen, other.seen, strict=False):
            if is_comparison(inspection):
                for one in inspection.compare(seen, train.facts, beside, other.facts):
                    found.add(one)
        return found

    def _concluded(self, facts: FileFacts, whole: "_Gathered", findings: FindingList) -> Inspected:
        seen = tuple(tuple(one) for one in zip(*whole.seen, strict=True)) or ((),) * len(self.inspections)
        for inspection, of_it in zip(self.inspections, seen, strict=True):
            for found in inspection.conclude(of_it, facts):
                findings.add(found)
        return Inspected(facts=facts, findings=findings, tokens=whole.tokens, seen=seen)

    def _looked(self, content: Iterator[Chunk], look: "_Look") -> Iterator["_Looked"]:
        """Gives what is seen of each chunk, in order. What the processes have no time for is looked at here meanwhile."""
        ahead: deque[_Looked | _Asked] = deque()
        try:
            for chunk in content:
                is_busy = sum(map(_is_open, ahead)) >= _AHEAD * self.processes
                asked = None if is_busy else self._asked(chunk, look)
                ahead.append(look(chunk, self.inspections) if asked is None else asked)
                while ahead and not _is_open(ahead[0]):
                    yield self._answer(ahead.popleft(), look)
            while ahead:
                yield self._answer(ahead.popleft(), look)
        finally:
            for one in ahead:
                if isinstance(one, _Asked):
                    one.future.cancel()

    def _asked(self, chunk: Chunk, look: "_Look") -> "_Asked | None":
        try:
            return None if self.workers is None else _Asked(chunk, self.workers.submit(look, chunk, self.inspections))
        except BrokenExecutor:
            return None

    def _answer(self, one: "_Looked | _Asked", look: "_Look") -> "_Looked":
        if isinstance(one, _Looked):
            return one
        try:
            return one.future.result()
        except BrokenExecutor:  # a process was killed, as for want of memory: its part is looked at here
            return look(one.chunk, self.inspections)


def is_comparison(inspection: Inspection) -> TypeGuard[Comparison]:
    """Tells whether an inspection also compares two files."""
    return hasattr(inspection, "compare")


@dataclass(frozen=True, slots=True)
class _Part:
    rows: int
    tokens: int
    seen: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Looked:
    size: int
    findings: FindingList
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A chunk that a process was asked to look at."""

    chunk: Chunk
    future: Future[_Looked]


def _is_open(one: _Looked | _Asked) -> bool:
    return isinstance(one, _Asked) and not one.future.done()


_Look = Callable[[Chunk, tuple[Inspection, ...]], _Looked]


def look_at(
    chunk: Chunk,
    inspections: tuple[Inspection, ...],
    *,
    use: Use,
    split: Split | None = None,
    demands: Demands = NO_DEMANDS,
) -> _Looked:
    """Looks at the rows of one chunk; runs in any process."""
    findings = FindingList(file="")
    decoded = decode_rows(chunk.data, chunk.first_line, use, findings, demands)
    batch = Batch(decoded.rows, decoded.lines, use=use)
    batches = (batch,) if split is None else _divided(batch, decoded.raws, split)
    parts = tuple(
        _Part(len(one.rows), int(one.tokens.sum()) if len(one.rows) else 0, tuple(i.look(one) for i in inspections))
        for one in batches
    )
    return _Looked(len(chunk.data), findings, parts)


def _divided(batch: Batch, raws: Sequence[bytes], split: Split) -> tuple[Batch, ...]:
    """Divides a batch into its train and its validation rows."""
    places: dict[Part, list[int]] = {part: [] for part in _PARTS}
    for place, raw in enumerate(raws):
        places[part_of(msgspec.json.decode(raw), split)].append(place)
    return tuple(
        Batch([batch.rows[p] for p in places[part]], [batch.lines[p] for p in places[part]], use=batch.use)
        for part in _PARTS
    )


@dataclass(slots=True)
class _Gathered:
    """What was seen of a part so far."""

    rows: int = 0
    tokens: int = 0
    seen: list[tuple[Any, ...]] = field(default_factory=list)

    def take(self, part: _Part) -> None:
        self.rows += part.rows
        self.tokens += part.tokens
        self.seen.append(part.seen)


class _Content:
    """Chunks on their way through; digests them as they pass."""

    def __init__(self, source: Iterator[Chunk]) -> None:
        self._source = source
        self.sha256 = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        chunk = next(self._source)
        self.sha256.update(chunk.data)
        self.size += len(chunk.data)
        return chunk
