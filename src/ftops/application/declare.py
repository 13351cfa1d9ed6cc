"""Desired state out of manifests and datasets.

Owns resolving datasets to digests, revisions, the digests of evaluations, and which backend is in force. It opens no file:
``DatasetReader`` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, BinaryIO, Final, Protocol

from ftops.datasets.formats import USE_OF, Use
from ftops.datasets.reading import MIN_TRAINING_ROWS, Scan
from ftops.domain.desired import Dataset, Declared, DeclaredEval, DesiredState, adopted_dataset
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.loaded import DatasetUse, LoadedProject, Role, Spot
from ftops.domain.manifest import (
    AdoptedDataset,
    Backend,
    BackendName,
    EvalSpec,
    FineTune,
    FineTuneName,
    MethodType,
    Project,
    Split,
)
from ftops.domain.manifest_notices import ManifestNotice
from ftops.domain.near_misses import hint
from ftops.domain.revision import digest, revision_of
from ftops.errors import Invalid, Problem, UsageProblem

_NOT_SCORED: Final = frozenset(("name", "pass_threshold"))
_WITH_REFERENCE: Final = frozenset(("messages", "preferred_output"))


class DatasetReader(Protocol):
    """Reads dataset files by their path relative to the project's root."""

    def scan(self, path: str, *, use: Use, split: Split | None = None) -> Scan:
        """Reads a file once, and checks its rows for ``use``; never raises for what the file holds."""
        ...

    def content(self, dataset: Dataset) -> BinaryIO:
        """Gives what to upload for ``dataset``; raises ``Stale`` where the file has changed since."""
        ...


def declare(
    loaded: LoadedProject,
    datasets: DatasetReader,
    *,
    backend: str | None = None,
    for_apply: bool = False,
    problems: Sequence[Problem] = (),
    commit: str | None = None,
    is_dirty: bool = False,
) -> DesiredState:
    """Gives the desired state, fine-tunes sorted by name.

    ``backend`` is what ``--backend``, or else ``FTOPS_BACKEND``, names; ``for_apply`` allows it an embedded one only.
    ``problems`` are what loading found: they are raised together with what is wrong with the datasets, those of wrong
    manifests too.

    Raises ``UsageProblem`` for ``backend``, and ``Invalid`` with all problems.
    """
    redirected = _redirected(loaded.project, backend, for_apply=for_apply)
    reading = _Reading(datasets=datasets, problems=list(problems))
    for use in loaded.datasets:
        reading.check(use)
    declared: list[Declared] = []
    for fine_tune in loaded.fine_tunes:
        chosen = redirected or loaded.project.backends.get(fine_tune.backend or loaded.project.backend)
        if chosen is not None:
            one = reading.declared(fine_tune, chosen)
            if one is not None:
                declared.append(one)
    if reading.problems:
        raise Invalid(tuple(dict.fromkeys(reading.problems)))
    return DesiredState(
        project=loaded.project,
        fine_tunes=tuple(declared),
        commit=commit,
        is_dirty=is_dirty,
        notices=tuple(dict.fromkeys((*loaded.notices, *reading.notices, *_twins(declared)))),
        manifest_digests=loaded.manifest_digests,
    )


def eval_digest(spec: EvalSpec, dataset_sha256: str) -> str:
    """Gives 64 hex digits of what an evaluation sends and how it scores; thresholds, names and gates are no part of it."""
    return digest(
        {
            "dataset": dataset_sha256,
            "input": list(spec.input) if spec.input is not None else None,
            "sampling": spec.sampling,
            "grader": scored_by(spec.grader),
            "repeats": spec.repeats,
            # Only where it is stated: evaluations that don't cluster keep the digests that they have always had.
            **({} if spec.cluster_by is None else {"cluster_by": spec.cluster_by}),
        }
    )


def scored_by(grader: Any) -> Any:
    """Gives a grader without what changes no score: its ``name`` and ``pass_threshold``.

    Inside ``multi`` names stay: its formula refers to them.
    """
    return {key: value for key, value in grader.items() if key not in _NOT_SCORED}


def _redirected(project: Project, name: str | None, *, for_apply: bool) -> Backend | None:
    if name is None:
        return None
    backend = project.backends.get(BackendName(name))
    if backend is None:
        raise UsageProblem(f"no backend is named {visible(name)}; {hint(name, project.backends)}")
    if for_apply and not backend.is_rehearsal:
        raise UsageProblem(
            f"apply can be redirected to an embedded backend only, and {name} is none",
            remedy="name the backend in the manifest's spec.backend or in ftops.yaml",
        )
    return backend


@dataclass(kw_only=True, slots=True)
class _Reading:
    """Declares one fine-tune after the other, and reads each file once for each use."""

    datasets: DatasetReader
    problems: list[Problem] = field(default_factory=list)
    notices: list[ManifestNotice] = field(default_factory=list)
    _scans: dict[tuple[str, Use, Split | None], Scan] = field(default_factory=dict)

    def check(self, use: DatasetUse) -> None:
        """Finds what is wrong with a dataset and with what its manifest makes of it, whatever else is wrong there."""
        rows = _rows_for(use)
        parts = self._parts(use.path, rows, use.split)
        if parts and use.role is Role.TRAIN:
            self._check_sizes(use, parts)
        fields = self._scans[use.path, rows, use.split].fields
        if parts and use.role is Role.EVALUATION and fields is not None:
            self._check_variables(use, fields)
            self._check_references(use, fields)

    def declared(self, fine_tune: FineTune, backend: Backend) -> Declared | None:
        parts = self._training(fine_tune)
        evals = tuple(self._evaluation(spec) for spec in fine_tune.evals)
        if parts is None or None in evals:
            return None
        train, validation = parts
        self._notice(fine_tune, backend)
        return Declared(
            fine_tune=fine_tune,
            backend=backend,
            revision=revision_of(
                base_model=fine_tune.base_model,
                method=fine_tune.method,
                seed=fine_tune.seed,
                train_sha256=train.sha256,
                validation_sha256=validation.sha256 if validation else None,
            ),
            train=train,
            validation=validation,
            evals=tuple(one for one in evals if one is not None),
        )

    def _training(self, fine_tune: FineTune) -> tuple[Dataset, Dataset | None] | None:
        """Gives what is trained on and what validates; None where something is wrong with it."""
        use, paths = USE_OF[fine_tune.method.type], fine_tune.dataset
        if isinstance(paths, AdoptedDataset):
            return adopted_dataset(paths.job), None
        split = paths.validation if isinstance(paths.validation, Split) else None
        parts = self._parts(paths.train, use, split)
        if isinstance(paths.validation, str):
            parts = (*parts, *self._parts(paths.validation, use))
        wanted = 1 if paths.validation is None else 2
        if len(parts) != wanted:
            return None
        return parts[0], parts[1] if wanted == 2 else None

    def _parts(self, path: str, use: Use, split: Split | None = None) -> tuple[Dataset, ...]:
        """Gives the datasets that a file comes to; none where something is wrong with it."""
        key = (path, use, split)
        if key not in self._scans:
            self._scans[key] = self.datasets.scan(path, use=use, split=split)
            self.problems.extend(self._scans[key].problems)
        found = self._scans[key]
        return () if found.problems else found.parts

    def _evaluation(self, spec: EvalSpec) -> DeclaredEval | None:
        parts = self._parts(spec.dataset, Use.EVALUATION if spec.input is None else Use.FREE)
        if not parts:
            return None
        return DeclaredEval(spec=spec, dataset=parts[0], digest=eval_digest(spec, parts[0].sha256))

    def _check_sizes(self, use: DatasetUse, parts: tuple[Dataset, ...]) -> None:
        train = parts[0]
        if train.rows < MIN_TRAINING_ROWS:
            wrong = f"expected at least {MIN_TRAINING_ROWS} rows to train on, {train.path} has {train.rows}"
            self._refuse(use.spot, wrong)
        if use.split_spot is not None and not parts[1].rows:
            self._refuse(use.split_spot, "expected a fraction that leaves validation at least one row")

    def _check_variables(self, use: DatasetUse, fields: Mapping[str, int]) -> None:
        """Checks that every row has what the templates fill in: one that hasn't would end as an error, not as a score."""
        for variable in use.variables:
            name, path = quoted(variable.name), visible(use.path)
            lacking = fields.get(variable.name)
            if lacking is None:
                near = get_close_matches(variable.name, fields, n=1)
                hint = f"did you mean item.{visible(near[0])}?" if near else None
                self._refuse(variable.spot, f"expected a field of the rows, no row of {path} has {name}", hint)
            elif lacking:
                self._refuse(variable.spot, f"expected a field that every row has, {path}:{lacking} has no {name}")

    def _check_references(self, use: DatasetUse, fields: Mapping[str, int]) -> None:
        """A chat row's reference is its last assistant turn, a preference row's its preferred output: others have none."""
        if use.reference is not None and not _WITH_REFERENCE & fields.keys():
            wrong = f"expected rows with a reference, no row of {visible(use.path)} has messages or preferred_output"
            self._refuse(use.reference, wrong, "name the field to compare with: reference: '{{item.FIELD}}'")

    def _refuse(self, spot: Spot, expected: str, hint: str | None = None) -> None:
        self.problems.append(
            Problem(file=spot.file, line=spot.line, column=spot.column, field=spot.field, expected=expected, hint=hint)
        )

    def _notice(self, fine_tune: FineTune, backend: Backend) -> None:
        is_own = not backend.is_rehearsal and backend.base_url is None
        if is_own and fine_tune.method.type is MethodType.REINFORCEMENT:
            message = "OpenAI has no base model left for reinforcement; other backends may"
            self.notices.append(
                ManifestNotice(fine_tunes=(fine_tune.name,), message=message, file=fine_tune.path, line=fine_tune.line)
            )


def _rows_for(use: DatasetUse) -> Use:
    """Gives what the rows must be. Where the method is unknown they may be anything, so that JSON at least is checked."""
    if use.role is Role.EVALUATION:
        return Use.FREE if use.has_input else Use.EVALUATION
    return Use.FREE if use.method is None else USE_OF[use.method]


def _twins(declared: Sequence[Declared]) -> list[ManifestNotice]:
    """Gives one notice for each revision that several fine-tunes declare on one backend."""
    by_revision: dict[tuple[str, str], list[FineTuneName]] = {}
    for one in declared:
        by_revision.setdefault((one.backend.name, one.revision), []).append(one.name)
    return [
        ManifestNotice(
            fine_tunes=tuple(names),
            message=f"one revision ({revision}), trained {len(names)} times, once for each",
        )
        for (_, revision), names in by_revision.items()
        if len(names) > 1
    ]
