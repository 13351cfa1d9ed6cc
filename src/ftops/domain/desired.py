"""Desired state: all valid manifests of one project, their datasets resolved to digests.

Owns what planning takes as wanted. ``application.declare`` builds it from files; nothing here reads one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ftops.domain.manifest import Backend, EvalSpec, FineTune, FineTuneName, JobId, Project, Revision
from ftops.domain.manifest_notices import ManifestNotice
from ftops.domain.record_types import ADOPTED


class TokenCaveat(StrEnum):
    """What a number of tokens rests on besides the published rule: some rows have what that doesn't tell."""

    CUT = "long rows cut at 65,536 tokens"
    TOOLS = "tools and calls counted as JSON"
    IMAGES = "images not counted"


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenSum:
    """The tokens of some rows together. ``caveats`` are those that hold for any of them, in their own order."""

    tokens: int = 0
    caveats: tuple[TokenCaveat, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """What takes a look into every row of a dataset.

    ``tokens`` is the sum over rows of what one epoch bills, each row cut at the base model's limit, and ``caveats`` are that
    sum's. ``input_digests`` holds one short digest per row of what is sent before the reply, to tell evaluation rows that were
    trained on.
    """

    tokens: int = 0
    caveats: tuple[TokenCaveat, ...] = ()
    input_digests: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """One dataset file, or one of the two files derived from it by a split, as it would be uploaded.

    ``sha256`` (hex) and ``size`` (bytes) are of the content with CRLF made LF. ``measure`` gives the measures of exactly that
    content, always the same: who reads the file puts it off until they are asked for, as most plans never ask. ``counted``
    has the tokens where they are known without that.

    The data of an adopted job is gone: its ``path`` and ``sha256`` are ``job:ID``, and it has no rows.
    """

    path: str
    sha256: str
    size: int
    rows: int
    measure: Callable[[], Measures] = field(default=Measures, repr=False, compare=False)
    counted: TokenSum | None = field(default=None, repr=False, compare=False)

    @property
    def tokens(self) -> int:
        """What one epoch bills."""
        return (self.counted or self.measure()).tokens

    @property
    def token_caveats(self) -> tuple[TokenCaveat, ...]:
        """What the number of tokens rests on."""
        return (self.counted or self.measure()).caveats

    @property
    def input_digests(self) -> frozenset[str]:
        """What is sent before the replies, row by row, as short digests."""
        return self.measure().input_digests

    @property
    def is_gone(self) -> bool:
        """Whether this stands for the data of an adopted job: nothing can be trained on it."""
        return self.sha256.startswith(ADOPTED)


def adopted_dataset(job: JobId) -> Dataset:
    """Gives what stands for the data of an adopted job, which nobody has any more."""
    return Dataset(path=f"{ADOPTED}{job}", sha256=f"{ADOPTED}{job}", size=0, rows=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredEval:
    """An evaluation with its dataset resolved. ``digest`` identifies what is sent and how it is scored, not the gate."""

    spec: EvalSpec
    dataset: Dataset
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """One fine-tune as declared now, on the backend in force (the command line may have redirected it)."""

    fine_tune: FineTune
    backend: Backend
    revision: Revision
    train: Dataset
    validation: Dataset | None = None
    evals: tuple[DeclaredEval, ...] = ()

    @property
    def name(self) -> FineTuneName:
        """The fine-tune's name."""
        return self.fine_tune.name


@dataclass(frozen=True, kw_only=True, slots=True)
class DesiredState:
    """What the work tree declares. ``commit`` is the commit it stands for, None in a repository without one.

    ``notices`` are warnings that validation has for people; they refuse nothing.
    """

    project: Project
    fine_tunes: tuple[Declared, ...]
    commit: str | None = None
    is_dirty: bool = False
    notices: tuple[ManifestNotice, ...] = ()
    manifest_digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends that the fine-tunes use, by name; the project's own where there are none."""
        used = {declared.backend.name: declared.backend for declared in self.fine_tunes}
        if not used:
            used = {self.project.backend: self.project.backends[self.project.backend]}
        return tuple(backend for _, backend in sorted(used.items()))

    def named(self, name: FineTuneName) -> Declared | None:
        """Gives the declared fine-tune of that name, None where there is none."""
        return next((declared for declared in self.fine_tunes if declared.name == name), None)


def request_body(declared: Declared) -> Mapping[str, Any]:
    """Gives what determines the training request, as it goes to the backend; ``auto`` values are left to the backend."""
    method = declared.fine_tune.method
    explicit = {k: v for k, v in sorted(method.hyperparameters.items()) if v != "auto"}
    settings: dict[str, Any] = {}
    if explicit:
        settings["hyperparameters"] = explicit
    if method.grader is not None:
        settings["grader"] = wire_grader(method.grader)
    return {
        "model": declared.fine_tune.base_model,
        "suffix": declared.name,
        "seed": declared.fine_tune.seed,
        "method": {"type": method.type.value, method.type.value: settings},
        "integrations": list(declared.fine_tune.integrations),
    }


def wire_grader(grader: Mapping[str, Any]) -> Mapping[str, Any]:
    """Gives a method's grader as it goes to the backend."""
    return _named(grader, "reward")


def _named(grader: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Gives a grader with the names that the wire requires and manifests may leave out, inside ``multi`` too."""
    named = {"name": name, **grader}
    inner = grader.get("graders")
    if isinstance(inner, Mapping):
        named["graders"] = {key: _named(one, key) for key, one in inner.items()}
    elif isinstance(inner, list | tuple):
        named["graders"] = [_named(one, f"{name}_{number}") for number, one in enumerate(inner, 1)]
    return named
