"""A valid manifest's plain values as the domain's dataclasses.

Owns the defaults' absence and presence, nothing more: whoever calls has checked the schema, and gives the paths that
resolved.
"""

from collections.abc import Mapping
from typing import Any

from ftops.domain.manifest import (
    AdoptedDataset,
    AliasName,
    BackendName,
    Baseline,
    Condition,
    DatasetPaths,
    EvalSpec,
    FewShot,
    FineTune,
    FineTuneName,
    JobId,
    Method,
    MethodType,
    ModelId,
    Override,
    Policy,
    PromptFile,
    Retention,
    Revision,
    Split,
    Test,
)

Paths = Mapping[str, str]


def fine_tune(value: Mapping[str, Any], *, path: str, line: int, paths: Paths, graders: Mapping[str, Any]) -> FineTune:
    """Builds the fine-tune that a valid document states.

    ``paths`` maps the JSON pointer of each path to the file it means, relative to the root; ``graders`` are
    the graders of method and evaluations, with the files in them read, by their pointers.
    """
    metadata, spec = value["metadata"], value["spec"]
    return FineTune(
        name=FineTuneName(metadata["name"]),
        description=metadata.get("description", ""),
        labels=metadata.get("labels", {}),
        moved_from=tuple(FineTuneName(name) for name in metadata.get("moved_from", ())),
        backend=BackendName(spec["backend"]) if "backend" in spec else None,
        base_model=spec["base_model"],
        method=_method(spec.get("method", {}), graders["/spec/method/grader"]),
        seed=None if spec.get("seed") is None else int(spec["seed"]),
        dataset=_dataset(spec["dataset"], paths),
        evals=tuple(
            _eval(entry, f"/spec/evals/{index}", paths, graders) for index, entry in enumerate(spec.get("evals", ()))
        ),
        aliases={AliasName(name): target for name, target in sorted(spec.get("aliases", {}).items())},
        retention=_retention(spec.get("retention", {})),
        training_budget_usd=spec.get("budget", {}).get("training_usd"),
        policy=_policy(spec.get("policy", {})),
        integrations=tuple(spec.get("integrations", ())),
        spec=spec,
        path=path,
        line=line,
    )


def _method(value: Mapping[str, Any], grader: Any) -> Method:
    return Method(
        type=MethodType(value.get("type", MethodType.SUPERVISED)),
        hyperparameters=value.get("hyperparameters", {}),
        grader=grader,
    )


def _dataset(value: Mapping[str, Any], paths: Paths) -> DatasetPaths | AdoptedDataset:
    if "adopted_job" in value:
        return AdoptedDataset(job=JobId(value["adopted_job"]))
    validation = value.get("validation")
    if isinstance(validation, Mapping):
        part: str | Split | None = Split(fraction=validation["fraction"], seed=int(validation["seed"]))
    else:
        part = paths["/spec/dataset/validation"] if validation is not None else None
    return DatasetPaths(
        train=paths["/spec/dataset/train"],
        validation=part,
        checks=value.get("checks", {}),
        baseline=paths.get("/spec/dataset/baseline"),
    )


def _eval(value: Mapping[str, Any], pointer: str, paths: Paths, graders: Mapping[str, Any]) -> EvalSpec:
    gate = value.get("gate", [])
    conditions: tuple[Condition, ...]
    if isinstance(gate, Mapping):
        conditions = (_condition(gate, f"{pointer}/gate", paths),)
    else:
        conditions = tuple(_condition(entry, f"{pointer}/gate/{i}", paths) for i, entry in enumerate(gate))
    return EvalSpec(
        name=value["name"],
        dataset=paths[f"{pointer}/dataset"],
        grader=graders[f"{pointer}/grader"],
        gate=conditions,
        sampling=value.get("sampling"),
        input=tuple(value["input"]) if "input" in value else None,
        prompt=value.get("prompt"),
        repeats=int(value.get("repeats", 1)),
        cluster_by=value.get("cluster_by"),
        select=value.get("select", False),
    )


def _condition(value: Mapping[str, Any], pointer: str, paths: Paths) -> Condition:
    baseline = value.get("baseline")
    return Condition(
        metric=value.get("metric", "mean"),
        min=value.get("min"),
        max=value.get("max"),
        baseline=None if baseline is None else _baseline(baseline, f"{pointer}/baseline", paths),
        margin=value.get("margin", 0.0),
        test=Test(value["test"]) if "test" in value else None,
        confidence=value.get("confidence"),
        shadow=value.get("shadow", False),
    )


def _baseline(value: Mapping[str, Any], pointer: str, paths: Paths) -> Baseline:
    prompt = value.get("prompt")
    shown: FewShot | PromptFile | None = None
    if isinstance(prompt, Mapping):
        shown = FewShot(k=int(prompt["few_shot"]), seed=int(prompt["seed"]))
    elif prompt is not None:
        shown = PromptFile(path=paths[f"{pointer}/prompt"])
    return Baseline(
        base=value.get("base", False),
        alias=AliasName(value["alias"]) if "alias" in value else None,
        model=ModelId(value["model"]) if "model" in value else None,
        backend=BackendName(value["backend"]) if "backend" in value else None,
        prompt=shown,
    )


def _retention(value: Mapping[str, Any]) -> Retention:
    return Retention(
        keep=int(value.get("keep", 3)), files=value.get("files", "keep"), protect=value.get("protect", False)
    )


def _policy(value: Mapping[str, Any]) -> Policy:
    override = value.get("override")
    return Policy(
        checkpoints=value.get("checkpoints", "last"),
        on_superseded=value.get("on_superseded", "cancel"),
        retries=int(value.get("retries", 1)),
        min_days_to_shutdown=int(value.get("min_days_to_shutdown", 30)),
        suspend=value.get("suspend", False),
        override=None if override is None else Override(revision=Revision(override["revision"]), why=override["why"]),
    )
