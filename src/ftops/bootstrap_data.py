"""Wires what examines datasets: of a project, or of files that a person names."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ftops.adapters.baseline_files import BaselineFiles
from ftops.adapters.data_sources import DataSource, GivenSource, ProjectSource
from ftops.adapters.dataset_examiner import FileExaminer
from ftops.adapters.dataset_surveys import DatasetSurveys
from ftops.adapters.examining_processes import ExaminingProcesses
from ftops.adapters.kept_digests import KeptDigests
from ftops.adapters.kept_examinations import KeptExaminations
from ftops.adapters.revision_source import RevisionSource
from ftops.application.data_reviews import Reviewer
from ftops.bootstrap_place import Place
from ftops.datasets.inspections import Inspection
from ftops.domain.manifest import FineTune


@contextmanager
def open_reviewer(
    place: Place, *, more: Callable[[FineTune], Sequence[Inspection]] = lambda _: ()
) -> Iterator[Reviewer]:
    """Opens what reviews the fine-tunes of a project; ``more`` gives what else to look for in a training file."""
    with _open_examiner(ProjectSource(place.root), place) as examiner:
        yield Reviewer(examiner=examiner, baselines=BaselineFiles(place.root), more=more)


@contextmanager
def open_given(folder: Path, place: Place | None) -> Iterator[FileExaminer]:
    """Opens what examines any files, by their paths as a person gives them, relative to ``folder``."""
    with _open_examiner(GivenSource(folder), place) as examiner:
        yield examiner


@contextmanager
def open_surveys(folder: Path) -> Iterator[DatasetSurveys]:
    """Opens what looks through files for figures, by paths relative to ``folder`` or by git revisions."""
    with closing(DatasetSurveys(RevisionSource(folder))) as surveys:
        yield surveys


@contextmanager
def _open_examiner(source: DataSource, place: Place | None) -> Iterator[FileExaminer]:
    ftops_dir, seal = (place.ftops_dir, place.seal) if place else (None, None)
    examiner = FileExaminer(
        source,
        digests=place.digests if place else KeptDigests(None, seal=None),
        kept=KeptExaminations(ftops_dir, seal=seal),
        processes=ExaminingProcesses(),
    )
    try:
        yield examiner
    finally:
        examiner.close()
