"""One pass over a JSONL file: its digest, its size, its rows, and everything that is wrong with them.

Owns what counts as content: CRLF made LF, nothing else changed. Memory is that of one row and of the digests kept, or of a
small file as a whole; no row is logged or kept. Problems are given back, never raised.

A small file of plain conversations is recognised in one step, and measured (tokens, digests of inputs) only when asked for:
a plan with nothing to train doesn't.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Final

from ftops.datasets.checks import CheckSettings, Level
from ftops.datasets.decoding import is_sound, look_at_line
from ftops.datasets.fields import FieldScan
from ftops.datasets.findings import FindingGroup, FindingList, Found
from ftops.datasets.formats import Use
from ftops.datasets.inputs import input_digest
from ftops.datasets.lines import BYTE_ORDER_MARK, MAX_LINE_BYTES, file_finding, long_line_finding
from ftops.datasets.plain_chats import is_plain_chats
from ftops.datasets.split import Part, part_name, part_of
from ftops.datasets.tokens import ROW_LIMIT, TokenCount
from ftops.domain.desired import Dataset, Measures
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import Split
from ftops.errors import Problem, Stale

MAX_FILE_BYTES: Final = 512_000_000
MIN_TRAINING_ROWS: Final = 10
_AT_ONCE: Final = 8_000_000
_PARTS: Final[tuple[Part, ...]] = ("train", "validation")
_PLAIN_USES: Final = frozenset({Use.SUPERVISED, Use.EVALUATION})


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What one pass finds of a dataset, but for its name and its measures."""

    sha256: str
    size: int
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What one pass found. ``parts`` is the file itself, or with a split its train and its validation part.

    ``findings`` are all that was found of the format, ``problems`` those that are errors. Where there are some, ``parts``
    describe only the rows that could be read. ``fields`` maps each field of evaluation
    rows to the first line without it, 0 where every row has it; None where there are too many to tell.
    """

    parts: tuple[Dataset, ...]
    problems: tuple[Problem, ...] = ()
    findings: tuple[FindingGroup, ...] = ()
    fields: Mapping[str, int] | None = None


def scan(
    stream: BinaryIO,
    *,
    path: str,
    use: Use,
    split: Split | None = None,
    reopen: Callable[[], BinaryIO] | None = None,
) -> Scan:
    """Reads the whole ``stream`` once. ``path`` names the file, relative to the root.

    ``reopen`` opens the file again, for measures that are asked for later; without it the content is kept for them. Measuring
    raises ``Stale`` where the file has changed since.
    """
    if split is None and use in _PLAIN_USES:
        data = stream.read(_AT_ONCE + 1)
        if (plain := _scan_plain(data, path, use, reopen)) is not None:
            return plain
        stream.seek(0)
    return _scan_rows(stream, path=path, use=use, split=split)


def _scan_plain(data: bytes, path: str, use: Use, reopen: Callable[[], BinaryIO] | None) -> Scan | None:
    """Scans a file of plain conversations; None where it isn't one, or needs a look at each row."""
    if len(data) > _AT_ONCE or b"\r" in data:
        return None
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    # A row has no more tokens than bytes but for a few numbers that get longer, so that none of these is cut in training.
    if not lines or max(map(len, lines)) > ROW_LIMIT // 8 or not is_plain_chats(data, lines):
        return None
    sha256 = hashlib.sha256(data).hexdigest()
    shape = Shape(sha256=sha256, size=len(data), rows=len(lines))
    parts = scanned_before((shape,), reopen or (lambda: io.BytesIO(data)), path=path, use=use)
    return Scan(parts=parts, fields={} if use.is_training else {"messages": 0})


def file_size_finding(size: int) -> Found | None:
    """Tells of a file of ``size`` bytes that no backend takes; None where it isn't one."""
    if size <= MAX_FILE_BYTES:
        return None
    says = f"expected at most {MAX_FILE_BYTES:,} bytes, got {size:,}"
    return Found(code="D014", says=says, hint="train on fewer rows, or on two files one after the other")


def scanned_before(
    shapes: Sequence[Shape],
    open_again: Callable[[], BinaryIO],
    *,
    path: str,
    use: Use,
    split: Split | None = None,
) -> tuple[Dataset, ...]:
    """Gives the datasets of a file that was scanned before; their measures are taken when somebody asks for them."""
    known: list[Measures] = []

    def measure(place: int) -> Measures:
        if not known:
            with open_again() as stream:
                found = _scan_rows(stream, path=path, use=use, split=split).parts
            if [part.sha256 for part in found] != [shape.sha256 for shape in shapes]:
                raise Stale(f"{visible(path)} is not what was read for planning", remedy="run ftops plan again")
            known.extend(part.measure() for part in found)
        return known[place]

    return tuple(
        Dataset(path=name, sha256=shape.sha256, size=shape.size, rows=shape.rows, measure=partial(measure, place))
        for place, (name, shape) in enumerate(zip(_names(path, split), shapes, strict=True))
    )


def _scan_rows(stream: BinaryIO, *, path: str, use: Use, split: Split | None = None) -> Scan:
    """Looks at every row by itself, and measures it."""
    findings = FindingList(file=path)
    keys = (None,) if split is None else _PARTS
    names = _names(path, split)
    parts: dict[Any, _PartScan] = {key: _PartScan(path=name, use=use) for key, name in zip(keys, names, strict=True)}
    fields = FieldScan()
    for number, line in _rows_of(stream, findings):
        row, found = look_at_line(line.removesuffix(b"\n"), use, is_terminated=line.endswith(b"\n"))
        for one in found:
            findings.add(one, line=number)
        part: Part | None = None if split is None or row is None else part_of(row, split)
        if row is None:
            parts.get(None, _PartScan(path=path, use=use)).take_bytes(line)
            continue
        parts[part].take(row, line if split is None else terminated(line), is_sound=is_sound(found))
        if not use.is_training:
            fields.take(row, number)
    groups = findings.groups(CheckSettings())
    return Scan(
        parts=tuple(part.finish() for part in parts.values()),
        problems=tuple(problem for group in groups if group.level is Level.ERROR for problem in group.problems()),
        findings=groups,
        fields=fields.lacking(),
    )


def _rows_of(stream: BinaryIO, findings: FindingList) -> Iterator[tuple[int, bytes]]:
    """Gives each line with its number and its line feed, CRLF made LF; none of a file that is no JSONL at all.

    A line that is longer than any row can be is a finding, and left out: no more than so much of it is ever held.
    """
    number, line = 0, stream.readline(MAX_LINE_BYTES + 1)
    wrong = file_finding(line, findings.file)
    if wrong is not None:
        findings.add(wrong)
        if not line.startswith(BYTE_ORDER_MARK):
            return
        line = line.removeprefix(BYTE_ORDER_MARK)
    while line:
        number += 1
        if len(line) > MAX_LINE_BYTES:
            findings.add(long_line_finding(number, _passed_over(stream, line)))
        else:
            yield number, line[:-2] + b"\n" if line.endswith(b"\r\n") else line
        line = stream.readline(MAX_LINE_BYTES + 1)


def _passed_over(stream: BinaryIO, piece: bytes) -> int:
    """Reads the rest of the line that ``piece`` begins; gives its length."""
    size = len(piece)
    while piece and not piece.endswith(b"\n"):
        piece = stream.readline(MAX_LINE_BYTES)
        size += len(piece)
    return size


def _names(path: str, split: Split | None) -> tuple[str, ...]:
    return (path,) if split is None else tuple(part_name(path, split, part) for part in _PARTS)


def normal_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Gives each line with its line feed (the last one may have none), CRLF made LF."""
    for line in stream:
        yield line[:-2] + b"\n" if line.endswith(b"\r\n") else line


def terminated(line: bytes) -> bytes:
    """Gives ``line`` with a line feed at its end, as derived files have it."""
    return line if line.endswith(b"\n") else line + b"\n"


@dataclass(kw_only=True, slots=True)
class _PartScan:
    """Sums one file, or one part of it."""

    path: str
    use: Use
    rows: int = 0
    size: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)
    tokens: TokenCount = field(default_factory=TokenCount)
    digests: set[str] = field(default_factory=set)

    def take(self, row: dict[str, Any], line: bytes, *, is_sound: bool) -> None:
        self.take_bytes(line)
        self.rows += 1
        if is_sound:
            self.tokens.add(row, has_answers=self.use.is_training)
            self.digests.add(input_digest(row))

    def take_bytes(self, line: bytes) -> None:
        self.size += len(line)
        self.sha256.update(line)

    def finish(self) -> Dataset:
        self.tokens.finish()
        counted = self.tokens.counted
        measures = Measures(tokens=counted.tokens, caveats=counted.caveats, input_digests=frozenset(self.digests))
        return Dataset(
            path=self.path,
            sha256=self.sha256.hexdigest(),
            size=self.size,
            rows=self.rows,
            measure=lambda: measures,
        )
