"""What the datasets of fine-tunes come to under all checks, with each manifest's settings and baseline in force.

Owns putting together what several fine-tunes make of the same files: what is found for one of them, is found. It reads no
file, and what is found in one, ``datasets`` decides.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from ftops.application.data_checks import DatasetExaminer, Examinee, FileReport, examinees
from ftops.datasets.checks import CheckSettings, Level, Setting
from ftops.datasets.findings import Baseline, FindingGroup, sorted_groups
from ftops.datasets.inspections import Inspection
from ftops.datasets.reading import MIN_TRAINING_ROWS
from ftops.domain.loaded import Role
from ftops.domain.manifest import AdoptedDataset, FineTune

_OF_PROMPTS: Final = ("D113", "D114")
_TOO_FEW: Final = "D060"
_OF_FILES: Final = ("D001", "D002", "D003", "D004", "D014")
_OF_SIZES: Final = (_TOO_FEW, "D061", "D062")
_RANKS: Final = {Level.ERROR: 0, Level.WARNING: 1, Level.ADVICE: 2}

Told = Callable[[int], None]


class BaselineReader(Protocol):
    """Reads baselines by their path relative to the project's root."""

    def read(self, path: str) -> Baseline:
        """Gives what a file says is known; raises ``Invalid`` where it is no baseline."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """Files, each once for each part and role, and what was found in them. ``known`` is what baselines took away of it.

    ``off`` are the codes of checks that some manifest switched off.
    """

    files: tuple[FileReport, ...] = ()
    groups: tuple[FindingGroup, ...] = ()
    known: tuple[FindingGroup, ...] = ()
    off: tuple[str, ...] = ()

    def count(self, level: Level) -> int:
        """How many findings there are of a level."""
        return sum(group.count for group in self.groups if group.level is level)

    def about(self, files: Collection[str]) -> "Review":
        """Leaves out all other files."""
        return replace(
            self,
            files=tuple(one for one in self.files if one.findings.file in files),
            groups=tuple(one for one in self.groups if one.file in files),
            known=tuple(one for one in self.known if one.file in files),
        )

    def without_known(self, baseline: Baseline) -> "Review":
        """Takes away what another baseline knows."""
        kept, _ = baseline.without_known(self.groups)
        return replace(self, groups=kept, known=sorted_groups((*self.known, *_others(self.groups, kept))))


@dataclass(frozen=True, kw_only=True, slots=True)
class Reviewer:
    """Reviews fine-tunes of one project. ``more`` gives what else to look for in a fine-tune's training file."""

    examiner: DatasetExaminer
    baselines: BaselineReader
    more: Callable[[FineTune], Sequence[Inspection]] = field(default=lambda _: ())

    def review(self, fine_tunes: Iterable[FineTune], *, told: Told = lambda _: None) -> Review:
        """Examines the datasets that fine-tunes name; ``told`` hears of the bytes done. Raises ``Invalid`` for baselines."""
        reviews = []
        seen: dict[tuple[Examinee | None, tuple[Examinee, ...], tuple[str, ...]], tuple[FileReport, ...]] = {}
        for fine_tune in fine_tunes:
            train, others = examinees(fine_tune)
            settings, extra = settings_of(fine_tune), self.more(fine_tune)
            key = train, others, _off(settings)
            if extra or key not in seen:
                report = self.examiner.examine(train, others, settings=settings, extra=extra, told=told)
                seen[key] = report.files
            review = reviewed(seen[key], settings, self._baseline(fine_tune))
            reviews.append(_without_intended(review, fine_tune))
            if extra:
                del seen[key]
        return together(reviews)

    def _baseline(self, fine_tune: FineTune) -> Baseline:
        path = None if isinstance(fine_tune.dataset, AdoptedDataset) else fine_tune.dataset.baseline
        return Baseline() if path is None else self.baselines.read(path)


def unusable(review: Review) -> tuple[FindingGroup, ...]:
    """Gives the errors, which keep datasets from being used; not that rows are too few: manifests are told of that."""
    return tuple(one for one in review.groups if one.level is Level.ERROR and one.check.code != _TOO_FEW)


def settings_of(fine_tune: FineTune) -> CheckSettings:
    """Gives what a manifest sets checks to."""
    if isinstance(fine_tune.dataset, AdoptedDataset):
        return CheckSettings()
    return CheckSettings(changed={code: Setting(word) for code, word in fine_tune.dataset.checks.items()})


def reviewed(files: Sequence[FileReport], settings: CheckSettings, baseline: Baseline) -> Review:
    """Gives the review of files under one manifest's settings."""
    groups = (group for file in files for group in _worth_telling(file, file.groups(settings)))
    found = Review(files=tuple(files), groups=sorted_groups(groups), off=_off(settings))
    return found.without_known(baseline)


def _worth_telling(file: FileReport, groups: Sequence[FindingGroup]) -> Iterator[FindingGroup]:
    """Leaves out that rows are few where none need be many, or where they are there and something is wrong with them."""
    wrong = [one for one in groups if one.check.is_format and one.check.code not in _OF_SIZES]
    is_whole = any(one.check.code in _OF_FILES for one in wrong)
    has_many = is_whole or file.rows + max((one.count for one in wrong), default=0) >= MIN_TRAINING_ROWS
    for group in groups:
        code = group.check.code
        if code not in _OF_SIZES or (file.role is Role.TRAIN and not (code == _TOO_FEW and has_many)):
            yield group


def together(reviews: Sequence[Review]) -> Review:
    """Gives one review of several: each file and each finding once, at its worst level."""
    if len(reviews) == 1:
        return reviews[0]
    groups = _each_once(group for one in reviews for group in one.groups)
    known = _each_once(group for one in reviews for group in one.known)
    return Review(
        files=tuple({(f.path, f.role, f.use): f for one in reviews for f in one.files}.values()),
        groups=sorted_groups(groups.values()),
        known=sorted_groups(group for key, group in known.items() if key not in groups),
        off=tuple(sorted({code for one in reviews for code in one.off})),
    )


_Key = tuple[str, str, str, str, int]


def _each_once(groups: Iterable[FindingGroup]) -> Mapping[_Key, FindingGroup]:
    found: dict[_Key, FindingGroup] = {}
    for group in groups:
        first = group.shown[0]
        key = group.file, group.check.code, group.kind, first.field, first.line
        before = found.get(key)
        if before is None or (_RANKS[group.level], -group.count) < (_RANKS[before.level], -before.count):
            found[key] = group
    return found


def _without_intended(review: Review, fine_tune: FineTune) -> Review:
    """Leaves out that prompts differ where the manifest says that they do so on purpose."""
    on_purpose = {spec.dataset for spec in fine_tune.evals if spec.prompt == "intended"}
    on_purpose -= {spec.dataset for spec in fine_tune.evals if spec.prompt != "intended"}
    kept = (one for one in review.groups if one.check.code not in _OF_PROMPTS or one.file not in on_purpose)
    return replace(review, groups=tuple(kept))


def _off(settings: CheckSettings) -> tuple[str, ...]:
    return tuple(sorted(code for code, setting in settings.changed.items() if setting is Setting.OFF))


def _others(groups: Iterable[FindingGroup], kept: Sequence[FindingGroup]) -> list[FindingGroup]:
    kept_ones = {id(group) for group in kept}
    return [group for group in groups if id(group) not in kept_ones]
