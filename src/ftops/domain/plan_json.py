"""A plan as JSON: ``schemas/plan.v1.json``, format_version "1".

The same plan gives the same bytes. Holds no secret and no training text: digests, names, counts and prices only.
"""

from typing import Any

import msgspec

from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement
from ftops.domain.plan import (
    PLAN_FORMAT_VERSION,
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Plan,
    Promote,
    Train,
    kind_of,
)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Gives the plan as plain JSON values."""
    return {
        "format_version": PLAN_FORMAT_VERSION,
        "project": plan.project,
        "today": plan.today.isoformat(),
        "commit": plan.commit,
        "complete": plan.is_complete,
        "has_changes": plan.has_changes,
        "summary": {
            "train": plan.count(Train),
            "evaluate": plan.count(Evaluate),
            "promote": plan.count(Promote),
            "cancel": plan.count(Cancel),
            "adopt": plan.count(Adopt),
            "move": plan.count(Move),
            "delete": plan.count(DeleteModel) + plan.count(DeleteFile),
            "cost_usd": plan.cost_usd,
        },
        "actions": [action_to_json(action) for action in plan.actions],
        "deferred": [_plain(entry) for entry in plan.deferred],
        "withheld": [
            {
                "fine_tune": entry.fine_tune,
                "backend": entry.backend,
                "revision": entry.revision,
                "alias": entry.alias,
                "judgement": judgement_to_json(entry.judgement),
            }
            for entry in plan.withheld
        ],
        "refusals": [_plain(entry) for entry in plan.refusals],
        "blockers": [_plain(entry) for entry in plan.blockers],
        "notices": [_plain(entry) for entry in plan.notices],
        "kept": [_plain(entry) for entry in plan.kept],
        "caveats": list(plan.caveats),
        "bindings": dict(sorted(plan.bindings.items())),
        "dataset_changes": [_dataset_change_to_json(change) for change in plan.dataset_changes],
        "findings": [_plain(finding) for finding in plan.findings],
    }


def action_to_json(action: Action) -> dict[str, Any]:
    """Gives one action; ``kind`` tells which."""
    return {"kind": kind_of(action), **_plain(action)}


def _dataset_change_to_json(change: DatasetChange) -> dict[str, Any]:
    """Leaves out labels, which are training text, and what is said of other datasets alone."""
    plain = _plain(change)
    if change.rows is not None:
        del plain["rows"]["labels"]
    if change.evaluation is None:
        del plain["evaluation"]
    return plain


def _plain(value: Any) -> dict[str, Any]:
    """Lists where the values have tuples: what is read back from a saved plan is then equal to what was written."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return plain


def judgement_to_json(judgement: Judgement) -> dict[str, Any]:
    """Gives a model's judgement: the verdict, and every evaluation's with its conditions."""
    return {
        "model": judgement.model,
        "revision": judgement.revision,
        "backend": judgement.backend,
        "verdict": judgement.verdict.value if judgement.verdict else None,
        "has_gate": judgement.has_gate,
        "missing": [{"eval": missing.eval, "reason": missing.reason.value} for missing in judgement.missing],
        "evals": [_eval_to_json(one) for one in judgement.evals],
    }


def _eval_to_json(judged: EvalJudgement) -> dict[str, Any]:
    return {
        "name": judged.name,
        "measured": judged.is_measured,
        "verdict": judged.verdict.value if judged.is_measured else None,
        "n": judged.n,
        "left_out": judged.left_out,
        "training_unknown": judged.is_training_unknown,
        "mean": judged.mean,
        "outcomes": {outcome.value: count for outcome, count in sorted(judged.outcomes.items())},
        "error": judged.error,
        "conditions": [_condition_to_json(condition) for condition in judged.conditions],
    }


def _condition_to_json(result: ConditionResult) -> dict[str, Any]:
    return {
        "metric": result.condition.metric,
        "verdict": result.verdict.value,
        "enforced": result.is_enforced,
        "observed": result.observed,
        "low": result.low,
        "high": result.high,
        "threshold": result.threshold,
        "n": result.n,
        "needed_n": result.needed_n,
        "mcnemar_p": result.mcnemar_p,
        "baseline_model": result.baseline_model,
        "note": result.note,
        "sentence": result.sentence,
    }
