"""Examines dataset files, and remembers what was found in the same bytes before.

Owns opening the files, the processes for large ones, and the cache; fits ``application.data_checks.DatasetExaminer``. What is
found, ``datasets`` decides.
"""

import hashlib
import os
from collections.abc import Callable, Sequence

from ftops.adapters.data_sources import DataSource, SourceRefused
from ftops.adapters.examining_processes import ExaminingProcesses
from ftops.adapters.kept_digests import KeptDigests
from ftops.adapters.kept_examinations import KeptExaminations, KeptGroup, KeptPart
from ftops.application.data_checks import DataReport, Examinee, FileReport
from ftops.datasets.checking.registry import INSPECTIONS
from ftops.datasets.checks import CHECKS, CheckSettings
from ftops.datasets.examination import Examiner, Inspected
from ftops.datasets.findings import FindingList, Found
from ftops.datasets.inspections import FileFacts, Inspection
from ftops.datasets.reading import file_size_finding
from ftops.domain.foreign_text import visible
from ftops.domain.loaded import Role


class FileExaminer:
    """Examines files of one source. ``digests`` and ``kept`` are the cache; ``close`` saves it and ends the processes."""

    def __init__(
        self,
        source: DataSource,
        *,
        digests: KeptDigests,
        kept: KeptExaminations,
        processes: ExaminingProcesses,
        inspections: tuple[Inspection, ...] = INSPECTIONS,
    ) -> None:
        self._source = source
        self._digests = digests
        self._kept = kept
        self._processes = processes
        self._inspections = inspections

    def examine(
        self,
        train: Examinee | None,
        others: Sequence[Examinee],
        *,
        settings: CheckSettings = CheckSettings(),  # noqa: B008  (frozen)
        extra: Sequence[Inspection] = (),
        told: Callable[[int], None] = lambda _: None,
    ) -> DataReport:
        """Examines a training file and what goes with it, each compared with the training file."""
        wanted = (*(() if train is None else (train,)), *others)
        chosen = tuple(one for one in self._inspections if _is_on(one, settings))
        key = None if extra else self._key(wanted, chosen)
        if key is not None and (known := self._kept.get(key)) is not None and len(known) == len(wanted):
            return _report(wanted, known)
        looked = [self._look(one, (*chosen, *extra) if one is train else chosen, told) for one in wanted]
        if train is not None:
            _compare(Examiner(inspections=chosen), [part for parts in looked for part in parts])
        parts = tuple(tuple(map(_kept_part, one)) for one in looked)
        if key is not None and key == self._key(wanted, chosen):  # nothing changed meanwhile
            self._kept.put(key, parts)
        return _report(wanted, parts)

    def close(self) -> None:
        """Writes the cache and ends the processes."""
        self._digests.save()
        self._kept.save()
        self._processes.close()

    def _look(
        self, one: Examinee, inspections: tuple[Inspection, ...], told: Callable[[int], None]
    ) -> tuple[Inspected, ...]:
        """Examines one file; where it can't be read, that is what is found."""
        try:
            with self._source.open(one.path) as stream:
                size = os.fstat(stream.fileno()).st_size
                examiner = Examiner(
                    inspections=inspections, workers=self._processes.for_file(size), processes=self._processes.count
                )
                parts = examiner.examine(
                    stream,
                    path=one.path,
                    use=one.use,
                    split=one.split,
                    demands=one.demands,
                    systems=one.systems,
                    told=told,
                ).parts
                if (large := file_size_finding(size)) is not None:
                    parts[0].findings.add(large)
                return parts
        except SourceRefused as error:
            return (unreadable(one, error.says, error.hint),)
        except OSError as error:
            return (unreadable(one, f"expected a readable file: {visible(error.strerror or str(error))}"),)

    def _key(self, wanted: Sequence[Examinee], inspections: Sequence[Inspection]) -> str | None:
        """Names all that findings depend on; None where a file can't be read, which is told and not kept."""
        hashed = hashlib.sha256(repr([type(one).__qualname__ for one in inspections]).encode())
        for one in wanted:
            try:
                with self._source.open(one.path) as stream:
                    sha256 = self._digests.digest(one.path, stream)
            except (SourceRefused, OSError):
                return None
            # The path is part of it, as findings name it.
            asked = f"{one.split!r}\0{one.demands!r}\0{one.systems!r}"
            named = f"\0{one.path}\0{one.role}\0{one.use}\0{asked}\0{sha256}"
            hashed.update(named.encode("utf-8", "replace"))
        return hashed.hexdigest()


def unreadable(one: Examinee, says: str, hint: str | None = None) -> Inspected:
    """Gives what stands for a file that can't be read: that finding, and nothing seen."""
    findings = FindingList(file=one.path)
    findings.add(Found(code="D001", says=says, hint=hint))
    return Inspected(facts=FileFacts(path=one.path, use=one.use, rows=0), findings=findings, tokens=0, seen=())


def _is_on(inspection: Inspection, settings: CheckSettings) -> bool:
    return any(settings.level_of(CHECKS[code]) is not None for code in inspection.codes)


def _compare(examiner: Examiner, parts: Sequence[Inspected]) -> None:
    """Adds what is found in each part beside the first, the training set."""
    train, *others = parts
    for other in others:
        other.findings.merge(examiner.compare(train, other))


def _kept_part(part: Inspected) -> KeptPart:
    groups = tuple(KeptGroup(key, count, shown) for key, count, shown in part.findings.kinds())
    return KeptPart(part.facts.path, part.findings.file, part.facts.rows, part.tokens, groups)


def _report(wanted: Sequence[Examinee], known: Sequence[Sequence[KeptPart]]) -> DataReport:
    files: list[FileReport] = []
    for one, parts in zip(wanted, known, strict=True):
        for place, part in enumerate(parts):
            findings = FindingList(file=part.file)
            for group in part.groups:
                findings.restore(group.key, group.count, group.shown)
            role = Role.VALIDATION if place else one.role  # of a split, the second part validates
            files.append(
                FileReport(
                    path=part.name, role=role, use=one.use, rows=part.rows, tokens=part.tokens, findings=findings
                )
            )
    return DataReport(files=tuple(files))
