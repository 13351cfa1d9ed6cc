"""A plan read back from its JSON form: the way back from ``domain.plan_json``.

What it is given must fit ``schemas/plan.v1.json``; ValueError for what a schema can't tell. It gives back what is for people
to read, all of it but what JSON leaves out: an evaluation's digest, and a condition's rule beside its metric.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypeVar

import msgspec

from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.dataset_findings import DatasetFinding
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Verdict
from ftops.domain.kept import Kept
from ftops.domain.manifest import BackendName, Condition, ModelId, Revision
from ftops.domain.plan import (
    Action,
    Adopt,
    Blocker,
    Cancel,
    Deferred,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Notice,
    Plan,
    Promote,
    Refusal,
    Train,
    Upload,
    Withheld,
    word_for,
)
from ftops.domain.scores import Outcome

_KINDS: Final[Mapping[str, type[Action]]] = {
    word_for(kind): kind for kind in (Move, Adopt, Cancel, Upload, Train, Evaluate, Promote, DeleteModel, DeleteFile)
}
_Thing = TypeVar("_Thing")


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Gives the plan that ``plan_to_json`` made this of. ``data`` fits the schema."""
    return Plan(
        project=data["project"],
        today=date.fromisoformat(data["today"]),
        commit=data["commit"],
        actions=tuple(map(action_from_json, data["actions"])),
        deferred=_all(data["deferred"], Deferred),
        withheld=tuple(_withheld(entry) for entry in data["withheld"]),
        refusals=_all(data["refusals"], Refusal),
        blockers=_all(data["blockers"], Blocker),
        notices=_all(data["notices"], Notice),
        kept=_all(data["kept"], Kept),
        caveats=tuple(data["caveats"]),
        bindings=data["bindings"],
        dataset_changes=_all(data.get("dataset_changes", ()), DatasetChange),
        findings=_all(data.get("findings", ()), DatasetFinding),
    )


def action_from_json(data: Mapping[str, Any]) -> Action:
    """Gives the action that ``action_to_json`` made this of."""
    return _as({name: value for name, value in data.items() if name != "kind"}, _KINDS[data["kind"]])


def judgement_from_json(data: Mapping[str, Any]) -> Judgement:
    """Gives a judgement as far as people read it: what is missing isn't read back."""
    return Judgement(
        model=ModelId(data["model"]),
        revision=None if data["revision"] is None else Revision(data["revision"]),
        backend=BackendName(data["backend"]),
        evals=tuple(map(_evaluation, data["evals"])),
        verdict=None if data["verdict"] is None else Verdict(data["verdict"]),
        has_gate=data["has_gate"],
    )


def _withheld(data: Mapping[str, Any]) -> Withheld:
    judgement = judgement_from_json(data["judgement"])
    return Withheld(**{**data, "judgement": judgement})


def _evaluation(data: Mapping[str, Any]) -> EvalJudgement:
    return EvalJudgement(
        name=data["name"],
        digest="",
        is_measured=data["measured"],
        conditions=tuple(map(_condition, data["conditions"])),
        n=data["n"],
        left_out=data["left_out"],
        is_training_unknown=data["training_unknown"],
        mean=data["mean"],
        outcomes={Outcome(name): count for name, count in data["outcomes"].items()},
        error=data["error"],
    )


def _condition(data: Mapping[str, Any]) -> ConditionResult:
    rule = Condition(metric=data["metric"], shadow=not data["enforced"])
    plain = {name: value for name, value in data.items() if name not in {"metric", "enforced", "verdict"}}
    return ConditionResult(condition=rule, verdict=Verdict(data["verdict"]), **plain)


def _all(values: Any, kind: type[_Thing]) -> tuple[_Thing, ...]:
    return tuple(_as(value, kind) for value in values)


def _as(value: Any, kind: type[_Thing]) -> _Thing:
    return msgspec.convert(value, kind)
