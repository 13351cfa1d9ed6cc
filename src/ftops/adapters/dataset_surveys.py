"""Looks through dataset files for figures: what one inspection remembers of their rows, and how many rows were left out.

Owns opening the files, counting their lines as they pass, and reading single rows again to show them. It remembers nothing of
a run for the next one.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from typing import BinaryIO, cast

from ftops.adapters.data_sources import DataSource, SourceRefused
from ftops.adapters.examining_processes import ExaminingProcesses
from ftops.adapters.recognised_files import recognised_file
from ftops.application.data_figures import Survey
from ftops.datasets.batches import Batch, Example
from ftops.datasets.decoding import decode_rows
from ftops.datasets.examination import Examiner
from ftops.datasets.findings import FindingList
from ftops.datasets.formats import Use
from ftops.datasets.inspections import Inspection
from ftops.datasets.lines import chunks
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import Split
from ftops.errors import UsageProblem


class DatasetSurveys:
    """Looks through files of one source; fits ``application.data_figures.Surveyor``.

    ``close`` ends the processes that large files take.
    """

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._processes = ExaminingProcesses()

    def recognised(self, path: str) -> Use | None:
        """Tells by the first rows of a file what it is for, None where that is no training."""
        return recognised_file(self._source, path)

    def survey(self, path: str, use: Use, inspection: Inspection, *, split: Split | None = None) -> Survey:
        """Looks through a file once. Raises UsageProblem where it can't be read."""
        with self._open(path) as stream:
            workers = self._processes.for_file(os.fstat(stream.fileno()).st_size)
            examiner = Examiner(inspections=(inspection,), workers=workers, processes=self._processes.count)
            counted = _CountedLines(stream)
            found = examiner.examine(cast("BinaryIO", counted), path=path, use=use, split=split)
        return Survey(
            path=path,
            use=use,
            sha256=found.sha256,
            lines=counted.lines,
            rows=sum(part.facts.rows for part in found.parts),
            parts=tuple(part.seen[0] for part in found.parts),
            findings=found.parts[0].findings,
        )

    def examples_at(self, path: str, use: Use, lines: Collection[int]) -> Mapping[int, Example]:
        """Reads a file once more for some of its rows, by the numbers of their lines."""
        if not lines:
            return {}
        with self._open(path) as stream:
            return dict(_examples(stream, use, lines))

    def close(self) -> None:
        """Ends the processes."""
        self._processes.close()

    def _open(self, path: str) -> BinaryIO:
        try:
            return self._source.open(path)
        except SourceRefused as refused:
            raise UsageProblem(f"{visible(path)}: {refused.says}", remedy=refused.hint) from refused


def _examples(stream: BinaryIO, use: Use, lines: Collection[int]) -> Iterator[tuple[int, Example]]:
    last = max(lines)
    unread = FindingList(file="")
    for chunk in chunks(stream, unread):
        if chunk.first_line > last:
            return
        for number, raw in enumerate(chunk.data.split(b"\n"), start=chunk.first_line):
            if number in lines:
                rows = decode_rows(raw + b"\n", number, use, unread).rows
                for example in Batch(rows, [number] * len(rows), use=use).examples:
                    yield number, example


class _CountedLines:
    """A stream that counts the lines that pass."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ended = 0
        self._is_open = False

    @property
    def lines(self) -> int:
        """How many lines have passed; the last one counts without its line feed too."""
        return self._ended + self._is_open

    def read(self, size: int = -1) -> bytes:
        """Reads as the stream does."""
        piece = self._stream.read(size)
        if piece:
            self._ended += piece.count(b"\n")
            self._is_open = not piece.endswith(b"\n")
        return piece
