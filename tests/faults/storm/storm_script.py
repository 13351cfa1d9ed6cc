"""What happens in a world, as plain data: read it like a story, shrink it by leaving things out, paste it into a test.

Whatever is left out of a script, the rest still makes sense: a step that finds nothing to act on does nothing.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any


class _Plain:
    """Shows itself as the code that makes it, without what is the default anyway."""

    def __repr__(self) -> str:
        shown = []
        for one in fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            default = one.default_factory() if one.default_factory is not MISSING else one.default
            if value != default:
                shown.append(f"{one.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Spec(_Plain):
    """A manifest. ``seed`` and ``data`` make the revision; an alias wants ``latest`` or such a pair, ``2/b``."""

    seed: int = 1
    data: str = "a"
    backend: str = "openai"
    aliases: Mapping[str, str] = field(default_factory=lambda: {"production": "latest"})
    gate: str = "easy"  # easy | hard | none
    test: int = 1
    moved_from: tuple[str, ...] = ()
    on_superseded: str = "cancel"
    retries: int = 1
    suspend: bool = False
    override: bool = False
    protect: bool = False
    keep: int = 3
    files: str = "keep"


@dataclass(frozen=True, kw_only=True, repr=False)
class Incident(_Plain):
    """What befalls the ``nth`` call of an operation in a run ("*" is any); ``seconds`` is how long, or how much later."""

    on: str
    what: str
    nth: int = 1
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, repr=False)
class Run(_Plain):
    """An apply in a clone, of the commit that is ``behind`` the newest one by so many."""

    clone: int = 0
    project: str = "acme"
    behind: int = 0
    mode: str = "wait"  # wait | no-wait | continue | time-out | prune
    is_fork: bool = False
    allow: tuple[str, ...] = ()
    starts_after: float = 0.0
    incidents: tuple[Incident, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class Together(_Plain):
    """Runs that go on at the same time."""

    runs: tuple[Run, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class Commit(_Plain):
    """A new commit: all manifests, by name."""

    manifests: Mapping[str, Spec]


@dataclass(frozen=True, kw_only=True, repr=False)
class Wait(_Plain):
    """Time passes."""

    seconds: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Drift(_Plain):
    """Somebody does something at a backend, now or ``after`` some seconds; ``nth`` chooses among what it could be done to."""

    what: str
    backend: str = "openai"
    nth: int = 0
    after: float = 0.0


@dataclass(frozen=True, kw_only=True, repr=False)
class Ask(_Plain):
    """Somebody asks for another attempt, for a cancel, or that the ledger lets go of a fine-tune."""

    what: str  # retry | cancel | forget
    nth: int = 0
    clone: int = 0


@dataclass(frozen=True, kw_only=True, repr=False)
class Weather(_Plain):
    """From now on, for so long, all calls to a place fail: a backend's name, or ``remote``."""

    place: str
    what: str
    seconds: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Tamper(_Plain):
    """Somebody deletes the ledger's branch, or sets it back by ``nth`` commits."""

    what: str  # delete | roll back
    nth: int = 1


Step = Run | Together | Commit | Wait | Drift | Ask | Weather | Tamper


@dataclass(frozen=True, kw_only=True, repr=False)
class Script(_Plain):
    """A world and what happens in it. ``lonely`` clones have no remote; ``lag`` hides what is new for so many seconds.

    ``prune`` is what ``ftops.yaml`` says, ``budget_jobs`` how many trainings its budget is good for.
    """

    seed: int = 0
    lag: float = 0.0
    stage_seconds: float = 10.0
    clones: int = 1
    lonely: int = 0
    ignores_filter: bool = False
    budget_jobs: int | None = None
    prune: bool = False
    steps: tuple[Step, ...] = ()

    def __repr__(self) -> str:
        head = super().__repr__() if not self.steps else repr(Script(**{**self.plain(), "steps": ()}))
        lines = "".join(f"        {step!r},\n" for step in self.steps)
        comma = "" if head == "Script()" else ", "
        return f"{head[:-1]}{comma}steps=(\n{lines}    ))" if self.steps else head

    def plain(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}
