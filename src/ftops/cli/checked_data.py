"""Which datasets ``ftops data check`` looks at, and beside which others.

Owns what words on the command line mean: a file that manifests name is looked at as they use it, any other by itself.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftops.adapters.data_sources import GivenSource
from ftops.adapters.recognised_files import recognised_file
from ftops.application.data_checks import Examinee, demands_of, examinees
from ftops.application.data_reviews import Review, reviewed, settings_of, together
from ftops.application.training_graders import graders_of, unasked_graders
from ftops.bootstrap import load
from ftops.bootstrap_data import open_given, open_reviewer
from ftops.bootstrap_place import Place
from ftops.cli.options import Selection
from ftops.datasets.checks import CheckSettings
from ftops.datasets.findings import Baseline
from ftops.datasets.formats import NO_DEMANDS, USE_OF, Use
from ftops.domain.loaded import Role
from ftops.domain.manifest import AdoptedDataset, FineTune, MethodType
from ftops.errors import UsageProblem

Told = Callable[[int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The words of one call. ``place`` is the project around it, None where there is none."""

    folder: Path
    place: Place | None
    files: tuple[Path, ...] = ()
    validation: Path | None = None
    evaluations: tuple[Path, ...] = ()
    method: MethodType | None = None
    has_graders: bool = False
    selection: Selection = Selection()  # noqa: RUF009  (frozen)

    @property
    def is_alone(self) -> bool:
        """Whether files are to be looked at as the words say, whatever manifests make of them."""
        return self.method is not None or self.validation is not None or bool(self.evaluations)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What was found. ``places`` says where each file lies, and ``baselines`` are those of the manifests looked at.

    ``wrong`` counts what is wrong with manifests: the datasets of those may be left out. ``unasked`` says of graders why they
    can't be asked of training answers.
    """

    review: Review
    places: Mapping[str, Path]
    baselines: tuple[str, ...] = ()
    wrong: int = 0
    unasked: tuple[str, ...] = ()


def check_data(wanted: Wanted, told: Told) -> Checked:
    """Examines what is wanted. Raises UsageProblem, and Invalid for a baseline that is none."""
    place = wanted.place
    loaded, problems = load(place, backend=None) if place else (None, ())
    fine_tunes = loaded.fine_tunes if loaded else ()
    if not wanted.files:
        if place is None:
            raise UsageProblem("there is no project here, and no file is named", remedy="ftops data check FILE")
        chosen = wanted.selection.choose_among({one.name: one.labels for one in fine_tunes})
        fine_tunes = tuple(one for one in fine_tunes if chosen is None or one.name in chosen)
        return _of_project(place, fine_tunes, wanted, told, wrong=len(problems))
    uses = [_use(file, wanted, fine_tunes) for file in wanted.files]
    named = [use for use in uses if use.users and not wanted.is_alone]
    checked = [_of_file(use, wanted, told) for use in uses if use not in named]
    if place is not None and named:
        users = tuple(one for one in fine_tunes if any(one in use.users for use in named))
        checked.append(_of_project(place, users, wanted, told, only=frozenset(use.name for use in named)))
    return Checked(
        review=together([one.review for one in checked]),
        places={shown: at for one in checked for shown, at in one.places.items()},
        baselines=tuple(dict.fromkeys(path for one in checked for path in one.baselines)),
        unasked=tuple(dict.fromkeys(why for one in checked for why in one.unasked)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _FileUse:
    """A file on the command line. ``name`` is its path in the project where manifests name it, ``users`` those."""

    file: Path
    name: str = ""
    users: tuple[FineTune, ...] = ()


def _use(file: Path, wanted: Wanted, fine_tunes: Sequence[FineTune]) -> _FileUse:
    place, real = wanted.place, Path(os.path.realpath(wanted.folder / file))
    top = Path(os.path.realpath(place.root)) if place else None
    if top is None or not real.is_relative_to(top):
        return _FileUse(file=file)
    name = real.relative_to(top).as_posix()
    users = tuple(one for one in fine_tunes if name in _paths_of(one))
    return _FileUse(file=file, name=name, users=users)


def _paths_of(fine_tune: FineTune) -> frozenset[str]:
    train, others = examinees(fine_tune)
    return frozenset(one.path for one in (train, *others) if one is not None)


def _of_project(
    place: Place,
    fine_tunes: Sequence[FineTune],
    wanted: Wanted,
    told: Told,
    *,
    only: frozenset[str] | None = None,
    wrong: int = 0,
) -> Checked:
    """Examines what manifests name, and tells of all of it, or of some files only."""
    with open_reviewer(place, more=graders_of if wanted.has_graders else lambda _: ()) as reviewer:
        review = reviewer.review(fine_tunes, told=told)
    review = review if only is None else review.about(only)
    return Checked(
        review=review,
        places={file.findings.file: place.root / file.findings.file for file in review.files},
        baselines=tuple(dict.fromkeys(path for one in fine_tunes if (path := _baseline_of(one)) is not None)),
        wrong=wrong,
        unasked=tuple(unasked_graders(fine_tunes)) if wanted.has_graders else (),
    )


def _of_file(use: _FileUse, wanted: Wanted, told: Told) -> Checked:
    """Examines one file by itself, or beside the files that are given; with the settings of the manifest that trains on it."""
    source = GivenSource(wanted.folder)
    trainer = next((one for one in use.users if use.name == _trained_on(one)), None)
    method = wanted.method or (trainer.method.type if trainer else None)
    rows = USE_OF[method] if method else recognised_file(source, str(use.file)) or Use.SUPERVISED
    demands = demands_of(trainer) if trainer else NO_DEMANDS
    extra = graders_of(trainer) if wanted.has_graders and trainer else ()
    others = []
    if wanted.validation is not None:
        others.append(Examinee(path=str(wanted.validation), role=Role.VALIDATION, use=rows, demands=demands))
    for file in wanted.evaluations:
        of_rows = Use.EVALUATION if recognised_file(source, str(file)) else Use.FREE
        others.append(Examinee(path=str(file), role=Role.EVALUATION, use=of_rows))
    settings = settings_of(trainer) if trainer else CheckSettings()
    train = Examinee(path=str(use.file), role=Role.TRAIN, use=rows, demands=demands)
    with open_given(wanted.folder, wanted.place) as examiner:
        report = examiner.examine(train, tuple(others), settings=settings, extra=extra, told=told)
    places = {one.findings.file: wanted.folder / one.findings.file for one in report.files}
    unasked: tuple[str, ...] = ()
    if wanted.has_graders:
        unasked = tuple(unasked_graders([trainer])) if trainer else (f"{use.file}: no manifest trains on it",)
    return Checked(review=reviewed(report.files, settings, Baseline()), places=places, unasked=unasked)


def _trained_on(fine_tune: FineTune) -> str | None:
    return None if isinstance(fine_tune.dataset, AdoptedDataset) else fine_tune.dataset.train


def _baseline_of(fine_tune: FineTune) -> str | None:
    return None if isinstance(fine_tune.dataset, AdoptedDataset) else fine_tune.dataset.baseline
