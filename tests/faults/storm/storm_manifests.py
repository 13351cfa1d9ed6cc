"""What a commit of the storm declares: specs as desired states, and which name was whose."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from storm_script import Spec

from apply_world import BASE_MODEL, GRADER, OPENAI, OTHER, TWIN, MemoryDatasets, rows_of
from ftops.application.declare import eval_digest
from ftops.domain.desired import Dataset, Declared, DeclaredEval, DesiredState
from ftops.domain.manifest import (
    LATEST,
    AliasName,
    Condition,
    DatasetPaths,
    EvalSpec,
    FineTune,
    FineTuneName,
    Method,
    Override,
    Policy,
    Project,
    Retention,
    Revision,
)
from ftops.domain.revision import revision_of

BACKENDS = {backend.name: backend for backend in (OPENAI, OTHER, TWIN)}
EVAL_ROWS = 4
GATES = {"easy": (Condition(min=0.2),), "hard": (Condition(min=0.99, confidence=0.95),), "none": ()}
COST_USD = 0.02  # about what one training of the storm is estimated at


@dataclass
class Files:
    """The datasets of the storm, digested once."""

    memory: MemoryDatasets = field(default_factory=MemoryDatasets)
    known: dict[str, Dataset] = field(default_factory=dict)

    def training(self, data: str) -> Dataset:
        return self._add(f"train-{data}.jsonl", f"train {data}", 10)

    def test(self, number: int) -> Dataset:
        return self._add(f"test-{number}.jsonl", f"test {number}", EVAL_ROWS)

    def _add(self, path: str, word: str, count: int) -> Dataset:
        if path not in self.known:
            self.known[path] = self.memory.add(path, rows_of(word, count))
        return self.known[path]


@dataclass
class Manifests:
    """Makes desired states of specs. Remembers which names are one fine-tune's."""

    files: Files
    budget_usd: float | None = None
    root_of: dict[str, str] = field(default_factory=dict)

    def note(self, manifests: Mapping[str, Spec]) -> None:
        for name, spec in manifests.items():
            root = next((self.root_of[old] for old in spec.moved_from if old in self.root_of), name)
            self.root_of.setdefault(name, root)

    def revision(self, spec: Spec, wanted: str = LATEST) -> Revision:
        """The revision that a spec declares, or that one of its pins (``2/b``) means."""
        seed, data = (str(spec.seed), spec.data) if wanted == LATEST else wanted.split("/")
        train = self.files.training(data)
        return revision_of(
            base_model=BASE_MODEL,
            method=Method(),
            seed=int(seed),
            train_sha256=train.sha256,
            validation_sha256=None,
        )

    def desired(self, manifests: Mapping[str, Spec], *, project: str, commit: str) -> DesiredState:
        return DesiredState(
            project=Project(name=project, backend=OPENAI.name, backends=BACKENDS, training_budget_usd=self.budget_usd),
            fine_tunes=tuple(self._declared(name, spec) for name, spec in sorted(manifests.items())),
            commit=commit,
            manifest_digests={f"finetunes/{name}.yaml": _digest(repr(spec)) for name, spec in manifests.items()},
        )

    def _declared(self, name: str, spec: Spec) -> Declared:
        asked, train = self.files.test(spec.test), self.files.training(spec.data)
        judged = EvalSpec(name="quality", dataset=asked.path, grader=GRADER, gate=GATES[spec.gate])
        evals = (DeclaredEval(spec=judged, dataset=asked, digest=eval_digest(judged, asked.sha256)),)
        return Declared(
            fine_tune=self._fine_tune(name, spec, evals),
            backend=BACKENDS[spec.backend],  # type: ignore[index]
            revision=self.revision(spec),
            train=train,
            evals=evals,
        )

    def _fine_tune(self, name: str, spec: Spec, evals: tuple[DeclaredEval, ...]) -> FineTune:
        path = f"train-{spec.data}.jsonl"
        override = Override(revision=self.revision(spec), why="we know better") if spec.override else None
        aliases = {AliasName(k): v if v == LATEST else self.revision(spec, v) for k, v in spec.aliases.items()}
        return FineTune(
            name=FineTuneName(name),
            base_model=BASE_MODEL,
            dataset=DatasetPaths(train=path),
            path=f"finetunes/{name}.yaml",
            moved_from=tuple(map(FineTuneName, spec.moved_from)),
            backend=BACKENDS[spec.backend].name,  # type: ignore[index]
            seed=spec.seed,
            evals=tuple(e.spec for e in evals),
            aliases=aliases,
            retention=Retention(keep=spec.keep, files=spec.files, protect=spec.protect),  # type: ignore[arg-type]
            policy=Policy(
                on_superseded=spec.on_superseded,  # type: ignore[arg-type]
                retries=spec.retries,
                suspend=spec.suspend,
                override=override,
            ),
            spec={"base_model": BASE_MODEL, "seed": spec.seed, "dataset": {"train": path}},
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def mended(manifests: Mapping[str, Spec]) -> dict[str, Spec]:
    """The same manifests with all pins loosened: what a person commits whose pin can't be had."""
    return {name: replace(spec, aliases=dict.fromkeys(spec.aliases, LATEST)) for name, spec in manifests.items()}
