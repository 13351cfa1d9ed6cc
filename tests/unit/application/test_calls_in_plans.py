"""What a plan says of an evaluation that is due again: answers that are there already are not called for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from apply_world import EVAL_ROWS, World
from ftops.application.declare import eval_digest
from ftops.application.observe import observe
from ftops.domain.desired import Declared
from ftops.domain.manifest import Baseline, Condition, Test
from ftops.domain.plan import Evaluate, Plan, Reason


def evaluation(plan: Plan) -> Evaluate:
    (action,) = [action for action in plan.actions if isinstance(action, Evaluate)]
    return action


def with_eval(declared: Declared, **changes: Any) -> Declared:
    (one,) = declared.evals
    spec = replace(one.spec, **changes)
    return replace(declared, evals=(replace(one, spec=spec, digest=eval_digest(spec, one.dataset.sha256)),))


def with_grader(declared: Declared, operation: str) -> Declared:
    (one,) = declared.evals
    return with_eval(declared, grader={**one.spec.grader, "operation": operation})


def test_a_changed_grader_calls_only_where_answers_are_gone() -> None:
    world = World()
    declared = world.declare(least=2.0)  # nothing passes, so that nothing is promoted and all is measured anew
    first = evaluation(world.plan(declared))
    assert first.calls == EVAL_ROWS
    world.apply(declared)
    regraded = evaluation(world.plan(with_grader(declared, "like")))
    assert (regraded.calls, regraded.estimate.usd) == (0, 0.0)
    assert f"{EVAL_ROWS} of {EVAL_ROWS} answers are there already" in regraded.estimate.assumes
    for key in list(world.outputs.answers)[:3]:
        del world.outputs.answers[key]
    assert evaluation(world.plan(with_grader(declared, "like"))).calls == 3
    world.outputs.answers.clear()
    gone = evaluation(world.plan(with_grader(declared, "like")))
    assert (gone.calls, gone.estimate) == (EVAL_ROWS, first.estimate)


def test_a_plan_counts_repeats() -> None:
    world = World()
    declared = world.declare()
    (one,) = declared.evals
    spec = replace(one.spec, repeats=3)
    assert evaluation(world.plan(replace(declared, evals=(replace(one, spec=spec),)))).calls == 3 * EVAL_ROWS


def test_what_is_counted_is_counted_once_in_a_run() -> None:
    world = World()
    declared = world.declare()
    world.apply(declared)
    changed = with_grader(declared, "like")
    workspace = world.workspace(changed)
    record = world.ledger.state.fine_tunes[declared.name]
    job = record.revisions[declared.revision].trained_job(declared.backend.name)
    assert job is not None
    assert job.model is not None
    judgement = workspace.judge(record, changed, declared.revision, job.model)
    counts = workspace.calls_due(record, changed, declared.revision, judgement)
    world.outputs.answers.clear()
    assert workspace.calls_due(record, changed, declared.revision, judgement) is counts


def test_a_changed_grader_calls_no_baseline_either() -> None:
    world = World()
    beaten = Condition(baseline=Baseline(base=True), test=Test.SUPERIORITY, margin=1.0)  # by nobody
    declared = with_eval(world.declare(), gate=(beaten,))
    world.apply(declared)
    regraded = evaluation(world.plan(with_grader(declared, "like")))
    assert (regraded.reason, regraded.calls) == (Reason.EVAL_CHANGED, 0)


def test_answers_that_are_kept_are_not_called_for_by_a_first_evaluation() -> None:
    world = World()
    declared = world.declare(aliases={})
    world.apply(replace(declared, evals=()))  # trained, and never scored
    first = evaluation(world.plan(declared))
    assert (first.reason, first.calls) == (Reason.NOT_EVALUATED, EVAL_ROWS)
    world.apply(declared)
    (one,) = declared.evals
    another = replace(declared, evals=(one, replace(one, spec=replace(one.spec, name="another"), digest="a" * 64)))
    due = {a.evaluation: a.calls for a in world.plan(another).actions if isinstance(a, Evaluate)}
    assert due == {"another": 0}


@pytest.mark.parametrize(
    ("grader", "usd"),
    [
        ({"type": "multi", "graders": {"a": {"type": "regex", "pattern": "x"}}, "calculate_output": "a"}, 0.0),
        ({"type": "multi", "graders": [{"type": "label_model", "model": "judge"}], "calculate_output": "a"}, None),
        ({"type": "text_similarity", "evaluation_metric": "cosine", "embedding_model": "embed"}, None),
    ],
)
def test_only_judges_cost_something_where_every_answer_is_there(grader: Mapping[str, Any], usd: float | None) -> None:
    world = World()
    declared = world.declare(least=2.0)
    world.apply(declared)
    regraded = evaluation(world.plan(with_eval(declared, grader=grader)))
    assert (regraded.calls, regraded.estimate.usd) == (0, usd)
    assert ("judges" in regraded.estimate.assumes) is (usd is None)


def test_nothing_is_counted_of_what_an_alias_points_to() -> None:
    world = World()
    declared = world.declare()
    world.apply(declared)
    workspace = world.workspace(with_grader(declared, "like"))
    assert observe(workspace).state.calls == {}


def test_answers_that_models_judge_are_counted_apart() -> None:
    world = World()
    declared = world.declare()
    assert evaluation(world.plan(declared)).judged == 0
    judge = {"type": "label_model", "model": "judge", "labels": ["yes", "no"], "passing_labels": ["yes"]}
    beaten = Condition(baseline=Baseline(base=True), test=Test.SUPERIORITY)
    judged = evaluation(world.plan(with_eval(declared, grader=judge, gate=(beaten,))))
    assert (judged.calls, judged.judged) == (2 * EVAL_ROWS, 2 * EVAL_ROWS)
    assert "what judges take is not in it" in judged.estimate.assumes
