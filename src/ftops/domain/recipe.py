"""What a manifest can state of how a job was trained.

Owns the ranges that ``schemas/finetune.v1.json`` has for hyperparameters, and finding out again which of them had been
``auto``. It reads no data: digests are arguments.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

from ftops.domain.foreign_text import excerpt, quoted
from ftops.domain.manifest import Method, MethodType, Revision
from ftops.domain.past_job import PastJob
from ftops.domain.revision import AUTO, revision_of

_MOST_SEED: Final = 2**31 - 1
_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_WANDB: Final = ("project", "name", "entity", "tags")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Range:
    """The numbers that a hyperparameter may have; ``is_open``: above ``least``, not at it."""

    least: float
    most: float = float(_MOST_SEED)
    is_whole: bool = False
    is_open: bool = False

    def has(self, value: float) -> bool:
        is_kind = not self.is_whole or value == int(value)
        return is_kind and self.least <= value <= self.most and not (self.is_open and value == self.least)


_COMMON: Final = {
    "n_epochs": _Range(least=1, most=50, is_whole=True),
    "batch_size": _Range(least=1, most=256, is_whole=True),
    "learning_rate_multiplier": _Range(least=0, is_open=True),
}
_RANGES: Final[Mapping[MethodType, Mapping[str, _Range]]] = {
    MethodType.SUPERVISED: _COMMON,
    MethodType.DPO: {**_COMMON, "beta": _Range(least=0, most=2, is_open=True)},
    MethodType.REINFORCEMENT: {
        **_COMMON,
        "compute_multiplier": _Range(least=0.00001, most=10),
        "eval_interval": _Range(least=1, is_whole=True),
        "eval_samples": _Range(least=1, is_whole=True),
    },
}
_EFFORT: Final = "reasoning_effort"
_EFFORTS: Final = frozenset(("default", "low", "medium", "high"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a job was trained, in a manifest's terms. ``unstated`` says what a manifest can't say of it, one phrase each.

    Where the method itself can't be stated, ``is_whole`` is false: nobody could train such a model anew from the manifest.
    """

    base_model: str
    method: Method
    seed: int | None = None
    integrations: tuple[Mapping[str, Any], ...] = ()
    unstated: tuple[str, ...] = ()
    is_whole: bool = True

    def revision(self, train_sha256: str, validation_sha256: str | None) -> Revision:
        """The revision that this recipe makes with that data."""
        return revision_of(
            base_model=self.base_model,
            method=self.method,
            seed=self.seed,
            train_sha256=train_sha256,
            validation_sha256=validation_sha256,
        )


def recipe_of(past: PastJob) -> Recipe:
    """Gives what a manifest states of a job: each hyperparameter that the job reports and a manifest may have."""
    stated: dict[str, Any] = {}
    unstated: list[str] = []
    kind = _method_type(past)
    for name, value in sorted(past.hyperparameters.items()) if kind else ():
        if value is None or value == AUTO:
            continue
        usable = _usable(kind, name, value)
        if usable is None:
            unstated.append(f"{quoted(name)} {excerpt(value)}")
        else:
            stated[name] = usable
    if kind is None:
        unstated.append(f"method {quoted(past.method)}")
    seed = past.seed if past.seed is not None and 0 <= past.seed <= _MOST_SEED else None
    if seed != past.seed:
        unstated.append(f"seed {past.seed}")
    return Recipe(
        base_model=past.job.base_model,
        method=Method(
            type=kind or MethodType.SUPERVISED,
            hyperparameters=stated,
            grader=past.grader if kind is MethodType.REINFORCEMENT else None,
        ),
        seed=seed,
        integrations=_integrations(past),
        unstated=tuple(unstated),
        is_whole=kind is not None,
    )


def without_method(recipe: Recipe, why: str) -> Recipe:
    """Gives a recipe that leaves open how the model was trained, as no manifest could say it."""
    return replace(recipe, method=Method(), unstated=(*recipe.unstated, why), is_whole=False)


def recipe_behind(past: PastJob, revision: Revision, train_sha256: str, validation_sha256: str | None) -> Recipe | None:
    """Gives the recipe that a revision was made by: what the job reports, with some of it left to the backend then.

    Tried are all ways to have left hyperparameters at ``auto``, the seed open and the base model's date out. None where
    no one of them makes that revision.
    """
    tried = (recipe for recipe in _variants(recipe_of(past)))
    return next((r for r in tried if r.revision(train_sha256, validation_sha256) == revision), None)


def _variants(recipe: Recipe) -> Iterator[Recipe]:
    stated = recipe.method.hyperparameters
    kept = [names for count in range(len(stated), -1, -1) for names in combinations(sorted(stated), count)]
    for base_model in dict.fromkeys((recipe.base_model, _DATE.sub("", recipe.base_model))):
        for seed in dict.fromkeys((recipe.seed, None)):
            for names in kept:
                method = replace(recipe.method, hyperparameters={name: stated[name] for name in names})
                yield replace(recipe, base_model=base_model, seed=seed, method=method)


def _method_type(past: PastJob) -> MethodType | None:
    """The method, None where a manifest has none of that name, or no grader would be known for it."""
    known = {kind.value: kind for kind in MethodType}
    kind = known.get(past.method)
    return None if kind is MethodType.REINFORCEMENT and not past.grader else kind


def _usable(kind: MethodType | None, name: str, value: Any) -> Any:
    """A hyperparameter's value as a manifest may state it; None where it may not."""
    if name == _EFFORT and kind is MethodType.REINFORCEMENT:
        return value if value in _EFFORTS else None
    known = _RANGES[kind].get(name) if kind else None
    if known is None or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if not known.has(value):
        return None
    return int(value) if value == int(value) else value


def _integrations(past: PastJob) -> tuple[Mapping[str, Any], ...]:
    found = []
    for entry in past.integrations:
        settings = entry.get("wandb")
        if entry.get("type") == "wandb" and isinstance(settings, Mapping) and settings.get("project"):
            kept = {key: settings[key] for key in _WANDB if settings.get(key)}
            found.append({"type": "wandb", "wandb": kept})
    return tuple(found)
