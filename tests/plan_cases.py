"""Reads the golden plans' compact files, which ``tests/plans/README.md`` describes; builds worlds for other tests too."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ftops.domain.attempts import JobStatus
from ftops.domain.checkpoints import Choosing
from ftops.domain.desired import Dataset, Declared, DeclaredEval, DesiredState, Measures, adopted_dataset
from ftops.domain.guard import Policy, refuse_run
from ftops.domain.judgement import EvalJudgement, Judgement, Missing, MissingReason, Verdict
from ftops.domain.manifest import (
    AliasName,
    Backend,
    BackendName,
    BackendType,
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
    Project,
    Retention,
    Revision,
    Test,
)
from ftops.domain.manifest import Policy as FineTunePolicy
from ftops.domain.observed import BackendView, Contradiction, Job, ModelInfo, ObservedState
from ftops.domain.plan import Notice
from ftops.domain.plan_json import plan_to_json
from ftops.domain.planner import build_plan
from ftops.domain.records import LedgerState

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MODEL = "gpt-4.1-mini-2025-04-14"
BACKENDS = {
    BackendName("openai"): Backend(name=BackendName("openai"), type=BackendType.OPENAI),
    BackendName("embedded"): Backend(name=BackendName("embedded"), type=BackendType.EMBEDDED),
    BackendName("gpu-box"): Backend(
        name=BackendName("gpu-box"), type=BackendType.OPENAI, base_url="http://127.0.0.1:8400/v1"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    desired: DesiredState
    observed: ObservedState
    policy: Policy
    today: date

    def plan(self) -> dict[str, Any]:
        """The whole plan as JSON, or why the whole run is refused."""
        refusal = refuse_run(self.desired, self.observed)
        if refusal is not None:
            return {"run_refused": {"message": refusal.message, "remedy": refusal.remedy}}
        return plan_to_json(build_plan(self.desired, self.observed, self.policy, self.today))


def read_case(folder: Path) -> Case:
    wanted = yaml.safe_load((folder / "desired.yaml").read_text(encoding="utf-8"))
    seen = msgspec.json.decode((folder / "observed.json").read_bytes())
    return make_case(wanted, seen)


def make_case(wanted: Mapping[str, Any], seen: Mapping[str, Any]) -> Case:
    desired = make_desired(wanted)
    given = wanted.get("policy", {})
    return Case(
        desired=desired,
        observed=make_observed(seen, desired),
        policy=Policy(
            allow=frozenset(given.get("allow", ())),
            selected=frozenset(FineTuneName(n) for n in given["target"]) if "target" in given else None,
            is_pruning=bool(given.get("prune")),
            only_prunes=given.get("prune") == "only",
        ),
        today=wanted.get("today", TODAY),
    )


def make_desired(wanted: Mapping[str, Any]) -> DesiredState:
    project = Project(name="acme", backends=BACKENDS, training_budget_usd=wanted.get("budget"))
    return DesiredState(
        project=project,
        fine_tunes=tuple(make_declared(one) for one in wanted.get("fine_tunes", ())),
        commit="c0ffee",
    )


def make_declared(one: Mapping[str, Any]) -> Declared:
    known = {
        "name",
        "revision",
        "backend",
        "base_model",
        "method",
        "train",
        "validation",
        "evals",
        "aliases",
        "moved_from",
        "dataset",
        "retention",
    }
    unknown = set(one) - known - {"policy", "budget", "spec"}
    assert not unknown, f"a misspelt key: {unknown}"
    policy = dict(one.get("policy", {}))
    if "override" in policy:
        policy["override"] = Override(**policy["override"])
    method = one.get("method", {})
    evals = tuple(make_eval(entry) for entry in one.get("evals", ()))
    train = make_dataset({"path": f"data/{one['name']}.jsonl", **one.get("train", {})})
    fine_tune = FineTune(
        name=FineTuneName(one["name"]),
        base_model=one.get("base_model", MODEL),
        dataset=one.get("dataset", DatasetPaths(train=train.path)),
        path=f"finetunes/{one['name']}.yaml",
        moved_from=tuple(one.get("moved_from", ())),
        method=Method(
            type=MethodType(method.get("type", "supervised")),
            hyperparameters=method.get("hyperparameters", {}),
            grader=method.get("grader"),
        ),
        evals=tuple(entry.spec for entry in evals),
        aliases={AliasName(alias): to for alias, to in one.get("aliases", {}).items()},
        training_budget_usd=one.get("budget"),
        policy=FineTunePolicy(**policy),
        retention=Retention(**one.get("retention", {})),
        spec=one.get("spec", {}),
    )
    return Declared(
        fine_tune=fine_tune,
        backend=BACKENDS[one.get("backend", "openai")],
        revision=Revision(one["revision"]),
        train=train,
        validation=make_dataset(one["validation"]) if "validation" in one else None,
        evals=evals,
    )


def make_dataset(facts: Mapping[str, Any]) -> Dataset:
    if "adopted_job" in facts:
        return adopted_dataset(JobId(facts["adopted_job"]))
    path = facts["path"]
    return Dataset(
        path=path,
        sha256=sha(facts.get("content", path)),
        size=facts.get("size", 1000),
        rows=facts.get("rows", 100),
        measure=lambda: Measures(tokens=facts.get("tokens", 200_000)),
    )


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def make_eval(entry: Mapping[str, Any]) -> DeclaredEval:
    """``gate`` is min, baseline, few-shot, shadow, none, or model with the ``model`` to compare with."""
    kind = entry.get("gate", "min")
    base = Baseline(base=True, prompt=FewShot(k=2, seed=1) if kind == "few-shot" else None)
    conditions = {
        "min": (Condition(min=0.9),),
        "baseline": (Condition(min=0.9), Condition(baseline=base, test=Test.SUPERIORITY)),
        "few-shot": (Condition(baseline=base, test=Test.NON_INFERIORITY),),
        "shadow": (Condition(min=0.9, shadow=True),),
        "model": (Condition(baseline=Baseline(model=entry.get("model")), test=Test.SUPERIORITY),),
        "none": (),
    }[kind]
    path = f"data/{entry['name']}.test.jsonl"
    return DeclaredEval(
        spec=EvalSpec(
            name=entry["name"],
            dataset=path,
            grader=entry.get("grader", {"type": "string_check"}),
            gate=conditions,
            select=entry.get("select", False),
        ),
        dataset=make_dataset({"path": path, "rows": 50, "tokens": 10_000}),
        digest=sha(entry["name"] + kind),
    )


def make_observed(seen: Mapping[str, Any], desired: DesiredState) -> ObservedState:
    ledgers = {which: msgspec.convert(state, LedgerState) for which, state in seen.get("ledgers", {}).items()}
    shared = ledgers.get("shared", LedgerState())
    rehearsal = ledgers.get("rehearsal", LedgerState())
    views = {name: make_view(BACKENDS[name], {}) for name in sorted({d.backend.name for d in desired.fine_tunes})}
    views |= {
        BackendName(name): make_view(BACKENDS[BackendName(name)], view)
        for name, view in seen.get("backends", {}).items()
    }
    names = views or {BackendName("openai"): None}
    return ObservedState(
        ledgers={name: rehearsal if BACKENDS[name].is_rehearsal else shared for name in names},
        backends=views,
        judgements=dict(map(make_judgement, seen.get("judgements", ()))),
        choosing=dict(map(make_choosing, seen.get("choosing", ()))),
        notices=tuple(Notice(fine_tune=FineTuneName(n), message=m) for n, m in seen.get("notices", {}).items()),
    )


def make_view(backend: Backend, view: Mapping[str, Any]) -> BackendView:
    dates = view.get("shutdown_dates", {})
    return BackendView(
        backend=backend,
        is_online="offline" not in view,
        why_offline=view.get("offline"),
        models={ModelId(m): ModelInfo(id=ModelId(m), shutdown_date=day) for m, day in dates.items()},
        found=tuple(make_job(job) for job in view.get("found", ())),
        strangers=tuple(make_job(job) for job in view.get("strangers", ())),
        unknown=frozenset(JobId(job) for job in view.get("unknown", ())),
        contradictions=tuple(
            Contradiction(fine_tune=FineTuneName(name), message=message)
            for name, message in view.get("contradictions", {}).items()
        ),
    )


def make_job(facts: Mapping[str, Any]) -> Job:
    metadata = {f"ftops_{key}": str(facts[key]) for key in ("name", "revision", "attempt", "intent") if key in facts}
    return Job(
        id=JobId(facts["id"]),
        status=JobStatus(facts["status"]),
        base_model=MODEL,
        created_at=datetime.fromisoformat(facts.get("created_at", "2026-11-20T10:00:00Z")),
        metadata=metadata,
    )


def make_judgement(facts: Mapping[str, Any]) -> tuple[tuple[FineTuneName, Revision, BackendName], Judgement]:
    key = FineTuneName(facts["fine_tune"]), Revision(facts["revision"]), BackendName(facts.get("backend", "openai"))
    verdict = Verdict(facts["verdict"]) if facts.get("verdict") else None
    return key, Judgement(
        model=ModelId(facts["model"]),
        revision=key[1],
        backend=key[2],
        evals=tuple(
            EvalJudgement(name=name, digest=sha(name), is_measured=measured, n=50 if measured else 0)
            for name, measured in facts.get("evals", {}).items()
        ),
        verdict=verdict,
        has_gate=facts.get("has_gate", True),
        missing=tuple(Missing(eval=name, reason=MissingReason(why)) for name, why in facts.get("missing", {}).items()),
    )


def make_choosing(facts: Mapping[str, Any]) -> tuple[tuple[FineTuneName, Revision, BackendName], Choosing]:
    key = FineTuneName(facts["fine_tune"]), Revision(facts["revision"]), BackendName("openai")
    error = facts.get("error")
    return key, Choosing(
        evaluation=facts["eval"],
        among=tuple(map(ModelId, facts["among"])),
        unscored=facts.get("unscored", len(facts["among"])),
        reason=MissingReason(facts["reason"]),
        judgement=None
        if error is None
        else Judgement(
            model=ModelId(facts["among"][0]),
            revision=key[1],
            backend=key[2],
            evals=(EvalJudgement(name=facts["eval"], digest=sha(facts["eval"]), is_measured=True, error=error),),
            verdict=Verdict.ERROR,
            has_gate=True,
        ),
    )


def brief(plan: dict[str, Any]) -> dict[str, Any]:
    """Leaves out of a plan what says nothing: empty parts, and what is the same in every case."""
    same = {"format_version": "1", "project": "acme", "today": TODAY.isoformat(), "commit": "c0ffee", "bindings": {}}
    short = {key: value for key, value in plan.items() if value not in ([], None) and same.get(key) != value}
    for part in ("actions", "deferred", "refusals", "notices", "blockers", "withheld"):
        if part in short:
            short[part] = [_brief_entry(entry) for entry in short[part]]
    if "summary" in short:
        short["summary"] = {key: value for key, value in short["summary"].items() if value != 0}
    return short


def _brief_entry(entry: dict[str, Any]) -> dict[str, Any]:
    free = {"tokens": None, "usd": 0.0, "seconds": None, "assumes": ""}
    short = {k: v for k, v in entry.items() if v not in ([], None) and v != free}
    for optional in ("was", "target", "model", "override"):  # null says something in an action
        if optional in entry and entry.get("kind") in {"promote", "evaluate"} and entry[optional] is None:
            short[optional] = None
    if short.get("override", "") is None:
        del short["override"]
    return short
