"""What is in a dataset, and what training on it would cost: put together from one look through the file.

Owns which manifests count for a file, and which trainings are estimated. ``Surveyor`` reads the files.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ftops.application.data_checks import Examinee, examinees
from ftops.datasets.batches import Example
from ftops.datasets.findings import FindingList
from ftops.datasets.formats import USE_OF, Use
from ftops.datasets.inspections import Inspection
from ftops.datasets.statistics import RowStatistics, Statistics, statistics_of
from ftops.domain.desired import Dataset, TokenSum
from ftops.domain.loaded import Role
from ftops.domain.manifest import Backend, BackendName, BackendType, FineTune, Method, Project, Split
from ftops.domain.pricing import Estimate, epochs_for, estimate_of_training, priced_models

PUBLIC_BACKEND: Final = Backend(name=BackendName("openai"), type=BackendType.OPENAI)
_METHOD_OF: Final = {use: method for method, use in USE_OF.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What was seen of one file. ``parts`` is what the inspection remembers: of the file, or of both parts of a split.

    ``lines`` counts all lines, ``rows`` those that are sound, and ``sha256`` is of the content with CRLF made LF.
    """

    path: str
    use: Use
    sha256: str
    lines: int
    rows: int
    parts: tuple[tuple[Any, ...], ...]
    findings: FindingList

    @property
    def left_out(self) -> int:
        """How many lines have errors of the format: they are in no figure."""
        return self.lines - self.rows


class Surveyor(Protocol):
    """Looks through dataset files for figures."""

    def recognised(self, path: str) -> Use | None:
        """Tells by the first rows of a file what it is for, None where that is no training."""
        ...

    def survey(self, path: str, use: Use, inspection: Inspection, *, split: Split | None = None) -> Survey:
        """Looks through a file once. Raises UsageProblem where it can't be read."""
        ...

    def examples_at(self, path: str, use: Use, lines: Collection[int]) -> Mapping[int, Example]:
        """Reads some rows of a file, by the numbers of their lines."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What one training would take. ``fine_tune`` is whose, None where no manifest names the file."""

    fine_tune: str | None
    base_model: str
    rows: int
    epochs: int
    estimate: Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFigures:
    """What is in one file. ``roles`` is what manifests use it for; ``is_recognised`` whether any training takes such rows."""

    survey: Survey
    statistics: Statistics
    roles: tuple[Role, ...]
    is_recognised: bool
    trainings: tuple[Training, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Users:
    """Who names a file: fine-tunes, each with what it uses the file for. ``project`` has their backends."""

    project: Project | None = None
    uses: tuple[tuple[FineTune, Examinee], ...] = ()

    @property
    def trained_on(self) -> tuple[tuple[FineTune, Examinee], ...]:
        """Those that train on it."""
        return tuple((one, as_what) for one, as_what in self.uses if as_what.role is Role.TRAIN)

    @property
    def use(self) -> Use | None:
        """What its rows are for: training, where anybody trains on it."""
        order = (Role.TRAIN, Role.VALIDATION, Role.EVALUATION)
        uses = sorted((as_what for _, as_what in self.uses), key=lambda as_what: order.index(as_what.role))
        return uses[0].use if uses else None

    @property
    def splits(self) -> tuple[Split | None, ...]:
        """The ways in which those that train on it split it; one without a split where nobody does."""
        return tuple(dict.fromkeys(as_what.split for _, as_what in self.trained_on)) or (None,)

    def backend_of(self, fine_tune: FineTune) -> Backend:
        """Gives the backend that a manifest names, or the project's."""
        if self.project is None:
            return PUBLIC_BACKEND
        return self.project.backends[fine_tune.backend or self.project.backend]


def users_of(path: str | None, project: Project | None, fine_tunes: Iterable[FineTune]) -> Users:
    """Finds who names a file; ``path`` is relative to the project's root, None for a file outside of it."""
    uses = []
    for fine_tune in fine_tunes if path is not None else ():
        train, others = examinees(fine_tune)
        uses += [(fine_tune, one) for one in (train, *others) if one is not None and one.path == path]
    return Users(project=project, uses=tuple(uses))


def figures_of(path: str, users: Users, surveyor: Surveyor, *, base_model: str | None = None) -> DataFigures:
    """Looks through a file. ``base_model`` is what trainings are estimated for, else what its manifests say.

    A file that several manifests split in different ways is read once for each.
    """
    recognised = users.use or surveyor.recognised(path)
    use = recognised or Use.FREE
    surveys = {split: surveyor.survey(path, use, RowStatistics(), split=split) for split in users.splits}
    first = next(iter(surveys.values()))
    whole = statistics_of([seen for part in first.parts for seen in part], use)
    trained = {split: statistics_of(survey.parts[0], use) for split, survey in surveys.items()}
    return DataFigures(
        survey=first,
        statistics=whole,
        roles=tuple(dict.fromkeys(as_what.role for _, as_what in users.uses)),
        is_recognised=recognised is not None,
        trainings=trainings_on(
            {
                split: (one.rows, TokenSum(tokens=one.billed, caveats=one.token_caveats))
                for split, one in trained.items()
            },
            use,
            users,
            base_model,
        ),
    )


def trainings_on(
    sizes: Mapping[Split | None, tuple[int, TokenSum]], use: Use, users: Users, base_model: str | None
) -> tuple[Training, ...]:
    """Estimates what training on a file would take: what its manifests declare, or any model where none names it.

    ``sizes`` are the rows that are trained on and the tokens that one epoch bills, by the split of those who train.
    """
    if users.trained_on:
        found = [
            _training(one.name, one.method, base_model or one.base_model, users.backend_of(one), sizes[as_what.split])
            for one, as_what in users.trained_on
        ]
        return tuple(dict.fromkeys(found))
    if users.uses or not use.is_training:
        return ()
    models = (base_model,) if base_model else priced_models()
    method, size = Method(type=_METHOD_OF[use]), next(iter(sizes.values()))
    return tuple(_training(None, method, model, PUBLIC_BACKEND, size) for model in models)


def _training(
    fine_tune: str | None, method: Method, base_model: str, backend: Backend, size: tuple[int, TokenSum]
) -> Training:
    rows, counted = size
    train = Dataset(path="", sha256="", size=0, rows=rows, counted=counted)
    return Training(
        fine_tune=fine_tune,
        base_model=base_model,
        rows=rows,
        epochs=epochs_for(rows, method.hyperparameters.get("n_epochs")),
        estimate=estimate_of_training(method, base_model, backend, train),
    )
