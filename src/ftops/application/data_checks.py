"""Datasets under all checks: which files are looked at beside which, and what was found in each.

Owns those words. ``DatasetExaminer`` reads the files.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ftops.datasets.checks import CheckSettings
from ftops.datasets.conversations import system_of
from ftops.datasets.findings import FindingGroup, FindingList, sorted_groups
from ftops.datasets.formats import NO_DEMANDS, USE_OF, Demands, Use
from ftops.datasets.inspections import Inspection
from ftops.domain.desired import wire_grader
from ftops.domain.loaded import Role
from ftops.domain.manifest import AdoptedDataset, FineTune, Split
from ftops.graders.problems import GraderProblem
from ftops.graders.reading import parse_grader
from ftops.graders.rules import references


@dataclass(frozen=True, kw_only=True, slots=True)
class Examinee:
    """One file and what it is for. ``path`` is relative to the project's root; ``demands`` are made of training rows.

    ``systems`` are the system prompts of evaluations that ask these rows with an input of their own.
    """

    path: str
    role: Role
    use: Use
    split: Split | None = None
    demands: Demands = NO_DEMANDS
    systems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """What one file, or one part of a split, came to.

    ``tokens`` are those of one epoch before any row is cut, or what an evaluation sends once.
    """

    path: str
    role: Role
    use: Use
    rows: int
    tokens: int
    findings: FindingList

    def groups(self, settings: CheckSettings) -> tuple[FindingGroup, ...]:
        """Gives the findings where ``settings`` are in force."""
        return self.findings.groups(settings)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataReport:
    """What a training file and the files that go with it came to."""

    files: tuple[FileReport, ...]

    def groups(self, settings: CheckSettings) -> tuple[FindingGroup, ...]:
        """Gives the findings of all files."""
        return sorted_groups(group for file in self.files for group in file.groups(settings))


class DatasetExaminer(Protocol):
    """Examines datasets."""

    def examine(
        self,
        train: Examinee | None,
        others: Sequence[Examinee],
        *,
        settings: CheckSettings = ...,
        extra: Sequence[Inspection] = (),
        told: Callable[[int], None] = ...,
    ) -> DataReport:
        """Examines a training file and what goes with it (validation, evaluations), each compared with the training file.

        ``settings`` spare work for checks that are switched off; ``extra`` are made of the training file alone. Never raises
        for what files hold: a file that can't be read is a finding. ``told`` hears of the bytes done.
        """
        ...


def examinees(fine_tune: FineTune) -> tuple[Examinee | None, tuple[Examinee, ...]]:
    """Gives what a manifest names: the training file, None where only an adopted job had it, and what goes with it."""
    others = []
    paths, use, demands = fine_tune.dataset, USE_OF[fine_tune.method.type], demands_of(fine_tune)
    train = None
    if not isinstance(paths, AdoptedDataset):
        split = paths.validation if isinstance(paths.validation, Split) else None
        train = Examinee(path=paths.train, role=Role.TRAIN, use=use, split=split, demands=demands)
        if isinstance(paths.validation, str):
            others.append(Examinee(path=paths.validation, role=Role.VALIDATION, use=use, demands=demands))
    for spec in fine_tune.evals:
        of_rows = Use.EVALUATION if spec.input is None else Use.FREE
        systems = () if spec.input is None else tuple(_systems(fine_tune, spec.dataset))
        others.append(Examinee(path=spec.dataset, role=Role.EVALUATION, use=of_rows, systems=systems))
    return train, tuple(dict.fromkeys(others))


def _systems(fine_tune: FineTune, dataset: str) -> Iterator[str]:
    """Gives the system prompts that evaluations of one file state: not those meant to differ, nor what rows fill in."""
    for spec in fine_tune.evals:
        if spec.dataset == dataset and spec.input is not None and spec.prompt != "intended":
            system = system_of(spec.input)
            if "{{" not in system:
                yield system


def demands_of(fine_tune: FineTune) -> Demands:
    """Gives what a manifest's base model and its method's grader demand of rows that are trained on."""
    paths: tuple[str, ...] = ()
    if fine_tune.method.grader is not None:
        # Where the grader is wrong, loading the manifest or making the job says so.
        with suppress(GraderProblem):
            paths = references(parse_grader(wire_grader(fine_tune.method.grader)))
    return Demands(base_model=fine_tune.base_model, item_paths=paths)
