"""What the manifests of a work tree say, before their datasets are looked at.

Owns the value that reading files hands to ``application.declare``. It neither reads nor checks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ftops.domain.manifest import FineTune, MethodType, Project, Split
from ftops.domain.manifest_notices import ManifestNotice


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """Where a value stands in a manifest: its file as messages show it, line, column and JSON pointer."""

    file: str
    line: int
    column: int
    field: str


class Role(StrEnum):
    """What a fine-tune does with a dataset."""

    TRAIN = "train"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A field of the rows that an evaluation fills in or clusters by: ``name`` is what follows ``item.`` in templates."""

    name: str
    spot: Spot


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetUse:
    """One dataset that a manifest names, whatever else is wrong with that manifest.

    ``path`` is relative to the project's root. ``method`` is None where an evaluation uses it, or the manifest names no
    method that exists. ``split`` is what a training file is parted by, and ``split_spot`` where that is stated.
    ``has_input`` tells an evaluation that states its own messages, ``variables`` what its templates need of every row,
    ``reference`` where its grader compares with a reference that rows have of themselves.
    """

    path: str
    role: Role
    spot: Spot
    method: MethodType | None = None
    split: Split | None = None
    split_spot: Spot | None = None
    has_input: bool = False
    variables: tuple[Variable, ...] = ()
    reference: Spot | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedProject:
    """A project and its fine-tunes, sorted by name.

    ``datasets`` are those that the manifests name, also the manifests that are wrong and so no fine-tune. ``files`` maps
    each manifest to the files that it names, both as messages show them. ``manifest_digests`` maps each file that was read
    to the SHA-256 of its bytes (``ftops.yaml`` too, where there is one). ``notices`` are warnings for people; they refuse
    nothing.
    """

    project: Project
    fine_tunes: tuple[FineTune, ...] = ()
    datasets: tuple[DatasetUse, ...] = ()
    files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    manifest_digests: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[ManifestNotice, ...] = ()
