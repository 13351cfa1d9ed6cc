"""Past jobs with what was fetched of them: the revision that each one is, and what can be declared of it.

Owns when data is good enough to stand in a manifest. It fetches nothing and writes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ftops.application.import_fetch import Fetched
from ftops.datasets.formats import USE_OF
from ftops.datasets.reading import MIN_TRAINING_ROWS, scan
from ftops.domain.desired import adopted_dataset
from ftops.domain.manifest import MethodType, Revision
from ftops.domain.past_job import PastJob
from ftops.domain.recipe import Recipe, recipe_behind, recipe_of
from ftops.domain.records import DatasetRecord
from ftops.ports import AdoptionFiles, KeptFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A past job as a revision. ``data`` is what its manifest would name; ``notes`` say what could not be recovered."""

    past: PastJob
    recipe: Recipe
    revision: Revision
    train: DatasetRecord
    validation: DatasetRecord | None = None
    data: Mapping[str, KeptFile] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def as_history(past: PastJob, fetched: Fetched) -> Candidate:
    """Gives a job as a revision that nothing declares: its data counts by its digest, whatever is in it.

    What ftops wrote into the metadata of a job of its own says which revision it is.
    """
    train, validation = (_kept(file, fetched) for file in (past.training_file, past.validation_file))
    if not isinstance(train, KeptFile):
        return _without_data(past, recipe_of(past), (), revision=past.revision)
    valid = _record(validation) if isinstance(validation, KeptFile) else None
    return _of_recipe(past, _record(train), valid, is_declared=False)


def as_declared(past: PastJob, fetched: Fetched, files: AdoptionFiles) -> Candidate:
    """Gives a job as what a manifest will declare: with its data where that is there and passes as a dataset."""
    recipe = recipe_of(past)
    if not recipe.is_whole:
        return without_data(past, recipe)
    train, validation = (_kept(file, fetched) for file in (past.training_file, past.validation_file))
    why = train if isinstance(train, str) else _fault(train, recipe, files, least=MIN_TRAINING_ROWS)
    if why is not None or not isinstance(train, KeptFile):
        return without_data(past, recipe, why or "the job names no training file")
    missing = ""
    if past.validation_file is not None:
        missing = validation if isinstance(validation, str) else _fault(validation, recipe, files, least=1) or ""
    if recipe.method.type is MethodType.REINFORCEMENT and (missing or validation is None):
        return without_data(past, recipe, missing or "the job names no validation file")
    valid = _record(validation) if isinstance(validation, KeptFile) and not missing else None
    kept = {"train": train} | ({"validation": validation} if valid and isinstance(validation, KeptFile) else {})
    notes = (f"no validation data: {missing}",) if missing else ()
    return _of_recipe(past, _record(train), valid, is_declared=True, data=kept, notes=notes)


def without_data(past: PastJob, recipe: Recipe, why: str = "") -> Candidate:
    """Gives a job as what a manifest will declare without data (``adopted_job``), and why."""
    notes = (f"no training data: {why}",) if why else ()
    return _without_data(past, recipe, notes, revision=None)


def _without_data(past: PastJob, recipe: Recipe, notes: tuple[str, ...], *, revision: Revision | None) -> Candidate:
    gone = adopted_dataset(past.id)
    return Candidate(
        past=past,
        recipe=recipe,
        revision=revision or recipe.revision(gone.sha256, None),
        train=DatasetRecord(path=gone.path, sha256=gone.sha256, rows=0),
        notes=(*notes, *_unstated(recipe)),
    )


def _of_recipe(
    past: PastJob,
    train: DatasetRecord,
    validation: DatasetRecord | None,
    *,
    is_declared: bool,
    data: Mapping[str, KeptFile] | None = None,
    notes: tuple[str, ...] = (),
) -> Candidate:
    """A job with its data. One of ours was made by a recipe that may have left more to the backend than it reports."""
    recipe, valid = recipe_of(past), validation.sha256 if validation else None
    behind = recipe_behind(past, past.revision, train.sha256, valid) if past.revision else None
    if behind is None and past.revision is not None and is_declared:
        notes = (*notes, f"its revision {past.revision} can't be made out again: what the job reports is declared")
    recipe = behind or recipe
    known = past.revision if behind or not is_declared else None
    return Candidate(
        past=past,
        recipe=recipe,
        revision=known or recipe.revision(train.sha256, valid),
        train=train,
        validation=validation,
        data=data or {},
        notes=(*notes, *_unstated(recipe)),
    )


def _unstated(recipe: Recipe) -> tuple[str, ...]:
    return tuple(f"a manifest can't state {what}" for what in recipe.unstated)


def _kept(file: str | None, fetched: Fetched) -> KeptFile | str | None:
    return None if file is None else fetched.files.get(file, f"file {file} was not fetched")


def _record(kept: KeptFile) -> DatasetRecord:
    return DatasetRecord(path=kept.id, sha256=kept.sha256, rows=kept.rows)


def _fault(kept: KeptFile | None, recipe: Recipe, files: AdoptionFiles, *, least: int) -> str | None:
    """Why a file can't be a dataset of a manifest; None where it can."""
    if kept is None:
        return None
    with files.open(kept) as content:
        found = scan(content, path=kept.id, use=USE_OF[recipe.method.type])
    if found.problems:
        first = found.problems[0]
        more = ", and more" if len(found.problems) > 1 else ""
        # Without what was found there instead: this goes into a manifest, and rows are nobody's to quote there.
        return f"{first.file}:{first.line} {first.field}".rstrip() + f": {first.expected.split(', got')[0]}{more}"
    if found.parts[0].rows < least:
        return f"{kept.id} has {found.parts[0].rows} rows, fewer than {least}"
    return None
