"""The Python API: what ``from ftops import …`` gives. Small, typed and stable; the commands say the same from the same code.

Owns the values that programs see, which are not the domain's: those may change with every version. It prints nothing, ends no
process, and changes neither the working directory nor signals, garbage collection or the environment. Beside caches in
``.ftops`` and the fetched copy of the ledger it writes nothing.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftops.domain import desired as domain

Folder = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The model that an application should call, and where.

    ``base_url`` is the API's address; None where no server of an embedded backend runs to stay (``ftops serve``), or the
    project knows the backend no more. ``warnings`` are sentences: the ledger could not be fetched, the model is gone, …
    """

    name: str
    alias: str
    model: str
    backend: str
    base_url: str | None
    revision: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset of a manifest. ``path`` is relative to the project's folder, ``sha256`` (hex) of the content as uploaded."""

    path: str
    sha256: str
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FineTune:
    """One manifest: ``path`` is relative to the project's folder, ``aliases`` maps names to ``latest`` or a revision.

    ``revision`` is the identity of the training that it declares, ``backend`` the one in force, ``method`` ``supervised``,
    ``dpo`` or ``reinforcement``, ``evals`` what each evaluation reads, by its name.
    """

    name: str
    path: str
    line: int
    revision: str
    backend: str
    base_model: str
    method: str
    description: str
    labels: Mapping[str, str]
    aliases: Mapping[str, str]
    train: Dataset
    validation: Dataset | None
    evals: Mapping[str, Dataset]


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What a work tree declares. ``manifests`` maps the files that were read to their SHA-256 (hex)."""

    name: str
    root: Path
    commit: str | None
    fine_tunes: tuple[FineTune, ...]
    manifests: Mapping[str, str]
    notices: tuple[str, ...] = ()

    def fine_tune(self, name: str) -> FineTune:
        """Gives the fine-tune of that name. Raises KeyError."""
        for one in self.fine_tunes:
            if one.name == name:
                return one
        raise KeyError(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """A planned step. ``kind`` is a word such as ``train``, ``reason`` one that says why.

    ``revision`` is None for what is about no revision, ``cost_usd`` where the cost is unknown.
    """

    id: str
    kind: str
    fine_tune: str
    backend: str
    revision: str | None
    reason: str
    cost_usd: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What an apply would do. ``data`` is what ``ftops plan --json`` prints (``schemas/plan.v1.json``).

    ``blockers`` are sentences: a manifest has to change before anything can be applied.
    """

    data: Mapping[str, Any]

    @property
    def has_changes(self) -> bool:
        """Whether there is something to do, now or once a running job has ended."""
        return bool(self.data["has_changes"])

    @property
    def is_complete(self) -> bool:
        """Whether nothing has to be waited for before the rest can be planned."""
        return bool(self.data["complete"])

    @property
    def cost_usd(self) -> float | None:
        """The estimated cost in USD; None where a part of it is unknown."""
        cost = self.data["summary"]["cost_usd"]
        return None if cost is None else float(cost)

    @property
    def actions(self) -> tuple[Action, ...]:
        """The steps, in the plan's order."""
        return tuple(_action(entry) for entry in self.data["actions"])

    @property
    def blockers(self) -> tuple[str, ...]:
        """What a manifest has to change."""
        return tuple(str(entry["message"]) for entry in self.data["blockers"])


def resolve(what: str, *, directory: Folder = ".", backend: str | None = None, cached: bool = False) -> Resolved:
    """Gives the model behind ``NAME@ALIAS``, or ``NAME`` where it has one alias. Needs no key and calls no backend.

    ``directory`` lies in the project. The ledger is fetched first; with ``cached`` the copy here answers. ``backend`` stands
    in for the manifest's, as ``--backend`` does.

    Raises UsageProblem (no project, name or alias), FtopsError (nothing promoted yet), LedgerError.
    """
    from ftops.bootstrap_place import find_place
    from ftops.bootstrap_resolve import answer

    given = answer(find_place(Path(directory)), what, backend=backend, is_cached=cached)
    found = given.found
    return Resolved(
        name=found.name,
        alias=found.alias,
        model=found.model,
        backend=found.backend,
        base_url=given.base_url,
        revision=found.revision,
        warnings=given.warnings if given.caution is None else (*given.warnings, given.caution),
    )


def load_project(directory: Folder = ".", *, backend: str | None = None) -> Project:
    """Reads the manifests and datasets of the project that ``directory`` lies in; offline, without a key.

    Raises Invalid with every problem of every file, UsageProblem where there is no project.
    """
    from ftops.bootstrap import load_desired
    from ftops.bootstrap_place import find_place

    place = find_place(Path(directory))
    declared = load_desired(place, backend=backend)
    return Project(
        name=declared.project.name,
        root=place.root,
        commit=declared.commit,
        fine_tunes=tuple(_fine_tune(one) for one in declared.fine_tunes),
        manifests=dict(declared.manifest_digests),
        notices=tuple(map(str, declared.notices)),
    )


def plan(directory: Folder = ".", *, offline: bool = False, backend: str | None = None) -> Plan:
    """Plans as ``ftops plan`` does: reads the ledger and asks the backends, changes nothing and costs nothing.

    ``offline`` calls no backend. Raises Invalid, UsageProblem, Refused, LedgerError, Unauthorized.
    """
    from ftops.application.saved_plan import plan_now
    from ftops.bootstrap import load_desired, open_workspace
    from ftops.bootstrap_place import find_place
    from ftops.domain.guard import Policy
    from ftops.domain.plan_json import plan_to_json

    place = find_place(Path(directory))
    declared = load_desired(place, backend=backend)
    with open_workspace(
        place,
        declared,
        policy=Policy(is_pruning=declared.project.prune),
        progress=_Silence(),
        stop=threading.Event(),
        is_offline=offline,
    ) as workspace:
        return Plan(data=plan_to_json(plan_now(workspace, may_be_stale=True)))


class _Silence:
    """Tells nobody how a run goes: fits ``ports.Progress``."""

    def update(
        self, fine_tune: str, phase: str, *, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        """Does nothing."""

    def say(self, message: str, *, fine_tune: str | None = None) -> None:
        """Does nothing."""


def _fine_tune(declared: "domain.Declared") -> FineTune:
    manifest = declared.fine_tune
    return FineTune(
        name=manifest.name,
        path=manifest.path,
        line=manifest.line,
        revision=declared.revision,
        backend=declared.backend.name,
        base_model=manifest.base_model,
        method=manifest.method.type.value,
        description=manifest.description,
        labels=dict(manifest.labels),
        aliases={str(alias): target for alias, target in manifest.aliases.items()},
        train=_dataset(declared.train),
        validation=None if declared.validation is None else _dataset(declared.validation),
        evals={one.spec.name: _dataset(one.dataset) for one in declared.evals},
    )


def _dataset(dataset: "domain.Dataset") -> Dataset:
    return Dataset(path=dataset.path, sha256=dataset.sha256, rows=dataset.rows)


def _action(entry: Mapping[str, Any]) -> Action:
    estimate = entry.get("estimate") or {}
    return Action(
        id=entry["id"],
        kind=entry["kind"],
        fine_tune=entry["fine_tune"],
        backend=entry["backend"],
        revision=entry.get("revision"),
        reason=entry["reason"],
        cost_usd=estimate.get("usd"),
    )
