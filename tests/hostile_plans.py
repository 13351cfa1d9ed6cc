"""A plan, and what became of an apply, with one text in every place that a stranger may fill."""

from datetime import date

from ftops.application.outcome import ExitCode
from ftops.cli.outcome_file import SavedJob, SavedOutcome, SavedStep
from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.dataset_findings import DatasetFinding
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Verdict
from ftops.domain.manifest import Condition
from ftops.domain.plan import (
    Adopt,
    Blocker,
    Cancel,
    Deferred,
    DeleteFile,
    DeleteModel,
    Evaluate,
    FieldChange,
    Move,
    Notice,
    Plan,
    Promote,
    Reason,
    Refusal,
    Train,
    Upload,
    Withheld,
)
from ftops.domain.pricing import Estimate
from ftops.domain.records import Target

REVISION = "0123456789ab"


def hostile_plan(text: str) -> Plan:
    """A plan with actions of every kind for one fine-tune, and everything else that a plan may hold."""
    own = {"fine_tune": "router", "backend": "openai", "revision": REVISION, "reason": Reason.NEW_REVISION}
    target = Target(backend="openai", revision=REVISION, model=text)
    dear = Estimate(usd=None, assumes=text)
    changes = (FieldChange(path=text, old=text, new=text), FieldChange(path="a", old=None, new=text))
    actions = (
        Move(id="1", former="old", **own),
        Adopt(id="2", job=text, attempt=1, **own),
        Cancel(id="3", job=text, attempt=1, **own),
        Upload(id="4", path=text, sha256="a" * 64, size=1, rows=1, **own),
        Train(id="5", attempt=2, base_model=text, estimate=dear, changes=changes, **own),
        Evaluate(id="6", evaluation=text, digest="a" * 64, model=text, calls=1, judged=2, estimate=dear, **own),
        Promote(id="7", alias=text, was=target, target=target, is_conditional=True, **own),
        Promote(id="8", alias=text, was=None, target=None, **own),
        DeleteModel(id="9", job=text, attempt=1, model=text, **own),
        DeleteFile(id="10", sha256="a" * 64, file=text, size=1, **own),
    )
    where = {"fine_tune": "router", "backend": "openai", "revision": REVISION}
    changed = {"fine_tune": "router", "revision": REVISION, "since": REVISION, "unknown": text}
    return Plan(
        project="acme",
        today=date(2026, 11, 21),
        commit="c" * 40,
        actions=actions,
        deferred=(Deferred(what=text, waits_for=text, **where),),
        withheld=(Withheld(alias=text, judgement=hostile_judgement(text), **where),),
        refusals=(Refusal(fine_tune="router", guard="budget", message=text, allow="unknown-cost"),),
        blockers=(Blocker(fine_tune="router", message=text),),
        notices=(Notice(fine_tune="router", message=text), Notice(fine_tune=None, message=text)),
        caveats=(text,),
        dataset_changes=(
            DatasetChange(dataset="train", **changed),
            DatasetChange(dataset="evaluation", evaluation=text, **changed),
        ),
        findings=(
            DatasetFinding(file=text, code="D101", name="duplicate-example", level="warning", count=2, lines=(3,)),
        ),
    )


def hostile_judgement(text: str) -> Judgement:
    condition = ConditionResult(
        condition=Condition(metric=text), verdict=Verdict.FAIL, observed=0.4, threshold=0.9, n=6, baseline_model=text,
        note=text, sentence=text,
    )  # fmt: skip
    evals = (
        EvalJudgement(name=text, digest="", is_measured=True, conditions=(condition,), n=6, mean=0.4),
        EvalJudgement(name=text, digest="", is_measured=True, error=text),
        EvalJudgement(name=text, digest="", is_measured=False),
    )
    return Judgement(model=text, revision=REVISION, backend="openai", evals=evals, verdict=Verdict.FAIL, has_gate=True)


def hostile_outcome(text: str) -> SavedOutcome:
    """What became of that plan: every step failed, and every step went well."""
    plan = hostile_plan(text)
    failed = tuple(SavedStep(action=action, said="", error=text, remedy=text) for action in plan.actions)
    done = tuple(SavedStep(action=action, said=text, error=None, remedy=None) for action in plan.actions)
    return SavedOutcome(
        project="acme",
        code=ExitCode.GATE_NOT_PASSED,
        steps=(*failed, *done),
        ended_jobs=(
            SavedJob(fine_tune="router", job=text, status=text, model=None),
            SavedJob(fine_tune="router", job=text, status="succeeded", model=text),
        ),
        due=(plan.actions[4],),
        stopped_by=text,
        remedy=text,
        is_waiting=True,
        remaining=plan,
        judgements=(("router", hostile_judgement(text)),),
    )
