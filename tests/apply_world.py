"""A whole world in memory for runs of apply: desired state, a backend, a ledger, and runs that share or race for them."""

import hashlib
import io
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from fakes import FakeBackend, FakeClock, FakeLedger, FakeOutputs
from ftops.application.declare import eval_digest
from ftops.application.evaluate import Evaluations
from ftops.application.outcome import Outcome
from ftops.application.reconcile import Apply, Settings
from ftops.application.saved_plan import plan_now
from ftops.application.workspace import Identity, Workspace
from ftops.datasets.inputs import input_digest
from ftops.datasets.reading import Scan
from ftops.domain.desired import Dataset, Declared, DeclaredEval, DesiredState, Measures
from ftops.domain.guard import Policy as Allowed
from ftops.domain.manifest import (
    AliasName,
    Backend,
    BackendName,
    BackendType,
    Condition,
    DatasetPaths,
    EvalSpec,
    FineTune,
    FineTuneName,
    Method,
    Policy,
    Project,
)
from ftops.domain.plan import Plan
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.revision import revision_of
from ftops.ports import BackendSession, ChatRequest, Job, LedgerWriter

OPENAI = Backend(name=BackendName("openai"), type=BackendType.OPENAI)
OTHER = Backend(name=BackendName("other"), type=BackendType.OPENAI, base_url="http://other.invalid/v1")
TWIN = Backend(name=BackendName("twin"), type=BackendType.EMBEDDED, settle_seconds=0)
BASE_MODEL = "gpt-4.1-mini-2025-04-14"
ROUTER = FineTuneName("router")
PRODUCTION = AliasName("production")
OLD, MINE, NEWER = "1" * 40, "2" * 40, "3" * 40
GRADER = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{reference}}"}
EVAL_ROWS = 8


def rows_of(word: str, count: int) -> tuple[dict[str, Any], ...]:
    turns = (
        [{"role": "user", "content": f"{word} {n}"}, {"role": "assistant", "content": f"{n}"}] for n in range(count)
    )
    return tuple({"messages": messages} for messages in turns)


def answer_well(request: ChatRequest) -> str:
    return str(request.messages[-1]["content"]).split()[-1]


@dataclass
class MemoryDatasets:
    """Datasets by path, for every port that reads them."""

    rows_at: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)

    def add(self, path: str, rows: tuple[dict[str, Any], ...]) -> Dataset:
        self.rows_at[path] = rows
        data = self._bytes(path)
        sha256 = hashlib.sha256(data).hexdigest()
        return Dataset(path=path, sha256=sha256, size=len(data), rows=len(rows), measure=lambda: Measures(tokens=900))

    def scan(self, path: str, *, use: object, split: object = None) -> Scan:
        raise AssertionError(path)

    def content(self, dataset: Dataset) -> BinaryIO:
        return io.BytesIO(self._bytes(dataset.path))

    def rows(self, dataset: Dataset) -> Sequence[Mapping[str, Any]]:
        return self.rows_at[dataset.path]

    def each_row(self, dataset: Dataset) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows(dataset))

    def text(self, path: str) -> str:
        raise AssertionError(path)

    def _bytes(self, path: str) -> bytes:
        return "".join(json.dumps(row) + "\n" for row in self.rows_at[path]).encode()


@dataclass
class FakeRepository:
    """History as one line of commits; where it ``is_unknown``, the remote may have it whole. ``changed`` are its files."""

    line: tuple[str, ...] = (OLD, MINE, NEWER)
    commit: str | None = MINE
    is_unknown: bool = False
    is_remote_whole: bool = False
    fetched: list[tuple[str, str]] = field(default_factory=list)
    changed: frozenset[str] | None = None
    contents: dict[tuple[str, str], BinaryIO] = field(default_factory=dict)

    def head(self) -> str | None:
        return self.commit

    def is_dirty(self) -> bool:
        return False

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        if self.is_unknown or not {older, newer} <= set(self.line):
            return None if self.is_unknown else False
        return self.line.index(older) <= self.line.index(newer)

    def changed_files(self, older: str, newer: str) -> frozenset[str] | None:
        return self.changed

    def content(self, commit: str, path: str, *, limit: int) -> BinaryIO | str:
        return self.contents.get((commit, path), "not in git any more")

    def fetch_history(self, commit: str, *, remote: str) -> None:
        self.fetched.append((commit, remote))
        self.is_unknown = self.is_unknown and not self.is_remote_whole


@dataclass
class Said:
    """Progress that remembers."""

    lines: list[str] = field(default_factory=list)
    phases: list[tuple[str, str]] = field(default_factory=list)
    on_update: Callable[[str, str], None] | None = None

    def update(
        self, fine_tune: str, phase: str, *, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        self.phases.append((fine_tune, phase))
        if self.on_update is not None:
            self.on_update(fine_tune, phase)

    def say(self, message: str, *, fine_tune: str | None = None) -> None:
        self.lines.append(f"{fine_tune}: {message}" if fine_tune else message)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class World:
    """One backend and one ledger, and any number of runs on them. Every fresh run has another owner."""

    def __init__(self, **backend: Any) -> None:
        self.clock = FakeClock()
        self.backend = FakeBackend(
            **{
                "clock": self.clock,
                "stage_seconds": 10.0,
                "answer": answer_well,
                "base_url": "http://openai.invalid/v1",
            }
            | backend
        )
        self.ledger = FakeLedger(clock=self.clock)
        self.outputs = FakeOutputs()
        self.datasets = MemoryDatasets()
        self.repository = FakeRepository()
        self.said = Said()
        self.dead: set[str] = set()
        self.backends: dict[BackendName, Backend] = {OPENAI.name: OPENAI, TWIN.name: TWIN}
        self._owners = itertools.count(1)
        self._ids = itertools.count(1)

    def declare(
        self,
        name: str = "router",
        *,
        seed: int = 1,
        aliases: Mapping[str, str] | None = None,
        least: float | None = 0.5,
        has_eval: bool = True,
        moved_from: tuple[str, ...] = (),
        backend: Backend = OPENAI,
        has_validation: bool = False,
        **policy: Any,
    ) -> Declared:
        """A fine-tune; ``seed`` makes the revision, ``least`` is its gate, None for none."""
        train = self.datasets.add("train.jsonl", rows_of("train", 10))
        validation = self.datasets.add("valid.jsonl", rows_of("valid", 10)) if has_validation else None
        asked = self.datasets.add("test.jsonl", rows_of("test", EVAL_ROWS))
        gate = (Condition(min=least),) if least is not None else ()
        spec = EvalSpec(name="quality", dataset="test.jsonl", grader=GRADER, gate=gate)
        evals = (DeclaredEval(spec=spec, dataset=asked, digest=eval_digest(spec, asked.sha256)),) if has_eval else ()
        fine_tune = FineTune(
            name=FineTuneName(name),
            base_model=BASE_MODEL,
            dataset=DatasetPaths(train="train.jsonl"),
            path=f"finetunes/{name}.yaml",
            moved_from=tuple(map(FineTuneName, moved_from)),
            seed=seed,
            evals=tuple(e.spec for e in evals),
            aliases={AliasName(k): v for k, v in ({"production": "latest"} if aliases is None else aliases).items()},
            policy=Policy(**policy),
            spec={"base_model": BASE_MODEL, "seed": seed, "dataset": {"train": "train.jsonl"}},
        )
        revision = revision_of(
            base_model=BASE_MODEL,
            method=Method(),
            seed=seed,
            train_sha256=train.sha256,
            validation_sha256=validation.sha256 if validation else None,
        )
        return Declared(
            fine_tune=fine_tune, backend=backend, revision=revision, train=train, validation=validation, evals=evals
        )

    def desired(
        self, *declared: Declared, commit: str | None = MINE, is_dirty: bool = False, **project: Any
    ) -> DesiredState:
        backends = self.backends | {d.backend.name: d.backend for d in declared}
        return DesiredState(
            project=Project(**{"name": "acme", "backend": OPENAI.name, "backends": backends} | project),
            fine_tunes=tuple(sorted(declared, key=lambda d: d.name)),
            commit=commit,
            is_dirty=is_dirty,
            manifest_digests={d.fine_tune.path: f"{d.fine_tune.seed:064x}" for d in declared},
        )

    def workspace(
        self,
        *declared: Declared,
        desired: DesiredState | None = None,
        owner: str | None = None,
        session: BackendSession | None = None,
        sessions: Mapping[BackendName, BackendSession] | None = None,
        ledger: LedgerWriter | None = None,
        stop: threading.Event | None = None,
        outputs: Any = None,
        **others: Any,
    ) -> Workspace:
        desired = desired or self.desired(*(declared or (self.declare(),)))
        names = [d.backend.name for d in desired.fine_tunes] or [OPENAI.name]
        opened = dict.fromkeys(names, session or self.backend) if sessions is None else sessions
        return Workspace(
            desired=desired,
            ledgers=dict.fromkeys((*names, *desired.project.backends), ledger or self.ledger),
            sessions=opened,
            offline={},
            repository=self.repository,
            datasets=self.datasets,
            evaluations=Evaluations(
                files=self.datasets,
                outputs=outputs or self.outputs,
                sessions=opened,
                clock=self.clock,
                input_digest=input_digest,
            ),
            clock=self.clock,
            progress=self.said,
            identity=Identity(
                owner=owner or f"host/{next(self._owners)}/1",
                run_url=None,
                new_id=lambda: f"id{next(self._ids):06d}",
                is_dead=self.dead.__contains__,
            ),
            stop=stop or threading.Event(),
            **others,
        )

    def plan(self, *declared: Declared, **options: Any) -> Plan:
        return plan_now(self.workspace(*declared, **options))

    def apply(
        self,
        *declared: Declared,
        settings: Settings | None = None,
        approved: Plan | None = None,
        **options: Any,
    ) -> Outcome:
        """A fresh run: plans, approves that plan, and carries it out."""
        return self.apply_in(self.workspace(*declared, **options), settings=settings, approved=approved)

    def apply_in(
        self, workspace: Workspace, *, settings: Settings | None = None, approved: Plan | None = None
    ) -> Outcome:
        plan = approved or plan_now(workspace)
        return Apply(workspace=workspace, settings=settings or Settings(), approved=plan).run()

    # What tests ask.

    @property
    def state(self) -> LedgerState:
        return self.ledger.state

    def record(self, name: str = "router") -> FineTuneRecord:
        return self.ledger.state.fine_tunes[name]

    def target(self, name: str = "router", alias: str = "production") -> str | None:
        target = self.record(name).target_of(AliasName(alias))
        return target.revision if target else None

    def jobs_of(self, declared: Declared, *, name: str | None = None) -> list[Job]:
        """All jobs of a revision at the backend, oldest first."""
        wanted = {"ftops_name": name or declared.name, "ftops_revision": declared.revision}
        return [job for job in reversed(self.backend.all_jobs) if wanted.items() <= job.metadata.items()]

    def surviving(self, declared: Declared) -> list[Job]:
        return [job for job in self.jobs_of(declared) if job.status.value != "cancelled"]

    def count(self, operation: str) -> int:
        return self.backend.calls.count(operation)


def errors_of(outcome: Outcome) -> list[str]:
    return [f"{step.action.fine_tune}: {step.error}" for step in outcome.steps if step.error is not None]


def said_of(outcome: Outcome, kind: str) -> list[str]:
    return [step.said for step in outcome.steps if type(step.action).__name__ == kind and step.error is None]


def allowing(*words: str) -> Allowed:
    return Allowed(allow=frozenset(words))


def with_spec(declared: Declared, **changes: Any) -> Declared:
    return replace(declared, fine_tune=replace(declared.fine_tune, **changes))
