"""The declared world as values: a project, its backends and its fine-tunes, as the manifests state them.

Owns the shapes and their defaults. It reads no file and checks no schema (``adapters.manifest_files`` does), and it knows
nothing of what exists at a backend.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal, NewType

FineTuneName = NewType("FineTuneName", str)
BackendName = NewType("BackendName", str)
AliasName = NewType("AliasName", str)
Revision = NewType("Revision", str)
ModelId = NewType("ModelId", str)
JobId = NewType("JobId", str)

LATEST: Final = "latest"
WIN_RATE: Final = "win_rate"
EMBEDDED: Final = BackendName("embedded")
REHEARSAL_SUFFIX: Final = "-embedded"  # of the branch that holds the rehearsals beside a ledger
OPENAI: Final = BackendName("openai")
OPENAI_KEY_ENV: Final = "OPENAI_API_KEY"


class MethodType(StrEnum):
    """How a model is trained."""

    SUPERVISED = "supervised"
    DPO = "dpo"
    REINFORCEMENT = "reinforcement"


class BackendType(StrEnum):
    """What kind of thing a backend is: a service reached over the network, or ftops' own server on this machine."""

    OPENAI = "openai"
    EMBEDDED = "embedded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """USD per million tokens; None is unknown."""

    training: float | None = None
    input: float | None = None
    output: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """Where training and inference happen. ``base_url`` None is the SDK's own default (or its environment variable)."""

    name: BackendName
    type: BackendType
    base_url: str | None = None
    api_key_env: str | None = None
    settle_seconds: float = 60.0
    price: Price | None = None

    @property
    def is_rehearsal(self) -> bool:
        """Whether what happens here costs nothing and goes to a ledger that is never pushed."""
        return self.type is BackendType.EMBEDDED


BUILT_IN: Final = MappingProxyType(
    {
        OPENAI: Backend(name=OPENAI, type=BackendType.OPENAI, api_key_env=OPENAI_KEY_ENV),
        EMBEDDED: Backend(name=EMBEDDED, type=BackendType.EMBEDDED, settle_seconds=0.0),
    }
)  # the backends that every project has


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerSettings:
    """Where the ledger is kept. ``remote`` is the name of a configured git remote; None where the repository has none."""

    branch: str = "ftops-ledger"
    remote: str | None = "origin"
    outputs: Literal["local", "push"] = "local"


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The project: ``ftops.yaml``, or its defaults where there is none (``is_implicit``)."""

    name: str
    manifests: tuple[str, ...] = ("finetunes",)
    backend: BackendName = EMBEDDED
    backends: Mapping[BackendName, Backend]
    ledger: LedgerSettings = LedgerSettings()
    training_budget_usd: float | None = None
    prune: bool = False
    is_implicit: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """How to train. ``hyperparameters`` keeps ``auto`` as written; the revision leaves it out."""

    type: MethodType = MethodType.SUPERVISED
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    grader: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A validation set taken out of the training file: about ``fraction`` of its rows, chosen by ``seed``."""

    fraction: float
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetPaths:
    """Dataset files as paths relative to the project's root, with forward slashes.

    ``checks`` maps codes of checks to what they are set to: ``off``, ``advice``, ``warning`` or ``error``. ``baseline`` is the
    file of findings that are known. Neither changes what is trained.
    """

    train: str
    validation: str | Split | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptedDataset:
    """In place of a training file: the imported job that was trained on data which is gone."""

    job: JobId


@dataclass(frozen=True, kw_only=True, slots=True)
class FewShot:
    """``k`` training examples as turns before the question: one per label first, drawn by ``seed``."""

    k: int
    seed: int

    @property
    def in_words(self) -> str:
        """What a report calls it."""
        return f"{self.k} example{'' if self.k == 1 else 's'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptFile:
    """A file with messages that replace the leading system messages; path relative to the project's root."""

    path: str

    @property
    def in_words(self) -> str:
        """What a report calls it."""
        return self.path


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What a candidate is compared with: the base model, an alias, or a model by its id. Exactly one of the three is set."""

    base: bool = False
    alias: AliasName | None = None
    model: ModelId | None = None
    backend: BackendName | None = None
    prompt: FewShot | PromptFile | None = None


class Test(StrEnum):
    """Which question a comparison with a baseline answers."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    SUPERIORITY = "superiority"
    NON_INFERIORITY = "non_inferiority"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One rule of a gate: exactly one of ``min``, ``max`` and ``baseline`` is set."""

    metric: str = "mean"
    min: float | None = None
    max: float | None = None
    baseline: Baseline | None = None
    margin: float = 0.0
    test: Test | None = None
    confidence: float | None = None
    shadow: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalSpec:
    """One evaluation: which rows are sent, how they are scored, and the gate that judges the scores."""

    name: str
    dataset: str
    grader: Mapping[str, Any]
    gate: tuple[Condition, ...] = ()
    sampling: Mapping[str, Any] | None = None
    input: tuple[Mapping[str, Any], ...] | None = None
    prompt: Literal["intended"] | None = None
    repeats: int = 1
    cluster_by: str | None = None
    select: bool = False

    @property
    def is_enforced(self) -> bool:
        """Whether a condition of this evaluation can withhold a promotion."""
        return any(not condition.shadow for condition in self.gate)

    @property
    def opponents(self) -> tuple[Baseline, ...]:
        """Each baseline that a condition compares with, once, in their order."""
        return tuple(dict.fromkeys(b for condition in self.gate if (b := self.opponent(condition)) is not None))

    def opponent(self, condition: Condition) -> Baseline | None:
        """Gives what a condition compares with, None where it compares with nothing.

        A win rate always is against somebody: where the condition names nobody, against the only baseline that others name,
        else against the base model.
        """
        if condition.baseline is not None or condition.metric != WIN_RATE:
            return condition.baseline
        named = {other.baseline for other in self.gate if other.baseline is not None}
        return named.pop() if len(named) == 1 else Baseline(base=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """What is kept when somebody prunes."""

    keep: int = 3
    files: Literal["keep", "delete"] = "keep"
    protect: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """Promote this revision although a gate did not pass."""

    revision: Revision
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How ftops behaves towards one fine-tune."""

    checkpoints: Literal["last", "best_validation_loss", "evaluate"] = "last"
    on_superseded: Literal["cancel", "finish"] = "cancel"
    retries: int = 1
    min_days_to_shutdown: int = 30
    suspend: bool = False
    override: Override | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FineTune:
    """One manifest. ``spec`` is its spec as plain JSON values, defaults not filled in: the ledger keeps it as a snapshot.

    ``path`` and ``line`` say where it stands, for messages. ``backend`` is None where the manifest names none.
    """

    name: FineTuneName
    base_model: str
    dataset: DatasetPaths | AdoptedDataset
    path: str
    line: int = 1
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    moved_from: tuple[FineTuneName, ...] = ()
    backend: BackendName | None = None
    method: Method = Method()
    seed: int | None = None
    evals: tuple[EvalSpec, ...] = ()
    aliases: Mapping[AliasName, str] = field(default_factory=dict)
    retention: Retention = Retention()
    training_budget_usd: float | None = None
    policy: Policy = Policy()
    integrations: tuple[Mapping[str, Any], ...] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
